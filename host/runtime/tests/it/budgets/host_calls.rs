//! Row 41 of the hostile corpus: storms of calls of the host.

use super::{fails_within, is_budget, only};
use crate::guests::checking;
use crate::harness::House;
use serde_json::json;

/// What is called a million times, and how.
const STORMS: [(&str, &str, &str); 6] = [
    (
        "log",
        r#"(import "opssight:plugin/log@1.0.0" "log" (func $f (param i32 i32 i32 i32 i32)))"#,
        "(call $f (i32.const 2) (i32.const 4096) (i32.const 3) (i32.const 0) (i32.const 0))",
    ),
    (
        "settings",
        r#"(import "opssight:plugin/settings@1.0.0" "get" (func $f (param i32 i32 i32)))"#,
        "(call $f (i32.const 4096) (i32.const 3) (i32.const 3072))",
    ),
    (
        "state",
        r#"(import "opssight:plugin/state@1.0.0" "get" (func $f (param i32 i32 i32)))"#,
        "(call $f (i32.const 4096) (i32.const 3) (i32.const 3072))",
    ),
    ("clock", r#"(import "wasi:clocks/monotonic-clock@0.2.12" "now" (func $f (result i64)))"#, "(drop (call $f))"),
    (
        "randomness",
        r#"(import "wasi:random/random@0.2.12" "get-random-u64" (func $f (result i64)))"#,
        "(drop (call $f))",
    ),
    (
        "headers",
        r#"(import "wasi:http/types@0.2.12" "[constructor]fields" (func $f (result i32)))
        (import "wasi:http/types@0.2.12" "[resource-drop]fields" (func $d (param i32)))"#,
        "(call $d (call $f))",
    ),
];

fn times(count: u32, call: &str) -> String {
    format!(
        "(local $i i32)
        (loop $l
            {call}
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $l (i32.lt_u (local.get $i) (i32.const {count}))))
        (i32.const 1024)"
    )
}

#[tokio::test]
async fn a_storm_of_host_calls_ends_by_its_own_budget_whatever_is_called() {
    for (name, imports, call) in STORMS {
        let error = fails_within(imports, &times(1_000_000, call), json!({})).await;
        if name == "state" {
            // A look into the store is work of others: it costs the call CPU time, and there are fewer.
            is_budget(&error, "budget.cpu");
            continue;
        }
        is_budget(&error, "budget.host-calls");
        assert!(error.message.contains("200000"), "{name}: {error}");
    }
}

#[tokio::test]
async fn the_quota_is_counted_to_the_call() {
    for (name, imports, call) in STORMS {
        let house = House::new();
        // A dropped handle is a call of the host as well.
        let calls = if name == "headers" { 10 } else { 20 };
        house.try_check(&checking(imports, &times(calls, call), only("host_calls", 20))).await.expect(name);
        let error = fails_within(imports, &times(calls + 1, call), only("host_calls", 20)).await;
        is_budget(&error, "budget.host-calls");
    }
}
