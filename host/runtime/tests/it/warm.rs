//! Instances that are kept between calls: whose they are, how long they live, and that no call pays for another.

use crate::guests::{checking, manifest, package_of};
use crate::harness::{House, NOW, target};
use opssight_core::plugins::installs::PluginRuntime;
use opssight_core::plugins::{CallTarget, FailureClass, Grants, Plugins, WebhookDelivery};
use serde_json::{Value, json};
use std::sync::Arc;

/// What makes a guest as large as an interpreter.
const MEDIUM: usize = 2 << 20;

/// A guest that counts its calls in its memory. `check` answers with the count as the summary's only letter ("A" for
/// the first), runs `extra` before it does, and `receive` with a body that starts with "x" traps.
fn counting(imports: &str, extra: &str, padding: usize, more: Value) -> Vec<u8> {
    let module = format!(
        r#"(module {imports}
        (memory (export "memory") 64)
        (global $top (mut i32) (i32.const 131072))
        (global $calls (mut i32) (i32.const 64))
        (data (i32.const 1048576) "{padding}")
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
            (local $at i32)
            (local.set $at (i32.and (i32.add (global.get $top) (i32.const 15)) (i32.const -16)))
            (global.set $top (i32.add (local.get $at) (local.get 3)))
            (if (i32.gt_u (global.get $top) (i32.const 1048576)) (then (global.set $top (i32.const 131072))))
            (local.get $at))
        (func (export "opssight:plugin/health@1.0.0#check") (result i32)
            (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
            (i32.store8 (i32.const 8192) (global.get $calls))
            (i32.store8 (i32.const 2048) (i32.const 0))
            (i32.store (i32.const 2056) (i32.const 8192))
            (i32.store (i32.const 2060) (i32.const 1))
            {extra}
            (i32.const 2048))
        (func (export "opssight:plugin/webhook@1.0.0#receive") (param i32 i32 i32 i32 i64) (result i32)
            (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
            (if (i32.eq (i32.load8_u (local.get 2)) (i32.const 120)) (then (unreachable)))
            (i32.const 1024)))"#,
        padding = "x".repeat(padding),
    );
    package_of(&module, &["health", "webhook"], &manifest(more))
}

fn medium() -> Vec<u8> {
    counting("", "", MEDIUM, json!({}))
}

fn connection(name: &str) -> CallTarget {
    CallTarget { connection: name.into(), ..target(json!({}), Grants::default()) }
}

/// Which call of its instance this one is.
async fn nth(house: &House, target: &CallTarget) -> u8 {
    let called = house.host.check(target).await.unwrap();
    called.value.summary.as_bytes()[0] - b'@'
}

async fn deliver(house: &House, target: &CallTarget, body: &[u8]) -> bool {
    let delivery = WebhookDelivery { headers: vec![], body: body.to_vec(), received_at: NOW };
    house.host.receive(target, delivery).await.is_ok()
}

#[tokio::test]
async fn a_medium_guest_is_kept_for_its_connection_and_a_small_one_for_nobody() {
    let house = House::new();
    house.install(&medium());
    let (one, other) = (connection("one"), connection("other"));
    assert_eq!([nth(&house, &one).await, nth(&house, &one).await], [1, 2]);
    assert_eq!(nth(&house, &other).await, 1, "no connection meets another's instance");
    assert_eq!([nth(&house, &one).await, nth(&house, &other).await], [3, 2]);
    // The kinds of call share it.
    assert!(deliver(&house, &one, b"ok").await);
    assert_eq!(nth(&house, &one).await, 5);
    house.install(&counting("", "", 1, json!({})));
    assert_eq!([nth(&house, &one).await, nth(&house, &one).await], [1, 1]);
}

