//! The host stays well when what is around it is not.

use crate::guests::checking;
use crate::harness::{HandClock, Memory, NOW, target};
use async_trait::async_trait;
use opssight_core::error::StoreError;
use opssight_core::id::ConnectionId;
use opssight_core::plugins::{FailureClass, FaultSource, PluginState, Plugins};
use opssight_runtime::{PluginHost, RuntimeConfig};
use serde_json::json;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

fn open(calls: u32, state: Arc<dyn PluginState>) -> (Arc<PluginHost>, TempDir) {
    let data = TempDir::new().unwrap();
    let mut config = RuntimeConfig::new(data.path());
    config.max_concurrent_calls = calls;
    let clock = Arc::new(HandClock(Mutex::new(NOW)));
    (PluginHost::open(config, Arc::new(Memory::default()), state, clock).unwrap(), data)
}

#[tokio::test]
async fn without_room_for_a_pool_plugins_run_from_ordinary_memory() {
    // Reserving four gigabytes for each of so many calls is more than any address space has.
    let (host, _data) = open(1_000_000, Arc::new(Memory::default()));
    host.install(&checking("", "(i32.const 1024)", json!({}))).unwrap();
    let target = target(json!({}), Default::default());
    host.check(&target).await.unwrap();
    host.install(&checking(
        "",
        "(loop $l (br $l)) (unreachable)",
        json!({ "budgets": { "health": { "cpu_ms": 50 } } }),
    ))
    .unwrap();
    assert_eq!(host.check(&target).await.unwrap_err().code, "budget.cpu");
}

/// The clock of whoever asks stands still until nothing else can happen there, and then jumps to the end of the wait.
#[tokio::test(start_paused = true)]
async fn a_call_that_finds_no_place_is_told_so_and_may_come_again() {
    let (host, _data) = open(1, Arc::new(Memory::default()));
    let imports = r#"
        (import "wasi:clocks/monotonic-clock@0.2.12" "subscribe-duration" (func $subscribe (param i64) (result i32)))
        (import "wasi:io/poll@0.2.12" "[method]pollable.block" (func $block (param i32)))"#;
    let body = "(call $block (call $subscribe (i64.const 3000000000))) (i32.const 1024)";
    host.install(&checking(imports, body, json!({}))).unwrap();
    let target = target(json!({}), Default::default());
    let (first, second) = tokio::join!(host.check(&target), host.check(&target));
    first.unwrap();
    let busy = second.unwrap_err();
    let told = (busy.fault, busy.class, busy.code.as_str(), busy.retry_after_ms);
    assert_eq!(told, (FaultSource::Host, FailureClass::Unavailable, "host.busy", Some(25_000)), "{busy}");
    // It says nothing about the plugin: its breaker stays closed.
    host.check(&target).await.unwrap();
}

struct Panics;

#[async_trait]
impl PluginState for Panics {
    async fn get(&self, _: &ConnectionId, _: &str) -> Result<Option<Vec<u8>>, StoreError> {
        panic!("the store has a bug")
    }

    async fn keys(&self, _: &ConnectionId, _: &str, _: Option<&str>, _: u32) -> Result<Vec<String>, StoreError> {
        Ok(Vec::new())
    }

    async fn usage(&self, _: &ConnectionId) -> Result<(u64, u64), StoreError> {
        Err(StoreError::new("read plugin state", "the disk is gone"))
    }
}

const STATE: &str = r#"
    (import "opssight:plugin/state@1.0.0" "get" (func $get (param i32 i32 i32)))
    (import "opssight:plugin/state@1.0.0" "list-keys" (func $list (param i32 i32 i32 i32 i32 i32 i32)))
    (data (i32.const 4096) "etag")"#;

#[tokio::test]
async fn a_panic_of_the_host_fails_one_call_and_no_other() {
    let (host, _data) = open(4, Arc::new(Panics));
    let body = "(call $get (i32.const 4096) (i32.const 4) (i32.const 3072)) (i32.const 1024)";
    host.install(&checking(STATE, body, json!({}))).unwrap();
    let target = target(json!({}), Default::default());
    for _ in 0..8 {
        let error = host.check(&target).await.unwrap_err();
        assert_eq!((error.fault, error.code.as_str()), (FaultSource::Host, "host.panic"));
        assert!(!error.message.contains("bug"));
    }
    // More panics than there are places, and every place is free again.
    host.install(&checking("", "(i32.const 1024)", json!({}))).unwrap();
    host.check(&target).await.unwrap();
    assert_eq!(host.find(&"probe".into()).unwrap().stats.calls, 1);
}

#[tokio::test]
async fn a_guest_that_calls_the_host_without_end_is_stopped() {
    let (host, _data) = open(4, Arc::new(Memory::default()));
    let body = "(loop $l
        (call $list (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 10) (i32.const 3072))
        (br $l)) (unreachable)";
    host.install(&checking(STATE, body, json!({ "budgets": { "health": { "cpu_ms": 100 } } }))).unwrap();
    let error = host.check(&target(json!({}), Default::default())).await.unwrap_err();
    // Whichever runs out first on this machine.
    assert!(matches!(error.code.as_str(), "budget.cpu" | "budget.host-calls"), "{error}");
}
