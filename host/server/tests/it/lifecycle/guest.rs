//! A small signed plugin that takes deliveries and says which version of it took them.

use crate::harness::Client;
use opssight_package::{SigningKey, sign};
use opssight_testkit::guests;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

/// The key of the publisher "acme", the same in all processes of a test run.
static KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate().expect("a key"));

/// What it does with a delivery.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Does {
    /// Says its version.
    Say,
    /// Dies.
    Trap,
    /// Uses CPU until it is stopped.
    Spin,
}

/// A package: the more headers it sees, the more it wants.
pub(crate) fn package(version: &str, headers: usize, does: Does) -> Vec<u8> {
    sign(&unsigned(version, headers, does), "acme", &KEY).expect("sealed")
}

pub(crate) fn unsigned(version: &str, headers: usize, does: Does) -> Vec<u8> {
    let body = match does {
        Does::Trap => "unreachable",
        Does::Spin => "(loop $for_ever (br $for_ever)) unreachable",
        Does::Say => {
            "(i32.store8 (i32.const 1040) (i32.const 1))
             (i32.store (i32.const 1044) (i32.const 4096))
             (i32.store (i32.const 1048) (i32.const NOTE_LENGTH))
             (i32.const 1024)"
        }
    };
    let note = format!("by {version}");
    let code = format!(
        r#"(data (i32.const 4096) "{note}")
        (func (export "opssight:plugin/webhook@1.0.0#receive") (param i32 i32 i32 i32 i64) (result i32)
            {})"#,
        body.replace("NOTE_LENGTH", &note.len().to_string())
    );
    guests::package(&["webhook"], &code, &manifest(version, headers))
}

fn manifest(version: &str, headers: usize) -> Value {
    let headers: Vec<String> = (0..headers).map(|i| format!("x-header-{i}")).collect();
    guests::manifest(json!({
        "id": "example", "version": version, "name": "An Example", "publisher": "acme",
        "credentials": [{ "name": "hook", "title": "Webhook secret", "schemes": [
            { "scheme": "hmac-sha256", "title": "Secret", "inputs": [{ "name": "secret", "title": "Secret", "secret": true }] }
        ] }],
        "webhook": {
            "credential": "hook", "headers": headers, "delivery_id": "x-github-delivery", "event": "x-github-event",
            "verification": {
                "scheme": "hmac-sha256", "header": "x-hub-signature-256", "prefix": "sha256=", "encoding": "hex",
                "input": "secret"
            }
        },
        "budgets": { "webhook": { "cpu_ms": 60_000, "wall_ms": 60_000 } },
    }))
}

pub(crate) fn digest(package: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(package)))
}

impl Client {
    /// Install a package; with consent if somebody agreed.
    pub(crate) async fn install(&self, package: &[u8], agreed: bool) -> (u16, Value) {
        let consent = if agreed { format!("?consent={}", digest(package)) } else { String::new() };
        let request = self.request(reqwest::Method::POST, &format!("/api/v1/plugins{consent}"));
        let answer = request.header("content-type", "application/wasm").body(package.to_vec()).send().await;
        let answer = answer.expect("an answer");
        (answer.status().as_u16(), answer.json().await.unwrap_or(Value::Null))
    }

    /// A connection to it: its id and its webhook secret.
    pub(crate) async fn connect_example(&self, name: &str) -> (String, String) {
        let digest = self.get("/api/v1/plugins/example").await["digest"].clone();
        let new = json!({ "name": name, "plugin": "example", "consent": digest });
        let (status, made) = self.post("/api/v1/connections", &new).await;
        assert_eq!(status, 201, "{made}");
        let text = |field: &str| made[field].as_str().expect("text").to_owned();
        (text("id"), text("webhook_secret"))
    }

    /// The version that runs, and that the connection runs the same.
    pub(crate) async fn running(&self, connection: &str) -> String {
        let plugin = self.get("/api/v1/plugins/example").await;
        let pinned = self.get(&format!("/api/v1/connections/{connection}")).await["digest"].clone();
        assert_eq!(plugin["digest"], pinned, "the connection runs another version: {plugin}");
        plugin["version"].as_str().expect("a version").to_owned()
    }
}