#[tokio::test]
async fn whoever_asks_for_more_memory_than_there_can_be_takes_nobodys_instance_away() {
    let house = House::with(|config| config.memory_bytes = 64 << 20);
    house.install(&medium());
    house.install(&checking("", "(drop (memory.grow (i32.const 960))) (unreachable)", json!({ "id": "greedy" })));
    let (one, greedy) = (connection("one"), CallTarget { plugin: "greedy".into(), ..connection("greedy") });
    assert_eq!([nth(&house, &one).await, nth(&house, &one).await], [1, 2]);
    assert_eq!(house.host.check(&greedy).await.unwrap_err().code, "host.memory");
    assert_eq!(nth(&house, &one).await, 3);
}

#[tokio::test]
async fn a_fault_throws_the_instance_away() {
    let house = House::new();
    house.install(&medium());
    let one = connection("one");
    assert_eq!([nth(&house, &one).await, nth(&house, &one).await], [1, 2]);
    assert!(!deliver(&house, &one, b"x").await);
    assert_eq!(nth(&house, &one).await, 1);
}

#[tokio::test]
async fn a_call_that_runs_out_of_time_takes_its_instance_with_it() {
    let house = House::new();
    // Its third call never ends.
    let extra = "(if (i32.eq (global.get $calls) (i32.const 67)) (then (loop $l (br $l))))";
    house.install(&counting("", extra, MEDIUM, json!({ "budgets": { "health": { "cpu_ms": 100 } } })));
    let one = connection("one");
    assert_eq!([nth(&house, &one).await, nth(&house, &one).await], [1, 2]);
    assert_eq!(house.host.check(&one).await.unwrap_err().code, "budget.cpu");
    assert_eq!(nth(&house, &one).await, 1);
}

#[tokio::test]
async fn other_settings_or_grants_get_another_instance() {
    let house = House::new();
    house.install(&medium());
    let one = connection("one");
    assert_eq!([nth(&house, &one).await, nth(&house, &one).await], [1, 2]);
    let same = CallTarget { settings: Arc::new(json!({})), grants: Arc::new(Grants::default()), ..one.clone() };
    assert_eq!(nth(&house, &same).await, 3, "equal ones are no others");
    let settings = CallTarget { settings: Arc::new(json!({ "base_url": "https://x.test" })), ..one.clone() };
    assert_eq!(nth(&house, &settings).await, 1);
    let grants = Grants { insecure_http: true, ..Grants::default() };
    assert_eq!(nth(&house, &CallTarget { grants: Arc::new(grants), ..settings }).await, 1);
    house.host.forget(&one.connection);
    assert_eq!(nth(&house, &one).await, 1);
}

#[tokio::test]
async fn an_instance_lives_so_many_calls_and_so_long() {
    let house = House::new();
    house.install(&medium());
    let one = connection("one");
    assert_eq!(nth(&house, &one).await, 1);
    for _ in 1..200 {
        assert!(deliver(&house, &one, b"ok").await);
    }
    // The two hundredth call was its last.
    assert_eq!(nth(&house, &one).await, 1);
    house.clock.advance_secs(599);
    assert_eq!(nth(&house, &one).await, 2);
    house.clock.advance_secs(1);
    assert_eq!(nth(&house, &one).await, 1);
}

#[tokio::test]
async fn another_version_starts_afresh_and_one_that_is_gone_leaves_nothing() {
    let house = House::new();
    let old = house.host.install(&medium()).unwrap();
    let one = connection("one");
    assert_eq!([nth(&house, &one).await, nth(&house, &one).await], [1, 2]);
    let new = house.host.install(&counting("", "", MEDIUM, json!({ "version": "1.3.0" }))).unwrap();
    assert_eq!(nth(&house, &one).await, 1);
    // Back again, and its instance is still there; after it was unloaded it is not.
    house.host.activate(&"probe".into(), Some(&old.digest));
    assert_eq!(nth(&house, &one).await, 3);
    house.host.activate(&"probe".into(), Some(&new.digest));
    house.host.unload(&old.digest);
    house.host.load(&old.digest, medium().into()).await.unwrap();
    house.host.activate(&"probe".into(), Some(&old.digest));
    assert_eq!(nth(&house, &one).await, 1);
}

