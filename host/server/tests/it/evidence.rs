//! Recorded calls of a running host, replayed by the command line.

use crate::harness::{Client, Host, Start, plugins, recorded};
use crate::replay::play;
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

/// As an operator types it.
struct Operator<'a> {
    host: &'a Host,
    client: &'a Client,
    dir: &'a Path,
}

impl Operator<'_> {
    fn run(&self, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_opssight"))
            .args(args)
            .env("OPSSIGHT_SERVER", &self.host.url)
            .env("OPSSIGHT_TOKEN", &self.client.token)
            .env("OPSSIGHT_CREDENTIALS_FILE", self.dir.join("credentials.json"))
            .stdin(std::process::Stdio::null())
            .output()
            .expect("the binary runs")
    }

    fn json(&self, args: &[&str]) -> Value {
        let output = self.run(args);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("JSON")
    }

    /// The recorded calls, once there are so many.
    async fn calls(&self, count: usize) -> Vec<Value> {
        for _ in 0..200 {
            let calls = self.json(&["plugins", "calls", "github", "--all", "-o", "json"]);
            let calls = calls["items"].as_array().expect("items").clone();
            if calls.len() >= count {
                return calls;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("fewer than {count} calls were recorded");
    }
}

fn out(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delivery_to_the_github_plugin_is_replayed_offline_to_the_same_bytes() {
    let dir = tempfile::tempdir().expect("a folder");
    let data = dir.path().join("data");
    let host = Start::on(&data).env("OPSSIGHT_PLUGINS__EVIDENCE", "{ record = \"all\" }").start();
    let secret = host.admin_secret.clone().expect("a first start shows the secret");
    let client = Client::sign_in(&host, &secret).await;
    let (connection, hook_secret) = client.connect_github("acme").await;
    let delivery: Vec<_> = recorded().into_iter().filter(|one| one.event == "workflow_run").take(1).collect();
    play(&client, &connection.id, &hook_secret, &delivery).await;
    let operator = Operator { host: &host, client: &client, dir: dir.path() };
    let calls = operator.calls(1).await;
    let call = calls.iter().find(|call| call["kind"] == "webhook").expect("the delivery's call");
    assert_eq!((call["outcome"].as_str(), call["replayable"].as_bool()), (Some("ok"), Some(true)), "{call}");
    let id = call["id"].as_str().expect("an id");
    let package = plugins().join("github.wasm");

    // From the server, on a package of this machine.
    let replayed = operator.run(&["plugins", "replay", id, "--package", package.to_str().expect("text")]);
    assert!(replayed.status.success(), "{}", out(&replayed));
    assert!(out(&replayed).contains(&format!("{id}: identical (webhook of github")), "{}", out(&replayed));

    // Package and all from the server, once it keeps the package.
    let hex = call["digest"].as_str().and_then(|digest| digest.strip_prefix("sha256:")).expect("a digest");
    std::fs::copy(&package, data.join("packages").join(format!("{hex}.wasm"))).expect("the package is kept");
    let replayed = operator.run(&["plugins", "replay", id]);
    assert!(replayed.status.success(), "{}", out(&replayed));

    // From a file, without a server.
    let record = operator.json(&["plugins", "call", id, "-o", "json"]);
    assert!(!record.to_string().contains("a-token-for-tests") && !record.to_string().contains(&hook_secret));
    let file = dir.path().join("bug.json");
    let title = "\"title\": \"";
    let text = serde_json::to_string_pretty(&record).expect("JSON");
    assert!(text.contains(title), "{text}");
    // What would clear the screen, or turn the text around, in a value and in the call's id.
    let hostile = text.replacen(title, "\"title\": \"not \u{9b}2J\u{202e}", 1).replace(id, "call\\u001b[2J");
    std::fs::write(&file, hostile).expect("a file");
    drop(client.get("/api/v1/plugins/github/log").await);
    assert_eq!(host.terminate(), 0);
    let offline = Command::new(env!("CARGO_BIN_EXE_opssight"))
        .args(["plugins", "replay"])
        .arg(&file)
        .arg("--package")
        .arg(&package)
        .env("OPSSIGHT_CREDENTIALS_FILE", dir.path().join("credentials.json"))
        .output()
        .expect("the binary runs");
    assert_eq!(offline.status.code(), Some(1), "{}", out(&offline));
    let told = out(&offline);
    assert!(told.contains("different") && told.contains("title was"), "{told}");
    assert!(told.contains("not \\u{9b}2J\\u{202e}") && told.contains("call[2J: different"), "{told:?}");
    assert!(!told.contains(|c: char| (c.is_control() && c != '\n') || c == '\u{202e}'), "{told:?}");
}
