//! Killed at any moment of any change, the host comes back to one version that everybody agrees on.

use super::guest::{Does, digest, package};
use super::life::{host, signed_in};
use super::stream::Stream;
use crate::harness::Client;
use serde_json::json;
use std::time::Duration;

const KILLS: u64 = 24;

/// Change it without end, until the host is gone.
async fn restless(client: Client, packages: Vec<Vec<u8>>) {
    for n in 0_usize.. {
        let package = packages[n % packages.len()].clone();
        let consent = format!("/api/v1/plugins?consent={}", digest(&package));
        let install = client.request(reqwest::Method::POST, &consent).header("content-type", "application/wasm");
        if install.body(package.clone()).send().await.is_err() {
            return;
        }
        let changes = [
            ("rollback", json!({ "digest": digest(&package) })),
            ("rollback", json!({})),
            ("shadow", json!({ "digest": digest(&package) })),
            ("disable", json!({})),
            ("enable", json!({})),
        ];
        for (verb, body) in changes {
            let path = format!("/api/v1/plugins/example/{verb}");
            if client.request(reqwest::Method::POST, &path).json(&body).send().await.is_err() {
                return;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_in_the_middle_of_changes_lose_no_delivery_and_leave_one_version() {
    let dir = tempfile::tempdir().expect("a folder");
    let data = dir.path().join("data");
    let mut running = host(&data);
    let mut client = signed_in(&running).await;
    let packages: Vec<Vec<u8>> = (0..6).map(|n| package(&format!("1.{n}.0"), 1 + n % 3, Does::Say)).collect();
    assert_eq!(client.install(&packages[0], true).await.0, 201);
    let (connection, secret) = client.connect_example("demo").await;
    let stream = Stream::start(&client, &connection, &secret);
    // A fixed sequence: a run that fails can be repeated.
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    for _ in 0..KILLS {
        let changes = tokio::spawn(restless(client.moved_to(&running), packages.clone()));
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        tokio::time::sleep(Duration::from_millis(20 + random % 150)).await;
        running.kill();
        changes.await.expect("it ends");
        running = host(&data);
        client = client.moved_to(&running);
        stream.moved_to(&client);
        // One version runs, and the connection runs it.
        client.running(&connection).await;
        let versions = client.get("/api/v1/plugins/example/versions").await;
        let versions = versions["items"].as_array().expect("items");
        assert_eq!(versions.iter().filter(|version| version["state"] == "active").count(), 1, "{versions:?}");
    }
    client.plugin("POST", "/example/enable", json!({})).await;
    let accepted = stream.none_lost(&client).await;
    assert!(accepted > 50, "only {accepted} deliveries were accepted");
}