#[tokio::test]
async fn only_so_many_are_kept_and_the_least_recently_used_goes_first() {
    let house = House::with(|config| config.warm_instances = 2);
    house.install(&medium());
    let [a, b, c] = ["a", "b", "c"].map(connection);
    assert_eq!([nth(&house, &a).await, nth(&house, &b).await, nth(&house, &a).await], [1, 1, 2]);
    // "b" was used longest ago and makes room.
    assert_eq!([nth(&house, &c).await, nth(&house, &a).await], [1, 3]);
    assert_eq!(nth(&house, &b).await, 1);
    let house = House::with(|config| config.warm_instances = 0);
    house.install(&medium());
    assert_eq!([nth(&house, &a).await, nth(&house, &a).await], [1, 1]);
}

#[tokio::test]
async fn what_is_kept_makes_room_when_memory_is_short() {
    // Each instance has 4 MiB, and half of what there is may be had by whoever asks first.
    let house = House::with(|config| config.memory_bytes = 16 << 20);
    house.install(&medium());
    let [a, b, c] = ["a", "b", "c"].map(connection);
    assert_eq!([nth(&house, &a).await, nth(&house, &b).await, nth(&house, &a).await], [1, 1, 2]);
    assert_eq!([nth(&house, &c).await, nth(&house, &a).await], [1, 3]);
    assert_eq!(nth(&house, &b).await, 1, "it was used longest ago");
}

#[tokio::test]
async fn every_call_has_its_own_budget_of_cpu_time() {
    let house = House::new();
    // About half of the budget each time.
    let spin = "(global.set $top (i32.const 0))
        (loop $l (global.set $top (i32.add (global.get $top) (i32.const 1)))
            (br_if $l (i32.lt_u (global.get $top) (i32.const 20000000))))
        (global.set $top (i32.const 131072))";
    house.install(&counting("", spin, MEDIUM, json!({ "budgets": { "health": { "cpu_ms": 150 } } })));
    let one = connection("one");
    let mut used = 0;
    for call in 1..=40 {
        let called = house.host.check(&one).await.unwrap();
        assert_eq!(called.value.summary.as_bytes()[0] - b'@', call);
        used += called.usage.cpu_us;
    }
    assert!(used > 150_000, "all of them together used more than one may: {used} us");
}

#[tokio::test]
async fn memory_that_an_instance_has_counts_for_each_of_its_calls() {
    let house = House::new();
    // 4 MiB at first, 2 MiB more with each call, and 8 MiB at most.
    let grow = "(drop (memory.grow (i32.const 32)))";
    house.install(&counting("", grow, MEDIUM, json!({ "budgets": { "health": { "memory_mib": 8 } } })));
    let one = connection("one");
    let mut peaks = Vec::new();
    for _ in 0..4 {
        peaks.push(house.host.check(&one).await.unwrap().usage.memory_bytes >> 20);
    }
    assert_eq!(peaks, [6, 8, 8, 8]);
}

const STATE: &str = r#"
    (import "opssight:plugin/state@1.0.0" "set" (func $set (param i32 i32 i32 i32 i32)))
    (import "opssight:plugin/state@1.0.0" "get" (func $get (param i32 i32 i32)))
    (data (i32.const 4096) "etag")"#;

