//! The life of a plugin over HTTP. The rules are the core's; here it is what is asked and answered.

use crate::testing::installs::package;
use crate::testing::{World, json, problem};
use axum::body::Body;
use axum::http::{Method, Request, Response};
use serde_json::{Value, json};

struct Desk(World, String);

impl Desk {
    async fn new() -> Self {
        let world = World::new();
        let token = world.token().await;
        Self(world, token)
    }

    async fn send(&self, method: Method, path: &str, kind: &str, body: impl Into<Body>) -> Response<Body> {
        let request = Request::builder()
            .method(method)
            .uri(format!("/api/v1/{path}"))
            .header("authorization", format!("Bearer {}", self.1))
            .header("content-type", kind);
        self.0.send(request.body(body.into()).unwrap()).await
    }

    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        let response = self.send(Method::POST, path, "application/json", body.to_string()).await;
        (response.status().as_u16(), json(response).await)
    }

    async fn get(&self, path: &str) -> Value {
        json(self.send(Method::GET, path, "application/json", "").await).await
    }

    async fn install(&self, query: &str, package: Vec<u8>) -> (u16, Value) {
        let response = self.send(Method::POST, &format!("plugins{query}"), "application/wasm", package).await;
        (response.status().as_u16(), json(response).await)
    }

    /// Install with consent; the digest.
    async fn consent(&self, package: Vec<u8>) -> String {
        let looked = self.send(Method::POST, "plugins/inspect", "application/wasm", package.clone()).await;
        let digest = json(looked).await["digest"].as_str().unwrap().to_owned();
        let (status, answer) = self.install(&format!("?consent={digest}"), package).await;
        assert_eq!((status, &answer["approval"]), (201, &json!("active")), "{answer}");
        digest
    }
}

#[tokio::test]
async fn a_new_plugin_is_looked_at_agreed_to_and_installed() {
    let desk = Desk::new().await;
    let looked = desk.send(Method::POST, "plugins/inspect", "application/wasm", package("1.0.0", 1)).await;
    let inspection = json(looked).await;
    assert_eq!(inspection["abilities"][0]["key"], "send GET https://0.example");
    assert_eq!(inspection["pins_key"], true);
    assert!(inspection.get("refused").is_none() && inspection.get("change").is_none(), "{inspection}");

    let (status, refused) = desk.install("", package("1.0.0", 1)).await;
    assert_eq!((status, &refused["code"]), (409, &json!("consent-needed")), "{refused}");
    let (status, refused) = desk.install("?consent=sha256:0", package("1.0.0", 1)).await;
    assert_eq!((status, &refused["code"]), (409, &json!("other-digest")), "{refused}");
    let digest = desk.consent(package("1.0.0", 1)).await;
    let (status, again) = desk.install("", package("1.0.0", 1)).await;
    assert_eq!((status, &again["approval"]), (200, &json!("unchanged")), "{again}");

    let versions = desk.get("plugins/example/versions").await;
    assert_eq!(versions["active"], digest.as_str());
    assert_eq!(versions["versions"][0]["source"], "upload");
    assert_eq!(desk.get("plugins/publishers").await["items"][0]["name"], "acme");
}

