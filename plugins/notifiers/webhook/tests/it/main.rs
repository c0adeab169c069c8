//! The package on the real runtime, with receivers that mean well and receivers that do not.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use opssight_testkit::plugins::kinds::{Notification, Notified, Severity};
use opssight_testkit::plugins::manifest::BudgetAsk;
use opssight_testkit::plugins::{FailureClass, FaultSource, Plugins};
use opssight_testkit::{Fault, Response, TestHost, Timestamp, build_plugin, tokio};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const PATH: &str = "/in/ops";

async fn webhook() -> TestHost {
    on(TestHost::new(&package()).await.unwrap())
}

fn package() -> Vec<u8> {
    build_plugin("opssight-plugin-webhook").unwrap()
}

fn on(host: TestHost) -> TestHost {
    let url = format!("{}{PATH}", host.base_url());
    host.settings(json!({ "url": url, "timeout_secs": 1 })).credential(
        "receiver",
        "bearer",
        &[("token", "c4n4ry-c4n4ry")],
    )
}

fn notification(id: &str) -> Notification {
    Notification {
        id: id.to_owned(),
        title: "disk is full".to_owned(),
        body_md: "on **db-1**".to_owned(),
        severity: Severity::High,
        at: Timestamp(1_795_344_843_000_000),
        url: Some("https://ops.example.com/alerts/7".to_owned()),
        group_key: "disk".to_owned(),
        resolved: id.ends_with("resolved"),
        attrs: vec![("host".to_owned(), "db-1".to_owned())],
    }
}

async fn send(host: &TestHost, ids: &[&str]) -> Vec<Notified> {
    host.notify("#ops", ids.iter().map(|id| notification(id)).collect()).await.unwrap()
}

/// The classes of what became of them; none for what was taken.
fn classes(notified: &[Notified]) -> Vec<Option<FailureClass>> {
    notified.iter().map(|notified| notified.outcome.as_ref().err().map(|failure| failure.class)).collect()
}

