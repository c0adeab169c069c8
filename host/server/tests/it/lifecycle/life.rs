//! From installation to uninstallation.

use super::guest::{Does, digest, package};
use super::stream::Stream;
use crate::harness::{Client, Host, Start};
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};

/// A host with an empty plugin folder that rolls back soon.
pub(crate) fn host(dir: &Path) -> Host {
    let plugins = dir.with_extension("plugins");
    std::fs::create_dir_all(&plugins).expect("a folder");
    Start::on(dir).with_plugins(&plugins).env("OPSSIGHT_PLUGINS__UPDATE__FAULTS", "3").start()
}

pub(crate) async fn signed_in(host: &Host) -> Client {
    Client::sign_in(host, &host.admin_secret.clone().expect("a first start shows the secret")).await
}

async fn becomes(client: &Client, connection: &str, version: &str) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while client.running(connection).await != version {
        assert!(Instant::now() < deadline, "version {version} does not run");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn ok(client: &Client, method: &str, path: &str, body: Value) -> Value {
    let (status, told) = client.plugin(method, path, body).await;
    assert!((200..300).contains(&status), "{method} {path}: {status} {told}");
    told
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_lives_its_life_under_a_stream_of_deliveries_and_none_is_lost() {
    let dir = tempfile::tempdir().expect("a folder");
    let data = dir.path().join("data");
    let running = host(&data);
    let client = signed_in(&running).await;
    let first = package("1.0.0", 1, Does::Say);
    let (status, told) = client.install(&first, false).await;
    assert_eq!((status, told["code"].as_str()), (409, Some("consent-needed")), "{told}");
    let (status, told) = client.install(&first, true).await;
    assert_eq!(status, 201, "{told}");
    let (connection, secret) = client.connect_example("demo").await;
    let stream = Stream::start(&client, &connection, &secret);

    // No more than before: applied at once.
    assert_eq!(client.install(&package("1.1.0", 1, Does::Say), false).await.1["approval"], "active");
    assert_eq!(client.running(&connection).await, "1.1.0");
    // More: it waits, the old one goes on.
    let wider = package("1.2.0", 2, Does::Say);
    let (status, told) = client.install(&wider, false).await;
    assert_eq!((status, told["approval"].as_str()), (202, Some("waiting")), "{told}");
    assert_eq!(told["inspection"]["update"]["added"][0]["key"], "see header x-header-1");
    assert_eq!(client.running(&connection).await, "1.1.0");
    ok(&client, "POST", "/example/approve", json!({ "digest": digest(&wider) })).await;
    assert_eq!(client.running(&connection).await, "1.2.0");
    ok(&client, "POST", "/example/rollback", json!({ "reason": "a try" })).await;
    assert_eq!(client.running(&connection).await, "1.1.0");

    // Switched off, deliveries are taken and wait; switched on, they are processed.
    ok(&client, "POST", "/example/disable", json!({})).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    ok(&client, "POST", "/example/enable", json!({})).await;

    // A version that dies is rolled back by itself, and what it failed is processed by the one before.
    assert_eq!(client.install(&package("1.3.0", 1, Does::Trap), false).await.1["approval"], "active");
    becomes(&client, &connection, "1.1.0").await;
    // The version before runs first, and then gets what was failed.
    let deadline = Instant::now() + Duration::from_secs(10);
    let events = loop {
        let events = client.get("/api/v1/plugins/example/events").await.to_string();
        if events.contains("are processed again") {
            break events;
        }
        assert!(Instant::now() < deadline, "{events}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert!(events.contains("failed by its own fault"), "{events}");

    // A shadow can be begun and dropped.
    let newer = package("1.4.0", 1, Does::Say);
    ok(&client, "POST", "/example/rollback", json!({ "digest": digest(&first) })).await;
    let answer = client
        .request(reqwest::Method::POST, "/api/v1/plugins?shadow_calls=1000")
        .header("content-type", "application/wasm")
        .body(newer.clone())
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 202);
    ok(&client, "POST", "/example/drop", json!({ "digest": digest(&newer) })).await;

    // What was decided holds after a restart.
    assert_eq!(running.terminate(), 0);
    let running = host(&data);
    let client = client.moved_to(&running);
    stream.moved_to(&client);
    assert_eq!(client.running(&connection).await, "1.0.0");
    tokio::time::sleep(Duration::from_millis(300)).await;
    let accepted = stream.none_lost(&client).await;
    assert!(accepted > 100, "only {accepted} deliveries were accepted");
    let notes = client.get("/api/v1/deliveries?limit=200").await.to_string();
    assert!(notes.contains("by 1.0.0"), "{notes}");
    assert_eq!(running.terminate(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uninstalling_keeps_or_removes_the_connections() {
    let dir = tempfile::tempdir().expect("a folder");
    let running = host(&dir.path().join("data"));
    let client = signed_in(&running).await;
    let first = package("1.0.0", 1, Does::Say);
    client.install(&first, true).await;
    let (connection, secret) = client.connect_example("demo").await;
    ok(&client, "DELETE", "/example?data=keep", json!({})).await;
    assert!(client.get("/api/v1/plugins").await["items"].as_array().expect("items").is_empty());
    // Nobody verifies deliveries of a plugin that is not there; the sender is told to come again.
    let one = crate::harness::Recorded { event: "push".into(), id: "early".into(), body: b"{}".to_vec() };
    let send = || crate::harness::deliver(&client.http, &client.url, &connection, &secret, &one).send();
    assert_eq!(send().await.expect("an answer").status(), 503);
    assert_eq!(client.install(&first, true).await.0, 201);
    assert_eq!(client.running(&connection).await, "1.0.0");
    assert_eq!(send().await.expect("an answer").status(), 202);
    client.all_settled().await;
    ok(&client, "DELETE", "/example?data=remove", json!({})).await;
    assert!(client.all("/api/v1/connections").await.is_empty() && client.all("/api/v1/deliveries").await.is_empty());
}
