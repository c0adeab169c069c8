//! The kill switch.

use super::guest::{Does, digest, package};
use super::life::{host, signed_in};
use crate::harness::{Recorded, deliver};
use serde_json::json;
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_ends_calls_under_way_within_a_second_and_keeps_what_they_were_about() {
    let dir = tempfile::tempdir().expect("a folder");
    let data = dir.path().join("data");
    let running = host(&data);
    let client = signed_in(&running).await;
    let spinning = package("1.0.0", 1, Does::Spin);
    assert_eq!(client.install(&spinning, true).await.0, 201);
    let (connection, secret) = client.connect_example("demo").await;
    for n in 0..3 {
        let one = Recorded { event: "push".into(), id: format!("d-{n}"), body: b"{}".to_vec() };
        let answer = deliver(&client.http, &client.url, &connection, &secret, &one).send().await.expect("an answer");
        assert_eq!(answer.status(), 202);
    }
    let processing = "/api/v1/deliveries?state=processing";
    let deadline = Instant::now() + Duration::from_secs(20);
    while client.get(processing).await["items"].as_array().expect("items").is_empty() {
        assert!(Instant::now() < deadline, "no call is under way");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    let asked = Instant::now();
    let reason = json!({ "reason": "it spins" });
    let (status, told) = client.plugin("POST", "/example/revoke", reason).await;
    assert_eq!(status, 200, "{told}");
    assert!(told["interrupted"].as_u64() > Some(0), "{told}");
    while !client.get(processing).await["items"].as_array().expect("items").is_empty() {
        assert!(asked.elapsed() < Duration::from_secs(1), "calls go on a second after they were revoked");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let plugin = client.get("/api/v1/plugins/example").await;
    assert_eq!(plugin["state"], "stopped", "{plugin}");
    let waiting = client.all("/api/v1/deliveries?state=retrying").await;
    assert!(!waiting.is_empty() && waiting.iter().all(|one| one["error"]["code"] == "plugin.revoked"), "{waiting:?}");

    // Deliveries are taken also after a restart, and none of it runs until something else is installed.
    assert_eq!(running.terminate(), 0);
    let running = host(&data);
    let client = client.moved_to(&running);
    let late = Recorded { event: "push".into(), id: "late".into(), body: b"{}".to_vec() };
    let answer = deliver(&client.http, &client.url, &connection, &secret, &late).send().await.expect("an answer");
    assert_eq!(answer.status(), 202);
    let (status, told) = client.install(&spinning, true).await;
    assert_eq!((status, told["code"].as_str()), (409, Some("revoked")), "{told}");
    let mended = package("1.1.0", 1, Does::Say);
    let (status, told) = client.install(&mended, true).await;
    assert_eq!((status, told["code"].as_str()), (409, Some("revoked")), "all of its versions are revoked: {told}");
    assert_eq!(client.plugin("DELETE", "/revocations?plugin=example", json!({})).await.0, 204);
    assert_eq!(client.install(&mended, true).await.0, 201);
    assert_eq!(client.get("/api/v1/plugins/example").await["digest"], digest(&mended));
    client.all_settled().await;
    let log = client.all("/api/v1/deliveries").await;
    assert_eq!(log.len(), 4);
    assert!(log.iter().all(|one| one["note"] == "by 1.1.0"), "{log:?}");
}
