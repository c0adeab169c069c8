//! Memory and tables.

use super::{fails, fails_within, is_budget, only, short};
use crate::guests::{checking, manifest, package_of};
use crate::harness::{House, target};
use opssight_core::plugins::{CallError, CallTarget, FailureClass, FaultSource, Grants, Plugins};
use serde_json::json;

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
    let error = house.try_check(&package_of(module, &["health"], &manifest(short()))).await.unwrap_err();
    is_budget(&error, "budget.memory");
}

#[tokio::test]
async fn a_table_that_grows_is_refused_and_told_so() {
    let grows =
        "(loop $l (br_if $l (i32.ne (table.grow $t (ref.null func) (i32.const 100)) (i32.const -1)))) (unreachable)";
    let error = fails("(table $t 1 funcref)", grows).await;
    is_budget(&error, "budget.tables");
    let error = fails_within("(table $t 200 funcref)", "(i32.const 1024)", only("table_entries", 150)).await;
    is_budget(&error, "budget.tables");
}

const BLOCK: &str = r#"
    (import "wasi:clocks/monotonic-clock@0.2.12" "subscribe-duration" (func $subscribe (param i64) (result i32)))
    (import "wasi:io/poll@0.2.12" "[method]pollable.block" (func $block (param i32)))"#;

/// Takes so many MiB beside the two that it starts with, or dies; then waits for so many milliseconds.
fn taking(id: &str, mib: u32, wait_ms: u32) -> Vec<u8> {
    let body = format!(
        "(if (i32.eq (memory.grow (i32.const {})) (i32.const -1)) (then (unreachable)))
         (call $block (call $subscribe (i64.const {}))) (i32.const 1024)",
        mib * 16,
        u64::from(wait_ms) * 1_000_000,
    );
    checking(BLOCK, &body, json!({ "id": id }))
}

fn of(plugin: &str, connection: &str) -> CallTarget {
    CallTarget { plugin: plugin.into(), connection: connection.into(), ..target(json!({}), Grants::default()) }
}

fn is_short_of_memory(error: &CallError) {
    let told = (error.fault, error.class, error.code.as_str());
    assert_eq!(told, (FaultSource::Host, FailureClass::Unavailable, "host.memory"), "{error}");
    assert!(error.message.contains("plugins.memory_mib"), "{error}");
}

#[tokio::test]
async fn all_calls_together_have_a_ceiling_and_the_modest_find_room_below_it() {
    let house = House::with(|config| config.memory_bytes = 64 << 20);
    for package in [taking("large", 24, 1_000), taking("second", 24, 0), taking("modest", 1, 0)] {
        house.install(&package);
    }
    let second = of("second", "c2");
    let mut refused = 0;
    while refused <= 5 {
        let host = house.host.clone();
        let under_way = tokio::spawn(async move { host.check(&of("large", "c1")).await });
        while !under_way.is_finished() {
            match house.host.check(&second).await {
                Ok(_) => tokio::task::yield_now().await,
                Err(error) => {
                    is_short_of_memory(&error);
                    // However often it is refused, its breaker stays closed.
                    refused += 1;
                    house.host.check(&of("modest", "c3")).await.unwrap();
                }
            }
        }
        if let Err(error) = under_way.await.unwrap() {
            // The second one was quicker.
            is_short_of_memory(&error);
        }
    }
    // What was held is free again, also after calls that failed.
    for _ in 0..8 {
        house.host.check(&second).await.unwrap();
    }
    is_short_of_memory(&house.try_check(&taking("probe", 60, 0)).await.unwrap_err());
    house.host.check(&second).await.unwrap();
}
