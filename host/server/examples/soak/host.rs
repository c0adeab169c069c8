//! The real binary on a port of its own, and a client that is signed in.

use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A running host. It ends with this value.
pub(crate) struct Host {
    child: Child,
    url: String,
    secret: String,
}

impl Host {
    pub(crate) fn start(binary: &str, dir: &Path) -> Self {
        let plugins: PathBuf = dir.join("plugins");
        std::fs::create_dir_all(&plugins).expect("a folder");
        let log = std::fs::File::create(dir.join("log")).expect("a log file");
        let child = Command::new(binary)
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(dir.join("data"))
            .arg("--plugins")
            .arg(plugins)
            .env("OPSSIGHT_LOG__FILTER", "warn")
            // Full early, so that what grows after that is not it.
            .env("OPSSIGHT_STORE__CACHE_MIB", "4")
            // As `deploy` starts a host.
            .env("MALLOC_ARENA_MAX", "2")
            .env("MALLOC_MMAP_THRESHOLD_", "131072")
            .env("MALLOC_TRIM_THRESHOLD_", "131072")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("the host starts");
        // From here on it ends with the value, whatever is missing.
        let mut host = Self { child, url: String::new(), secret: String::new() };
        let mut lines = BufReader::new(host.child.stdout.take().expect("its output")).lines();
        while host.url.is_empty() {
            let line = lines.next().expect("the host says that it is ready").expect("text");
            if let Some(shown) = line.strip_prefix("Admin secret (shown once): ") {
                shown.clone_into(&mut host.secret);
            }
            if let Some(url) = line.strip_prefix("OpsSight is ready at ") {
                url.clone_into(&mut host.url);
            }
        }
        host
    }

    /// What it has allocated, with what lies in files that are in memory only, as plugins do; pages of its own program
    /// that were read in are not its doing.
    pub(crate) fn memory_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let kib = |field: &str| -> u64 {
            let line = status.lines().find_map(|line| line.strip_prefix(field)).expect("the host is still running");
            line.split_whitespace().next().and_then(|kib| kib.parse().ok()).expect("a number")
        };
        kib("RssAnon:") + kib("RssShmem:")
    }

    pub(crate) async fn sign_in(&self) -> Client {
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(60)).build().expect("a client");
        let asked = http.post(format!("{}/api/v1/sessions", self.url)).json(&json!({ "secret": self.secret })).send();
        let session: Value = asked.await.expect("an answer").json().await.expect("a session");
        let token = session["token"].as_str().expect("a token").to_owned();
        Client { http, url: self.url.clone(), token }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ended = self.child.kill().and_then(|()| self.child.wait());
    }
}

/// An administrator.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) http: reqwest::Client,
    pub(crate) url: String,
    token: String,
}

impl Client {
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

    /// A connection to a plugin: its id and its webhook secret.
    pub(crate) async fn connect(&self, plugin: &str) -> (String, String) {
        let digest = self.get(&format!("/api/v1/plugins/{plugin}")).await["digest"].clone();
        let new = json!({ "name": plugin, "plugin": plugin, "consent": digest });
        let (status, made) = self.post("/api/v1/connections", &new).await;
        assert!(status == 201, "{status} {made}");
        let text = |field: &str| made[field].as_str().expect("text").to_owned();
        (text("id"), text("webhook_secret"))
    }
}
