//! The testkit on the plugin that every other one is written after.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use opssight_core::plugins::{FaultSource, Grants};
use opssight_testkit::{CassetteMode, Response, TestHost, build_plugin, replays};
use std::time::Duration;

async fn github() -> TestHost {
    TestHost::new(&build_plugin("opssight-plugin-github").unwrap()).await.unwrap().credential(
        "api",
        "bearer",
        &[("token", "c4n4ry-c4n4ry")],
    )
}

#[tokio::test]
async fn a_delivery_becomes_items_on_the_real_runtime() {
    let host = github().await;
    let headers = [("X-GitHub-Event", "ping"), ("X-GitHub-Delivery", "1")];
    let reception = host.receive(&headers, r#"{"zen":"Keep it logically awesome.","hook_id":1}"#).await.unwrap();
    assert!(reception.items.is_empty() && reception.note.is_some());
    assert!(host.requests().is_empty());
    assert!(host.usage().memory_bytes > 0);
}

#[tokio::test]
async fn requests_reach_the_recorded_upstream_with_the_hosts_credential() {
    let host = github().await.handler(|_| Response::new(401, &[], r#"{"message":"Bad credentials"}"#));
    let error = host.check().await.unwrap_err();
    assert_eq!(error.fault, FaultSource::Upstream, "{error}");
    let requests = host.requests();
    assert_eq!(requests[0].method, "GET");
    assert_eq!(requests[0].headers["authorization"], "Bearer c4n4ry-c4n4ry");
}

#[tokio::test]
async fn what_is_not_granted_is_not_reached() {
    let host = github().await.grants(Grants::default());
    let error = host.check().await.unwrap_err();
    assert_eq!((error.fault, error.code.as_str()), (FaultSource::Policy, "egress.denied"));
    assert!(host.requests().is_empty());
}

#[tokio::test]
async fn only_the_clock_beside_a_real_upstream_runs() {
    let host = github().await;
    let then = host.now();
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(host.now(), then);
    host.advance_secs(60);
    assert_eq!(host.now(), then.plus_secs(60));
    let host = host.real(serde_json::json!({}), Grants::default(), then);
    tokio::time::sleep(Duration::from_millis(20)).await;
    let moved = host.now();
    assert!(moved > then && moved < then.plus_secs(60), "{then:?}, {moved:?}");
}

#[tokio::test]
async fn a_cassette_stands_in_for_the_upstream() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("check.json");
    let rule = |_: &opssight_testkit::Request| Response::new(200, &[], r#"{"login":"octocat","id":1}"#);
    let recording = github().await.handler(rule).cassette(&path, CassetteMode::Record).unwrap();
    let live = recording.check().await;
    let asked = recording.requests().len();
    assert!(asked > 0);
    recording.receive(&[("X-GitHub-Event", "ping")], r#"{"zen":"Keep it logically awesome."}"#).await.unwrap();
    drop(recording);
    let written = std::fs::read_to_string(&path).unwrap();
    assert!(!written.contains("c4n4ry"), "{written}");
    // No handler, no credential: nothing but the cassette.
    let package = build_plugin("opssight-plugin-github").unwrap();
    let replaying = TestHost::new(&package).await.unwrap().cassette(&path, CassetteMode::Replay).unwrap();
    let replayed = replaying.check().await;
    assert_eq!(format!("{replayed:?}"), format!("{live:?}"));
    replaying.receive(&[("X-GitHub-Event", "ping")], r#"{"zen":"Keep it logically awesome."}"#).await.unwrap();
    assert!(replaying.requests().is_empty());
    // What is not on it is told.
    let error = replaying.check().await.unwrap_err();
    assert!(error.code == "cassette" && error.message.contains("no further call of health"), "{error}");
    assert_eq!(replays(&package, folder.path()).unwrap(), 2);
}

#[test]
fn a_cassette_that_plays_differently_is_told_in_words() {
    let package = build_plugin("opssight-plugin-github").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ping.json");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let host = TestHost::new(&package).await.unwrap().cassette(&path, CassetteMode::Record).unwrap();
        host.receive(&[("X-GitHub-Event", "ping")], r#"{"zen":"Anything added dilutes everything else."}"#)
            .await
            .unwrap();
    });
    let record = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, record.replace("\"items\": []", "\"items\": [{ \"id\": \"1\" }]")).unwrap();
    let told = replays(&package, folder.path()).unwrap_err().to_string();
    assert!(told.contains("ping.json, call 1: the answer.items[0] was"), "{told}");
}
