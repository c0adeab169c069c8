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

/// Records of several plugins: whose, and how many a second apart.
async fn put_many(ports: &Ports, plugin: &str, from: i64, count: i64) -> u64 {
    let mut size = 0;
    for n in 0..count {
        let id = format!("{plugin}-{:03}", from + n);
        let one = CallRecord { plugin: plugin.into(), ..record(&id, from + n, "c1", false) };
        size = one.document().len() as u64;
        ports.evidence.put(&one).await.unwrap();
    }
    size
}

async fn left_of(ports: &Ports, plugin: &str) -> Vec<i64> {
    let query = CallQuery { plugin: Some(plugin.into()), ..CallQuery::default() };
    let calls = ports.evidence.calls(&query).await.unwrap().items;
    calls.into_iter().map(|call| call.at.since(at(0)) / 1_000_000).collect()
}

pub(crate) async fn no_plugin_crowds_out_the_records_of_another(ports: Ports) {
    let purge = async |bytes: u64| {
        let mut gone = 0;
        loop {
            match ports.evidence.purge_calls(&KeepCalls { since: at(-1), bytes }).await.unwrap() {
                0 => return gone,
                more => gone += more,
            }
        }
    };
    // The quiet one's records are the oldest by far, and the loud ones fill everything.
    let size = put_many(&ports, "quiet", 1, 2).await;
    put_many(&ports, "loud1", 100, 30).await;
    put_many(&ports, "loud2", 200, 10).await;
    assert_eq!(purge(12 * size).await, 30);
    assert_eq!(left_of(&ports, "quiet").await, [2, 1]);
    assert_eq!(left_of(&ports, "loud1").await, [129, 128, 127, 126, 125]);
    assert_eq!(left_of(&ports, "loud2").await, [209, 208, 207, 206, 205]);
    assert_eq!(purge(12 * size).await, 0);
    // What is kept twice is counted once, and what went by its age is not counted any more.
    put_many(&ports, "loud2", 205, 5).await;
    assert_eq!(purge(12 * size).await, 0);
    assert_eq!(ports.evidence.purge_calls(&KeepCalls { since: at(130), bytes: u64::MAX }).await.unwrap(), 7);
    assert_eq!(purge(5 * size).await, 0);
    // A share that is not needed by others is had: half of it is no border.
    put_many(&ports, "loud2", 300, 7).await;
    assert_eq!(purge(12 * size).await, 0);
    assert_eq!(purge(0).await, 12);
    assert_eq!(purge(0).await, 0);
}
