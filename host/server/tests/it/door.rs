//! Bad input at the door: each kind gets its own clear answer, shows in the log where it belongs, and breaks nothing.

use crate::harness::{Client, Host, Recorded, Start, deliver, recorded, sign};
use opssight_api_types::connections::Connection;
use serde_json::{Value, json};

struct Door {
    host: Host,
    client: Client,
    connection: Connection,
    secret: String,
    _dir: tempfile::TempDir,
}

async fn door() -> Door {
    let dir = tempfile::tempdir().expect("a folder");
    let host = Start::on(&dir.path().join("data")).env("OPSSIGHT_HOOKS__BODY_LIMIT", "26214400").start();
    let secret = host.admin_secret.clone().expect("a first start shows the secret");
    let client = Client::sign_in(&host, &secret).await;
    let (connection, secret) = client.connect_github("acme").await;
    Door { host, client, connection, secret, _dir: dir }
}

impl Door {
    async fn post(&self, headers: &[(&str, &str)], body: Vec<u8>) -> (u16, Value) {
        let mut request = self.client.http.post(format!("{}/hooks/{}", self.host.url, self.connection.id)).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.send().await.expect("an answer");
        (answer.status().as_u16(), answer.json().await.unwrap_or(Value::Null))
    }

    async fn deliver(&self, recorded: &Recorded) -> (u16, Value) {
        let request = deliver(&self.client.http, &self.host.url, &self.connection.id, &self.secret, recorded);
        let answer = request.send().await.expect("an answer");
        (answer.status().as_u16(), answer.json().await.unwrap_or(Value::Null))
    }

    /// State, fault and code of the log's entry with that upstream id.
    async fn logged(&self, upstream_id: &str) -> (String, String, String, String) {
        self.client.settled().await;
        let all = self.client.all("/api/v1/deliveries").await;
        let found = all.iter().find(|delivery| delivery["delivery_id"] == upstream_id);
        let found = found.unwrap_or_else(|| panic!("{upstream_id} is not in the log: {all:#?}"));
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (
            text(&found["state"]),
            text(&found["error"]["fault"]),
            text(&found["error"]["code"]),
            text(&found["error"]["message"]) + &text(&found["note"]),
        )
    }
}

fn named(event: &str, id: &str, body: &[u8]) -> Recorded {
    Recorded { event: event.into(), id: id.into(), body: body.to_vec() }
}

#[tokio::test]
async fn every_kind_of_bad_delivery_gets_its_own_answer_and_breaks_nothing() {
    let door = door().await;
    let body = br#"{"zen":"ok"}"#.to_vec();

    let (status, problem) =
        door.post(&[("x-github-event", "ping"), ("x-github-delivery", "unsigned")], body.clone()).await;
    assert_eq!((status, problem["code"].as_str()), (401, Some("signature-missing")), "{problem}");
    let (state, fault, code, _) = door.logged("unsigned").await;
    assert_eq!((state.as_str(), fault.as_str(), code.as_str()), ("rejected", "sender", "signature-missing"));

    let wrong = sign("not the secret", &body);
    let headers =
        [("x-github-event", "ping"), ("x-github-delivery", "forged"), ("x-hub-signature-256", wrong.as_str())];
    let (status, problem) = door.post(&headers, body.clone()).await;
    assert_eq!((status, problem["code"].as_str()), (401, Some("signature-mismatch")), "{problem}");
    assert_eq!(door.logged("forged").await.2, "signature-mismatch");

    let headers = [("x-github-delivery", "garbled"), ("x-hub-signature-256", "sha256=xyz")];
    let (status, problem) = door.post(&headers, body.clone()).await;
    assert_eq!((status, problem["code"].as_str()), (401, Some("signature-malformed")), "{problem}");

    // Genuine, but not JSON: kept, because nothing is parsed before it is stored; then it fails for good, visibly.
    let (status, accepted) = door.deliver(&named("workflow_run", "not-json", b"this is not JSON")).await;
    assert_eq!(status, 202, "{accepted}");
    let (state, fault, code, message) = door.logged("not-json").await;
    assert_eq!((state.as_str(), fault.as_str(), code.as_str()), ("failed", "plugin", "github.not-json"), "{message}");

    let (status, _) = door.deliver(&named("star_explosion", "unheard-of", b"{}")).await;
    assert_eq!(status, 202);
    let (state, _, _, note) = door.logged("unheard-of").await;
    assert_eq!(state, "ignored");
    assert!(note.contains("star_explosion"), "{note}");

    let whole = recorded().into_iter().find(|one| one.event == "workflow_run").expect("a recorded run");
    let truncated = whole.body.get(..whole.body.len() / 2).expect("half").to_vec();
    let (status, _) = door.deliver(&named("workflow_run", "truncated", &truncated)).await;
    assert_eq!(status, 202);
    assert_eq!(door.logged("truncated").await.0, "failed");

    // Nulls where the schema says otherwise.
    let mut payload: Value = serde_json::from_slice(&whole.body).expect("JSON");
    payload["workflow_run"]["head_branch"] = Value::Null;
    payload["workflow_run"]["pull_requests"] = Value::Null;
    payload["workflow_run"]["actor"] = Value::Null;
    payload["sender"] = Value::Null;
    let (status, _) = door.deliver(&named("workflow_run", "nulls", payload.to_string().as_bytes())).await;
    assert_eq!(status, 202);
    let (state, _, _, message) = door.logged("nulls").await;
    assert_eq!(state, "done", "{message}");

    payload["workflow_run"]["id"] = Value::Null;
    let (status, _) = door.deliver(&named("workflow_run", "no-identity", payload.to_string().as_bytes())).await;
    assert_eq!(status, 202);
    let (state, fault, code, message) = door.logged("no-identity").await;
    assert_eq!((state.as_str(), fault.as_str(), code.as_str()), ("failed", "plugin", "github.bad-payload"));
    assert!(message.contains("id"), "{message}");

    // And after all that, a good one goes through.
    let (status, _) = door.deliver(&whole).await;
    assert_eq!(status, 202);
    assert_eq!(door.logged(&whole.id).await.0, "done");
    assert_eq!(door.host.terminate(), 0);
}