#[tokio::test]
async fn an_update_that_wants_more_waits_for_approval() {
    let desk = Desk::new().await;
    let first = desk.consent(package("1.0.0", 1)).await;
    let (status, answer) = desk.install("", package("1.1.0", 2)).await;
    assert_eq!((status, &answer["approval"]), (202, &json!("waiting")), "{answer}");
    assert_eq!(answer["inspection"]["change"]["added"][0]["key"], "send GET https://1.example");
    let second = answer["inspection"]["digest"].clone();
    assert_eq!(desk.get("plugins/example/versions").await["active"], first.as_str());

    let (status, approved) = desk.post("plugins/example/approve", json!({ "digest": second })).await;
    assert_eq!((status, &approved["active"]), (200, &second));
    let (status, refused) = desk.post("plugins/example/approve", json!({ "digest": second })).await;
    assert_eq!((status, &refused["code"]), (409, &json!("not-now")));
    let (status, back) = desk.post("plugins/example/rollback", json!({ "reason": "it is slow" })).await;
    assert_eq!((status, &back["active"]), (200, &json!(first)));
    let withdrawn =
        back["versions"].as_array().unwrap().iter().find(|version| version["state"] == "withdrawn").unwrap();
    assert!(withdrawn["reason"].as_str().unwrap().contains("it is slow"), "{withdrawn}");
    let events = desk.get("plugins/example/events?limit=2").await;
    assert_eq!(events["items"].as_array().unwrap().len(), 2);
    let older = desk.get(&format!("plugins/example/events?cursor={}", events["next_cursor"].as_str().unwrap())).await;
    assert!(older["items"][0]["seq"].as_i64() < events["items"][1]["seq"].as_i64());
}

#[tokio::test]
async fn a_revocation_stops_and_can_be_lifted() {
    let desk = Desk::new().await;
    desk.consent(package("1.0.0", 1)).await;
    let (status, _) = desk.post("plugins/revocations", json!({ "reason": "nothing named" })).await;
    assert_eq!(status, 400);
    let (status, revoked) =
        desk.post("plugins/revocations", json!({ "plugin": "example", "reason": "it leaks" })).await;
    assert_eq!((status, &revoked["interrupted"]), (200, &json!(3)));
    assert!(desk.get("plugins/example/versions").await.get("active").is_none());
    let (status, refused) = desk.install("", package("1.1.0", 1)).await;
    assert_eq!((status, &refused["code"]), (409, &json!("revoked")));
    let target = desk.get("plugins/revocations").await["items"][0]["target"].as_str().unwrap().to_owned();
    let lifted = desk.send(Method::DELETE, &format!("plugins/revocations/{target}"), "application/json", "").await;
    assert_eq!(lifted.status(), 204);
}

#[tokio::test]
async fn packages_come_from_the_catalogue_as_well() {
    let desk = Desk::new().await;
    let found = desk.get("catalogue?query=exam").await;
    assert_eq!(
        (&found["items"][0]["id"], &found["problems"][0]),
        (&json!("example"), &json!("oci://down.example does not answer"))
    );
    let (status, looked) = desk.post("plugins/inspect", json!({ "id": "example", "version": "1.1.0" })).await;
    assert_eq!((status, &looked["version"]), (200, &json!("1.1.0")));
    let (status, _) = desk
        .post(
            &format!("plugins?consent={}", looked["digest"].as_str().unwrap()),
            json!({ "id": "example", "version": "1.1.0" }),
        )
        .await;
    assert_eq!(status, 201);
    let gone = desk.send(Method::GET, "catalogue/other", "application/json", "").await;
    let (status, told) = problem(gone).await;
    assert_eq!((status, &told["code"]), (404, &json!("not-in-catalogue")));
}

#[tokio::test]
async fn what_is_no_package_is_refused_in_words() {
    let desk = Desk::new().await;
    let text = desk.send(Method::POST, "plugins", "text/plain", "hello").await;
    assert_eq!(problem(text).await.0, 415);
    let broken = desk.send(Method::POST, "plugins", "application/wasm", "hello").await;
    let (status, told) = problem(broken).await;
    assert_eq!((status, &told["code"]), (400, &json!("malformed")));
    let unsigned = serde_json::from_slice::<Value>(&package("1.0.0", 1)).unwrap();
    let unsigned = json!({ "manifest": unsigned["manifest"] }).to_string();
    let (status, told) = desk.install("", unsigned.into_bytes()).await;
    assert_eq!((status, &told["code"]), (400, &json!("unsigned")));
    let huge = desk.send(Method::POST, "plugins", "application/wasm", vec![0; (32 << 20) + 1]).await;
    assert_eq!(problem(huge).await.0, 413);
    let wrong = desk.send(Method::DELETE, "plugins/example?data=burn", "application/json", "").await;
    assert_eq!(problem(wrong).await.0, 400);
}
