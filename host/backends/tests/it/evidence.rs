//! The port of records of calls.

use crate::ports::{Ports, at};
use opssight_core::page::PageOf;
use opssight_core::plugins::evidence::{CallQuery, CallRecord, FORMAT, KeepCalls, Outcome, OutcomeFilter};
use opssight_core::plugins::{FailureClass, FaultSource};
use serde_json::json;

/// The record of a call that answered, or failed.
fn record(id: &str, secs: i64, connection: &str, failed: bool) -> CallRecord {
    let outcome = if failed {
        Outcome::Failure {
            fault: FaultSource::Upstream,
            class: FailureClass::RateLimited,
            code: "rate.paused".into(),
            message: "wait".into(),
            retry_after_ms: Some(7),
        }
    } else {
        Outcome::Answer { value: json!({ "items": [] }), writes: Vec::new() }
    };
    CallRecord {
        format: FORMAT.into(),
        id: id.into(),
        at: at(secs),
        plugin: "github".into(),
        version: "1.2.3".into(),
        digest: "sha256:00".into(),
        connection: connection.into(),
        kind: "webhook".into(),
        input: json!({ "body": "x".repeat(1_000) }),
        settings: json!({}),
        grants: Default::default(),
        exchanges: Vec::new(),
        asked: Vec::new(),
        clock: Default::default(),
        random: Default::default(),
        log: Vec::new(),
        outcome,
        usage: Default::default(),
        cut: if failed { vec!["too large".into()] } else { Vec::new() },
    }
}

pub(crate) async fn records_are_kept_listed_and_filtered(ports: Ports) {
    let store = &ports.evidence;
    let all = [record("a", 1, "c1", false), record("b", 2, "c1", true), record("c", 2, "c2", true)];
    for record in &all {
        store.put(record).await.unwrap();
    }
    // Once more changes nothing.
    store.put(&all[0]).await.unwrap();
    assert_eq!(store.call(&"b".into()).await.unwrap().as_ref(), Some(&all[1]));
    assert_eq!(store.call(&"z".into()).await.unwrap(), None);
    let ids = async |query: CallQuery| -> Vec<String> {
        store.calls(&query).await.unwrap().items.into_iter().map(|call| call.id.0).collect()
    };
    let every = CallQuery::default;
    assert_eq!(ids(every()).await, ["c", "b", "a"]);
    assert_eq!(ids(CallQuery { connection: Some("c1".into()), ..every() }).await, ["b", "a"]);
    assert_eq!(ids(CallQuery { outcome: Some(OutcomeFilter::Ok), ..every() }).await, ["a"]);
    assert_eq!(ids(CallQuery { outcome: Some(OutcomeFilter::Failed), ..every() }).await, ["c", "b"]);
    assert!(ids(CallQuery { plugin: Some("other".into()), ..every() }).await.is_empty());
    let page = store.calls(&CallQuery { page: PageOf { after: None, limit: 2 }, ..every() }).await.unwrap();
    assert_eq!(page.items.len(), 2);
    assert_eq!(ids(CallQuery { page: PageOf { after: page.next, limit: 2 }, ..every() }).await, ["a"]);
    let failed = &page.items[0];
    let expect = (FaultSource::Upstream, FailureClass::RateLimited, "rate.paused".to_owned(), "wait".to_owned());
    assert_eq!((failed.failure.clone(), failed.replayable), (Some(expect), false));
    assert_eq!(failed.size, all[2].document().len() as u64);
}

pub(crate) async fn old_and_surplus_records_go_oldest_first(ports: Ports) {
    let store = &ports.evidence;
    for secs in 0..10 {
        store.put(&record(&format!("r{secs}"), secs, "c1", false)).await.unwrap();
    }
    let left = async || -> Vec<String> {
        let calls = store.calls(&CallQuery::default()).await.unwrap();
        calls.items.into_iter().map(|call| call.id.0).collect()
    };
    let purge = async |keep: KeepCalls| while store.purge_calls(&keep).await.unwrap() > 0 {};
    purge(KeepCalls { since: at(4), bytes: u64::MAX }).await;
    assert_eq!(left().await, ["r9", "r8", "r7", "r6", "r5", "r4"]);
    let size = record("r9", 9, "c1", false).document().len() as u64;
    purge(KeepCalls { since: at(0), bytes: 2 * size + size / 2 }).await;
    assert_eq!(left().await, ["r9", "r8"]);
    purge(KeepCalls { since: at(0), bytes: 2 * size }).await;
    assert_eq!(left().await.len(), 2);
}
