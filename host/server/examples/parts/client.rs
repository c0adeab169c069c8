//! An administrator of a host that a program has started.

use serde_json::{Value, json};
use std::time::Duration;

#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) http: reqwest::Client,
    pub(crate) url: String,
    token: String,
}

impl Client {
    /// With the secret that the host showed at its first start.
    pub(crate) async fn sign_in(url: &str, secret: &str) -> Self {
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(60)).build().expect("a client");
        let asked = http.post(format!("{url}/api/v1/sessions")).json(&json!({ "secret": secret })).send();
        let session: Value = asked.await.expect("an answer").json().await.expect("a session");
        let token = session["token"].as_str().expect("a token").to_owned();
        Client { http, url: url.to_owned(), token }
    }

    pub(crate) fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url)).bearer_auth(&self.token)
    }

    pub(crate) async fn ask(&self, request: reqwest::RequestBuilder) -> (u16, Value) {
        let answer = request.send().await.expect("the host answers");
        (answer.status().as_u16(), answer.json().await.unwrap_or(Value::Null))
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let (status, value) = self.ask(self.request(reqwest::Method::GET, path)).await;
        assert!(status == 200, "GET {path}: {status} {value}");
        value
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        self.ask(self.request(reqwest::Method::POST, path).json(body)).await
    }

    /// All rows of a list.
    pub(crate) async fn all(&self, path: &str) -> Vec<Value> {
        let (mut rows, mut cursor) = (Vec::new(), String::new());
        let mark = if path.contains('?') { '&' } else { '?' };
        loop {
            let page = self.get(&format!("{path}{mark}limit=200{cursor}")).await;
            rows.extend(page["items"].as_array().expect("items").iter().cloned());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return rows,
            }
        }
    }

    /// A new connection: its id and its webhook secret.
    pub(crate) async fn connect(&self, new: &Value) -> (String, String) {
        let (status, made) = self.post("/api/v1/connections", new).await;
        assert!(status == 201, "{status} {made}");
        let text = |field: &str| made[field].as_str().expect("text").to_owned();
        (text("id"), text("webhook_secret"))
    }
}
