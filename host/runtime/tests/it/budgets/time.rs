//! CPU and wall time.

use super::{fails, is_budget, short};
use crate::guests::{manifest, package, package_of};
use crate::harness::{House, target};
use opssight_core::plugins::{FailureClass, Plugins, WebhookDelivery};
use serde_json::json;
use std::time::{Duration, Instant};

const TIMERS: &str = r#"
    (import "wasi:clocks/monotonic-clock@0.2.12" "subscribe-duration" (func $subscribe (param i64) (result i32)))
    (import "wasi:io/poll@0.2.12" "[method]pollable.block" (func $block (param i32)))
    (import "wasi:io/poll@0.2.12" "[resource-drop]pollable" (func $drop (param i32)))"#;

#[tokio::test]
async fn an_endless_loop_is_stopped_by_the_cpu_budget() {
    let start = Instant::now();
    let error = fails("", "(loop $l (br $l)) (unreachable)").await;
    is_budget(&error, "budget.cpu");
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}

#[tokio::test]
async fn an_endless_loop_at_the_start_is_stopped_as_well() {
    let error = fails("(func $spin (loop $l (br $l))) (start $spin)", "(i32.const 1024)").await;
    is_budget(&error, "budget.cpu");
}

#[tokio::test]
async fn an_endless_loop_while_the_host_hands_over_arguments_is_stopped_as_well() {
    let house = House::new();
    let module = r#"(module
        (memory (export "memory") 1)
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (loop $l (br $l)) (unreachable))
        (func (export "opssight:plugin/webhook@1.0.0#receive") (param i32 i32 i32 i32 i64) (result i32) (i32.const 0)))"#;
    house.install(&package_of(module, &["webhook"], &manifest(short())));
    let delivery = WebhookDelivery { headers: vec![], body: vec![1; 100], received_at: crate::harness::NOW };
    let error = house.host.receive(&target(json!({}), Default::default()), delivery).await.unwrap_err();
    is_budget(&error, "budget.cpu");
}

// Row 71 of the hostile corpus: timers.
#[tokio::test]
async fn a_guest_that_only_waits_is_stopped_by_the_wall_budget() {
    for nanoseconds in ["3600000000000", "-1"] {
        let body = format!("(call $block (call $subscribe (i64.const {nanoseconds}))) (i32.const 1024)");
        let error = fails(TIMERS, &body).await;
        is_budget(&error, "budget.wall");
    }
}

#[tokio::test]
async fn a_hundred_thousand_timers_are_not_kept() {
    let error = fails(TIMERS, "(loop $l (drop (call $subscribe (i64.const 1000000000))) (br $l)) (unreachable)").await;
    is_budget(&error, "budget.handles");
}

#[tokio::test]
async fn timers_of_a_nanosecond_end_with_a_budget_as_well() {
    let body = "(local $timer i32)
        (loop $l
            (local.set $timer (call $subscribe (i64.const 1)))
            (call $block (local.get $timer))
            (call $drop (local.get $timer))
            (br $l))
        (unreachable)";
    let error = fails(TIMERS, body).await;
    assert_eq!(error.class, FailureClass::Budget, "{error}");
}

#[tokio::test]
async fn spinning_guests_do_not_hold_up_the_others() {
    let house = House::new();
    let manifest_of = |id: &str| {
        let mut manifest = manifest(short());
        manifest["id"] = json!(id);
        manifest
    };
    let code = |body: &str| format!(r#"(func (export "opssight:plugin/health@1.0.0#check") (result i32) {body})"#);
    house.install(&package(&["health"], &code("(loop $l (br $l)) (unreachable)"), &manifest_of("spin")));
    house.install(&package(&["health"], &code("(i32.const 1024)"), &manifest_of("probe")));
    let mut spinning = target(json!({}), Default::default());
    spinning.plugin = "spin".into();
    let spinners = async {
        let calls = (0..6).map(|_| house.host.check(&spinning));
        futures::future::join_all(calls).await
    };
    let neighbours = async {
        for _ in 0..20 {
            house.check(json!({}), Default::default()).await.unwrap();
        }
    };
    let (spinners, ()) = tokio::join!(spinners, neighbours);
    assert!(spinners.into_iter().all(|outcome| outcome.unwrap_err().class == FailureClass::Budget));
    let stats = house.host.find(&"spin".into()).unwrap().stats;
    assert_eq!((stats.calls, stats.failures["plugin"]), (6, 6));
}
