//! The testkit on the plugin that every other one is written after.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use opssight_core::plugins::{FaultSource, Grants};
use opssight_testkit::{Response, TestHost, build_plugin};

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