#[tokio::test]
async fn what_one_call_wrote_and_did_not_commit_is_not_there_for_the_next() {
    let house = House::new();
    // Each call answers with "!" if the key is there before it writes it.
    let extra = "
        (call $get (i32.const 4096) (i32.const 4) (i32.const 3072))
        (if (i32.load8_u (i32.const 3080)) (then (i32.store8 (i32.const 8192) (i32.const 33))))
        (call $set (i32.const 4096) (i32.const 4) (i32.const 4096) (i32.const 4) (i32.const 3136))";
    house.install(&counting(STATE, extra, MEDIUM, json!({})));
    let one = connection("one");
    for call in ["A", "B", "C"] {
        let called = house.host.check(&one).await.unwrap();
        assert_eq!(called.value.summary, call, "the caller has committed nothing");
        assert_eq!(called.state.len(), 1, "and each call hands over its own write");
    }
    house.memory.state.lock().unwrap().insert("etag".into(), b"1".to_vec());
    assert_eq!(house.host.check(&one).await.unwrap().value.summary, "!");
}

#[tokio::test]
async fn what_a_call_wrote_before_it_failed_is_not_there_for_the_next() {
    let house = House::new();
    // The first call writes and says that its upstream failed, which is an answer like any other.
    let extra = "
        (call $get (i32.const 4096) (i32.const 4) (i32.const 3072))
        (if (i32.load8_u (i32.const 3080)) (then (i32.store8 (i32.const 8192) (i32.const 33))))
        (if (i32.eq (global.get $calls) (i32.const 65)) (then
            (call $set (i32.const 4096) (i32.const 4) (i32.const 4096) (i32.const 4) (i32.const 3136))
            (i32.store8 (i32.const 2048) (i32.const 1))
            (i32.store (i32.const 2056) (i32.const 3))
            (i32.store (i32.const 2060) (i32.const 4096)) (i32.store (i32.const 2064) (i32.const 4))
            (return (i32.const 2048))))";
    house.install(&counting(STATE, extra, MEDIUM, json!({})));
    let one = connection("one");
    let error = house.host.check(&one).await.unwrap_err();
    assert_eq!((error.class, error.code.as_str()), (FailureClass::Upstream, "etag"));
    let called = house.host.check(&one).await.unwrap();
    assert_eq!(called.value.summary, "B", "the same instance, without what the first call wrote");
    assert!(called.state.is_empty());
}

#[tokio::test]
async fn each_call_has_its_own_quota_of_log_lines_also_through_a_stream_that_it_kept() {
    let house = House::new();
    let imports = r#"
        (import "wasi:cli/stderr@0.2.12" "get-stderr" (func $stderr (result i32)))
        (import "wasi:io/streams@0.2.12" "[method]output-stream.blocking-write-and-flush" (func $write (param i32 i32 i32 i32)))
        (global $stream (mut i32) (i32.const 0))
        (global $lines (mut i32) (i32.const 0))
        (data (i32.const 4096) "hello\nhalf a line")"#;
    // Taken once and used for ever, as C libraries do. 60 lines of the 100 that a call may write, and half a line.
    let extra = "
        (if (i32.eqz (global.get $stream)) (then (global.set $stream (call $stderr))))
        (global.set $lines (i32.const 0))
        (loop $l
            (call $write (global.get $stream) (i32.const 4096) (i32.const 6) (i32.const 3072))
            (global.set $lines (i32.add (global.get $lines) (i32.const 1)))
            (br_if $l (i32.lt_u (global.get $lines) (i32.const 60))))
        (call $write (global.get $stream) (i32.const 4102) (i32.const 11) (i32.const 3072))";
    house.install(&counting(imports, extra, MEDIUM, json!({})));
    let (one, other) = (connection("one"), connection("other"));
    for call in 1..=3 {
        assert_eq!(nth(&house, &one).await, call);
    }
    assert_eq!(nth(&house, &other).await, 1);
    let log = house.host.log(&"probe".into());
    let of = |name: &str, text: &str| {
        log.iter().filter(|line| line.connection.as_str() == name && line.message == text).count()
    };
    // The last 200 of 244 lines.
    assert_eq!((of("other", "hello"), of("other", "half a line")), (60, 1));
    assert_eq!(of("one", "half a line"), 3, "an unfinished line is its own call's");
    assert!(!log.iter().any(|line| line.message.contains("dropped")), "no call pays for another's lines");
}