#[tokio::test]
async fn thirty_megabytes_are_refused_and_noted() {
    let door = door().await;
    let body = vec![b' '; 30 * 1024 * 1024];
    let signature = sign(&door.secret, &body);
    let headers =
        [("x-github-event", "push"), ("x-github-delivery", "huge"), ("x-hub-signature-256", signature.as_str())];
    let (status, problem) = door.post(&headers, body).await;
    assert_eq!((status, problem["code"].as_str()), (413, Some("body-too-large")), "{problem}");
    let (state, fault, code, _) = door.logged("huge").await;
    assert_eq!((state.as_str(), fault.as_str(), code.as_str()), ("rejected", "sender", "body-too-large"));
}

#[tokio::test]
async fn an_unknown_connection_is_said_to_be_unknown_and_a_switched_off_one_off() {
    let door = door().await;
    let answer = door.client.http.post(format!("{}/hooks/github-nobody", door.host.url)).body("{}").send().await;
    let answer = answer.expect("an answer");
    assert_eq!(answer.status(), 404);
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    let problem: Value = answer.json().await.expect("a problem");
    assert_eq!(problem["code"], "unknown-connection");

    let path = format!("/api/v1/connections/{}", door.connection.id);
    let patched = door.client.request(reqwest::Method::PATCH, &path).json(&json!({ "enabled": false })).send().await;
    assert_eq!(patched.expect("an answer").status(), 200);
    let (status, problem) = door.deliver(&named("ping", "to-off", b"{}")).await;
    assert_eq!((status, problem["code"].as_str()), (409, Some("connection-disabled")));
}

#[tokio::test]
async fn a_failed_delivery_can_be_replayed_and_a_genuine_one_follows_a_forged_one() {
    let door = door().await;
    let run = recorded().into_iter().find(|one| one.event == "workflow_run").expect("a recorded run");
    let forged = Recorded { body: b"{}".to_vec(), ..run.clone() };
    let request = deliver(&door.client.http, &door.host.url, &door.connection.id, "wrong", &forged);
    assert_eq!(request.send().await.expect("an answer").status(), 401);
    // The forger must not have used up the delivery's id.
    let (status, accepted) = door.deliver(&run).await;
    assert_eq!((status, accepted["duplicate"].as_bool()), (202, Some(false)), "{accepted}");
    let (status, again) = door.deliver(&run).await;
    assert_eq!((status, again["duplicate"].as_bool()), (202, Some(true)), "{again}");
    assert_eq!(accepted["id"], again["id"]);

    let (_, broken) = door.deliver(&named("workflow_run", "broken", b"[]")).await;
    assert_eq!(door.logged("broken").await.0, "failed");
    let id = broken["id"].as_str().expect("an id");
    let (status, _) = door.client.post(&format!("/api/v1/deliveries/{id}/replay"), &json!({})).await;
    assert!(status == 200 || status == 202, "{status}");
    door.client.settled().await;
    let detail = door.client.get(&format!("/api/v1/deliveries/{id}")).await;
    assert_eq!(detail["delivery"]["state"], "failed");
    // A replay has a fresh budget of attempts.
    assert_eq!(detail["delivery"]["attempts"], 1);
    assert_eq!(detail["body"], "[]");
}
