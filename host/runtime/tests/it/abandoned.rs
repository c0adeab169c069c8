//! Whoever asked for a call goes away before it has ended: nothing that the call held stays with it.

use crate::guests::{NOOP, checking, manifest, package, package_of};
use crate::harness::{House, NOW, target};
use opssight_core::plugins::installs::PluginRuntime;
use opssight_core::plugins::{CallTarget, Grants, Plugins, WebhookDelivery};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::timeout;

const SLEEP: &str = r#"
    (import "wasi:clocks/monotonic-clock@0.2.12" "subscribe-duration" (func $subscribe (param i64) (result i32)))
    (import "wasi:io/poll@0.2.12" "[method]pollable.block" (func $block (param i32)))"#;
const FOR_AN_HOUR: &str = "(call $block (call $subscribe (i64.const 3600000000000)))";

/// Longer than any test waits: what ends before did not end by its budget.
fn patient() -> Value {
    json!({ "budgets": { "health": { "wall_ms": 60_000, "cpu_ms": 10_000 } } })
}

/// One place for calls, and a neighbour that needs it.
fn house(guest: &[u8]) -> (House, CallTarget) {
    let house = House::with(|config| config.max_concurrent_calls = 1);
    house.install(guest);
    house.install(&package_of(NOOP, &["health", "webhook"], &manifest(json!({ "id": "neighbour" }))));
    let mut neighbour = target(json!({}), Grants::default());
    (neighbour.plugin, neighbour.connection) = ("neighbour".into(), "c2".into());
    (house, neighbour)
}

/// Ask, and stop waiting after a while.
async fn ask_and_leave(house: &House) {
    let given_up = timeout(Duration::from_millis(300), house.check(json!({}), Grants::default())).await;
    assert!(given_up.is_err(), "it ended before anybody left: {given_up:?}");
}

#[tokio::test]
async fn an_abandoned_call_gives_its_place_and_its_instance_back() {
    let spinning = checking("", "(loop $l (br $l)) (unreachable)", patient());
    let sleeping = checking(SLEEP, &format!("{FOR_AN_HOUR} (i32.const 1024)"), patient());
    for guest in [sleeping, spinning] {
        let (house, neighbour) = house(&guest);
        ask_and_leave(&house).await;
        let next = timeout(Duration::from_secs(10), house.host.check(&neighbour)).await;
        next.expect("the only place is free again, long before the call's own time is over").unwrap();
        // It is on record once, and as nobody's fault.
        let probe = house.host.find(&"probe".into()).unwrap();
        let stats = probe.stats;
        assert_eq!((stats.calls, stats.failures.get("host")), (1, Some(&1)), "{stats:?}");
        assert!(stats.last_error.unwrap().starts_with("call.abandoned: "));
        assert_eq!(house.host.kill(&probe.digest, "nothing of it runs"), 0);
    }
}

#[tokio::test]
async fn whoever_leaves_the_line_leaves_no_place_taken() {
    let sleeping = checking(SLEEP, &format!("{FOR_AN_HOUR} (i32.const 1024)"), patient());
    let (house, neighbour) = house(&sleeping);
    // One has the place and the others wait for it; all of them go.
    let callers = (0..8).map(|_| ask_and_leave(&house));
    futures::future::join_all(callers).await;
    timeout(Duration::from_secs(10), house.host.check(&neighbour)).await.expect("a free place").unwrap();
}

/// `receive` dies and `check` sleeps: the first opens the breaker, and the second is what it is tried with.
fn dying_then_sleeping() -> Vec<u8> {
    let code = format!(
        r#"{SLEEP}
        (func (export "opssight:plugin/webhook@1.0.0#receive") (param i32 i32 i32 i32 i64) (result i32) (unreachable))
        (func (export "opssight:plugin/health@1.0.0#check") (result i32) {FOR_AN_HOUR} (i32.const 1024))"#
    );
    package(&["health", "webhook"], &code, &manifest(patient()))
}

#[tokio::test]
async fn the_breaker_hears_of_a_trial_that_was_abandoned() {
    let house = House::new();
    house.install(&dying_then_sleeping());
    for _ in 0..5 {
        let delivery = WebhookDelivery { headers: vec![], body: vec![], received_at: NOW };
        let died = house.host.receive(&target(json!({}), Grants::default()), delivery).await.unwrap_err();
        assert_eq!(died.code, "trap");
    }
    let held = house.check(json!({}), Grants::default()).await.unwrap_err();
    assert_eq!(held.code, "plugin.breaker-open");
    house.clock.advance_secs(31);
    ask_and_leave(&house).await;
    // The next one is let through as a trial as well: nobody holds it back for the end of the first, which never comes.
    ask_and_leave(&house).await;
}

#[tokio::test]
async fn an_action_that_was_begun_is_carried_out_though_nobody_waits() {
    let code = format!(
        r#"{SLEEP}
        (import "opssight:plugin/log@1.0.0" "log" (func $log (param i32 i32 i32 i32 i32)))
        (data (i32.const 4096) "acted") (data (i32.const 4112) "{{}}")
        (func (export "opssight:plugin/actions@1.0.0#run") (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
            (call $block (call $subscribe (i64.const 600000000)))
            (call $log (i32.const 2) (i32.const 4096) (i32.const 5) (i32.const 0) (i32.const 0))
            (i32.store (i32.const 2056) (i32.const 4112)) (i32.store (i32.const 2060) (i32.const 2))
            (i32.const 2048))"#
    );
    let action = json!({ "actions": [{ "name": "rerun", "title": "r", "description": "d", "subject": "connection",
        "role": "operator", "danger": "safe", "input": { "type": "object" } }] });
    let house = House::new();
    house.install(&package(&["actions"], &code, &manifest(action)));
    let invocation = opssight_core::plugins::ActionInvocation {
        name: "rerun".to_owned(),
        input: "{}".to_owned(),
        idempotency_key: "k".to_owned(),
        actor: "somebody".to_owned(),
    };
    let asked = target(json!({}), Grants::default());
    let left = timeout(Duration::from_millis(200), house.host.act(&asked, invocation)).await;
    assert!(left.is_err(), "it ended before anybody left: {left:?}");
    for _ in 0..100 {
        if house.host.log(&"probe".into()).iter().any(|line| line.message == "acted") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the action was given up half done");
}
