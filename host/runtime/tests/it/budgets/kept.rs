//! What the host keeps for a plugin: log lines and state.

use super::only;
use crate::guests::checking;
use crate::harness::House;
use opssight_core::plugins::Plugins as _;
use opssight_core::plugins::manifest::BudgetAsk;
use serde_json::{Value, json};

const LOG: &str = r#"
    (import "opssight:plugin/log@1.0.0" "log" (func $log (param i32 i32 i32 i32 i32)))"#;
const STATE: &str = r#"
    (import "opssight:plugin/state@1.0.0" "set" (func $set (param i32 i32 i32 i32 i32)))
    (data (i32.const 4096) "abcdefgh")"#;

/// Ten lines of a thousand bytes.
const LINES: &str = "(local $i i32)
    (loop $l
        (call $log (i32.const 2) (i32.const 8192) (i32.const 1000) (i32.const 0) (i32.const 0))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $l (i32.lt_u (local.get $i) (i32.const 10))))
    (i32.const 1024)";

/// Keys "a", "b", ... with values of half a kilobyte; the summary has one byte for each that was refused.
fn setting(keys: u32) -> String {
    let set = |key: u32| {
        format!(
            "(call $set (i32.const {}) (i32.const 1) (i32.const 8192) (i32.const 512) (i32.const 3072))
            (local.set $refused (i32.add (local.get $refused) (i32.load8_u (i32.const 3072))))",
            4096 + key
        )
    };
    let sets: String = (0..keys).map(set).collect();
    format!(
        "(local $refused i32) {sets}
        (i32.store (i32.const 2056) (i32.const 4096)) (i32.store (i32.const 2060) (local.get $refused)) (i32.const 2048)"
    )
}

async fn lines(house: &House, budgets: Value) -> usize {
    let package = checking(LOG, LINES, budgets);
    house.beside_a_neighbour(house.try_check(&package)).await.unwrap();
    house.host.log(&"probe".into()).len()
}

#[tokio::test]
async fn log_lines_are_limited_by_number_and_by_size() {
    assert_eq!(lines(&House::new(), json!({})).await, 10);
    // One more line says that there would be more.
    assert_eq!(lines(&House::new(), only("log_lines", 3)).await, 4);
    assert_eq!(lines(&House::new(), only("log_kib", 2)).await, 4);
    let cap = BudgetAsk { log_lines: Some(2), ..BudgetAsk::default() };
    assert_eq!(lines(&House::with_caps(cap), only("log_lines", 3)).await, 3);
}

#[tokio::test]
async fn state_is_limited_by_number_of_keys_and_by_size() {
    let refused = |caps: BudgetAsk, budgets: Value| async move {
        let house = House::with_caps(caps);
        let called = house.beside_a_neighbour(house.try_check(&checking(STATE, &setting(4), budgets))).await.unwrap();
        (called.value.summary.len(), called.state.len())
    };
    let uncapped = BudgetAsk::default;
    assert_eq!(refused(uncapped(), json!({})).await, (0, 4));
    assert_eq!(refused(uncapped(), only("state_keys", 3)).await, (1, 3));
    assert_eq!(refused(uncapped(), only("state_kib", 1)).await, (3, 1));
    let cap = BudgetAsk { state_keys: Some(2), ..BudgetAsk::default() };
    assert_eq!(refused(cap, only("state_keys", 3)).await, (2, 2));
}

/// Sets these keys to values of 200,000 bytes; the summary has one byte for each that was refused.
fn setting_much(keys: &str) -> String {
    let set = |key: char| {
        format!(
            "(i32.store8 (i32.const 4200) (i32.const {}))
            (call $set (i32.const 4200) (i32.const 1) (i32.const 200000) (i32.const 200000) (i32.const 3072))
            (local.set $refused (i32.add (local.get $refused) (i32.load8_u (i32.const 3072))))",
            u32::from(key)
        )
    };
    let sets: String = keys.chars().map(set).collect();
    format!(
        "(local $refused i32) {sets}
        (i32.store (i32.const 2056) (i32.const 4096)) (i32.store (i32.const 2060) (local.get $refused)) (i32.const 2048)"
    )
}

#[tokio::test]
async fn one_call_writes_a_mebibyte_of_state_however_often_it_changes_its_mind() {
    let house = House::new();
    let called = house.try_check(&checking(STATE, &setting_much("abcdef"), json!({}))).await.unwrap();
    assert_eq!((called.value.summary.len(), called.state.len()), (1, 5), "the sixth was too much");
    let called = house.try_check(&checking(STATE, &setting_much("aaaaaaaaab"), json!({}))).await.unwrap();
    assert_eq!((called.value.summary.len(), called.state.len()), (0, 2), "only the last one of a key is written");
}

#[tokio::test]
async fn what_is_as_it_was_is_not_written() {
    let house = House::new();
    house.memory.state.lock().unwrap().insert("a".into(), vec![0; 200_000]);
    let called = house.try_check(&checking(STATE, &setting_much("ab"), json!({}))).await.unwrap();
    let written: Vec<_> = called.state.iter().map(|write| write.key.as_str()).collect();
    assert_eq!(written, ["b"]);
}
