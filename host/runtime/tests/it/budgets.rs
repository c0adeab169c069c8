//! Every budget stops what it is there to stop, and the host is well afterwards.

use crate::guests::{checking, manifest, package};
use crate::harness::{House, target};
use opssight_core::plugins::{CallError, FailureClass, FaultSource, Plugins, WebhookDelivery};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Short budgets, so that the tests are short.
fn short() -> Value {
    json!({ "budgets": {
        "health": { "cpu_ms": 100, "wall_ms": 1000, "memory_mib": 8 },
        "webhook": { "cpu_ms": 100, "wall_ms": 1000 },
    } })
}

async fn fails(imports: &str, body: &str) -> CallError {
    let house = House::new();
    let error = house.try_check(&checking(imports, body, short())).await.unwrap_err();
    // The next guest finds a host that is well.
    house.try_check(&checking("", "(i32.const 1024)", short())).await.unwrap();
    error
}

fn is_budget(error: &CallError, code: &str) {
    assert_eq!(
        (error.class, error.fault, error.code.as_str()),
        (FailureClass::Budget, FaultSource::Plugin, code),
        "{error}"
    );
    assert_eq!(error.version, "1.2.3");
}

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
    house.install(&crate::guests::package_of(module, &["webhook"], &manifest(short())));
    let delivery = WebhookDelivery { headers: vec![], body: vec![1; 100], received_at: crate::harness::NOW };
    let error = house.host.receive(&target(json!({}), Default::default()), delivery).await.unwrap_err();
    is_budget(&error, "budget.cpu");
}

#[tokio::test]
async fn a_guest_that_only_waits_is_stopped_by_the_wall_budget() {
    let imports = r#"
        (import "wasi:clocks/monotonic-clock@0.2.12" "subscribe-duration" (func $subscribe (param i64) (result i32)))
        (import "wasi:io/poll@0.2.12" "[method]pollable.block" (func $block (param i32)))"#;
    let error = fails(imports, "(call $block (call $subscribe (i64.const 3600000000000))) (i32.const 1024)").await;
    is_budget(&error, "budget.wall");
}

#[tokio::test]
async fn a_memory_bomb_is_refused_memory_and_told_so() {
    let body = "(loop $l (br_if $l (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) (unreachable)";
    let error = fails("", body).await;
    is_budget(&error, "budget.memory");
}

#[tokio::test]
async fn a_guest_that_starts_too_large_is_not_started() {
    let house = House::new();
    let module = r#"(module
        (memory (export "memory") 2048)
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (unreachable))
        (func (export "opssight:plugin/health@1.0.0#check") (result i32) (i32.const 0)))"#;
    let error = house.try_check(&crate::guests::package_of(module, &["health"], &manifest(short()))).await.unwrap_err();
    is_budget(&error, "budget.memory");
}

#[tokio::test]
async fn answers_that_point_everywhere_cost_the_host_nothing() {
    // A list of 2,000 attributes that all point at the same half megabyte: a gigabyte for the host, unless counted.
    let body = r#"(local $i i32)
        (loop $l
            (i32.store (i32.add (i32.const 200000) (i32.mul (local.get $i) (i32.const 16))) (i32.const 600000))
            (i32.store (i32.add (i32.const 200004) (i32.mul (local.get $i) (i32.const 16))) (i32.const 500000))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $l (i32.lt_u (local.get $i) (i32.const 2000))))
        (i32.store (i32.const 2064) (i32.const 200000))
        (i32.store (i32.const 2068) (i32.const 2000))
        (i32.const 2048)"#;
    let error = fails("", body).await;
    is_budget(&error, "budget.hostcall");
}

#[tokio::test]
async fn a_guest_that_hoards_handles_is_stopped() {
    let imports = r#"(import "wasi:http/types@0.2.12" "[constructor]fields" (func $fields (result i32)))"#;
    let error = fails(imports, "(loop $l (drop (call $fields)) (br $l)) (unreachable)").await;
    is_budget(&error, "budget.handles");
}

#[tokio::test]
async fn traps_are_the_plugins_fault_and_say_which() {
    let cases = [
        ("", "(unreachable)", "trap"),
        ("(func $deep (call $deep))", "(call $deep) (i32.const 0)", "trap.stack-overflow"),
        ("", "(i32.load (i32.const -8))", "trap"),
        // Its answer lies outside of its memory.
        ("", "(i32.const -8)", "trap"),
    ];
    for (imports, body, code) in cases {
        let error = fails(imports, body).await;
        assert_eq!((error.class, error.fault), (FailureClass::Trap, FaultSource::Plugin), "{body}: {error}");
        assert_eq!(error.code, code, "{body}: {error}");
    }
}

#[tokio::test]
async fn a_panic_message_reaches_the_operator() {
    let imports = r#"
        (import "wasi:cli/stderr@0.2.12" "get-stderr" (func $stderr (result i32)))
        (import "wasi:io/streams@0.2.12" "[method]output-stream.blocking-write-and-flush" (func $write (param i32 i32 i32 i32)))
        (data (i32.const 4096) "panicked at src/lib.rs:7:9: no run in payload\n")"#;
    let body = "(call $write (call $stderr) (i32.const 4096) (i32.const 46) (i32.const 3072)) (unreachable)";
    let error = fails(imports, body).await;
    assert_eq!((error.class, error.code.as_str()), (FailureClass::Trap, "plugin.panic"));
    assert!(error.message.contains("no run in payload"), "{}", error.message);
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