#[tokio::test]
async fn notifications_are_posted_with_their_ids_and_the_hosts_credential() {
    let host = webhook().await.exchange("POST", PATH, 202, &[], r#"{"id":"r-1"}"#);
    let notified = send(&host, &["n1", "n2-resolved"]).await;
    assert_eq!(notified[0].outcome.as_ref().unwrap().upstream_id.as_deref(), Some("r-1"));
    assert_eq!((notified[1].id.as_str(), classes(&notified)), ("n2-resolved", vec![None, None]));
    let requests = host.requests();
    assert_eq!(requests.len(), 2);
    for header in ["webhook-id", "idempotency-key"] {
        assert_eq!(requests[0].headers[header], "n1");
    }
    assert_eq!(requests[0].headers["authorization"], "Bearer c4n4ry-c4n4ry");
    assert!(requests[0].headers["webhook-timestamp"].to_str().unwrap().parse::<u64>().unwrap() > 1_700_000_000);
    let body: Value = serde_json::from_slice(&requests[0].body).unwrap();
    let data = json!({
        "id": "n1", "title": "disk is full", "body": "on **db-1**", "severity": "high",
        "url": "https://ops.example.com/alerts/7", "group_key": "disk", "target": "#ops", "facts": { "host": "db-1" },
    });
    assert_eq!(body, json!({ "type": "notification.firing", "timestamp": "2026-11-22T10:54:03Z", "data": data }));
    let resolved: Value = serde_json::from_slice(&requests[1].body).unwrap();
    assert_eq!(resolved["type"], "notification.resolved");
}

#[tokio::test]
async fn a_notification_that_is_refused_does_not_keep_the_next_from_being_sent() {
    let host = webhook().await.exchange("POST", PATH, 422, &[], "").exchange("POST", PATH, 200, &[], "");
    let notified = send(&host, &["n1", "n2"]).await;
    assert_eq!(classes(&notified), [Some(FailureClass::Unsupported), None]);
}

#[tokio::test]
async fn a_receiver_that_wants_patience_is_asked_once_and_the_batch_waits() {
    let host = webhook().await.fault("POST", PATH, Fault::RateLimited { retry_after_secs: 30 });
    let notified = send(&host, &["n1", "n2", "n3"]).await;
    assert_eq!(classes(&notified), [Some(FailureClass::RateLimited); 3]);
    assert_eq!(notified[2].outcome.as_ref().unwrap_err().retry_after_ms, Some(30_000));
    assert_eq!(host.requests().len(), 1);
}

#[tokio::test]
async fn receivers_in_trouble_are_tried_again_later_with_the_same_id() {
    let taken = || Response::new(200, &[], r#"{"id":"r-1"}"#);
    let faults = [
        ("fails", Fault::Status(500)),
        ("breaks off", Fault::Truncated(taken())),
        ("never answers", Fault::Silence),
        ("dawdles", Fault::Slow { response: taken(), piece: 4, every: Duration::from_secs(3) }),
    ];
    for (name, fault) in faults {
        let host = webhook().await.fault("POST", PATH, fault).exchange("POST", PATH, 200, &[], "");
        let start = Instant::now();
        let notified = send(&host, &["n1"]).await;
        assert_eq!(classes(&notified), [Some(FailureClass::Upstream)], "{name}: {notified:?}");
        assert!(start.elapsed() < Duration::from_secs(10), "{name}");
        assert_eq!(classes(&send(&host, &["n1"]).await), [None], "{name}");
        let ids: Vec<_> = host.requests().iter().map(|request| request.headers["webhook-id"].clone()).collect();
        assert_eq!(ids, ["n1", "n1"], "{name}");
    }
}

#[tokio::test]
async fn a_slow_receiver_is_waited_for() {
    let response = Response::new(200, &[], r#"{"id":"r-1"}"#);
    let slow = Fault::Slow { response, piece: 3, every: Duration::from_millis(50) };
    let host = webhook().await.fault("POST", PATH, slow);
    let notified = send(&host, &["n1"]).await;
    assert_eq!(notified[0].outcome.as_ref().unwrap().upstream_id.as_deref(), Some("r-1"));
}

#[tokio::test]
async fn what_the_operator_must_mend_is_told_as_such() {
    for (status, class) in [(401, FailureClass::Auth), (404, FailureClass::Config), (301, FailureClass::Config)] {
        let host = webhook().await.exchange("POST", PATH, status, &[], "c4n4ry-c4n4ry");
        let notified = send(&host, &["n1", "n2"]).await;
        assert_eq!(classes(&notified), [Some(class); 2], "{status}");
        assert_eq!(host.requests().len(), 1, "{status}");
        assert!(!format!("{notified:?}").contains("c4n4ry"), "{status}");
    }
}

#[tokio::test]
async fn the_check_pings_the_receiver() {
    let host = webhook().await.exchange("POST", PATH, 204, &[], "");
    assert_eq!(host.check().await.unwrap().summary, "the receiver takes posts (HTTP 204)");
    let body: Value = serde_json::from_slice(&host.requests()[0].body).unwrap();
    assert_eq!((&body["type"], &body["data"]), (&json!("ping"), &json!({})));
    let host = webhook().await.exchange("POST", PATH, 401, &[], "");
    assert_eq!(host.check().await.unwrap_err().fault, FaultSource::Upstream);
}

#[tokio::test]
async fn the_operators_caps_hold_for_requests_and_their_bodies() {
    let caps = BudgetAsk { requests: Some(1), request_kib: Some(1), ..BudgetAsk::default() };
    let host = on(TestHost::with_caps(&package(), caps).await.unwrap()).exchange("POST", PATH, 200, &[], "");
    let notified = send(&host, &["n1", "n2"]).await;
    assert!(notified[0].outcome.is_ok() && notified[1].outcome.is_err());
    assert_eq!(host.requests().len(), 1);
    let large = Notification { body_md: "x".repeat(2_000), ..notification("n3") };
    assert!(host.notify("", vec![large]).await.unwrap()[0].outcome.is_err());
    assert_eq!(host.requests().len(), 1);
}

#[tokio::test]
async fn it_is_what_it_says_and_can_do_no_more() {
    let host = webhook().await;
    let (runtime, target) = host.runtime();
    let installed = runtime.find(&target.plugin).unwrap();
    assert_eq!(installed.manifest.problems(), []);
    assert_eq!(installed.exports, ["health", "notifier"]);
    for import in ["filesystem", "sockets", "reveal", "plugin/state"] {
        assert!(!installed.imports.iter().any(|known| known.contains(import)), "{import}");
    }
}
