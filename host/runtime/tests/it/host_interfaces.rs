//! Log, settings and state as a guest uses them.

use crate::guests::checking;
use crate::harness::House;
use opssight_core::plugins::{FailureClass, Plugins, StateWrite};
use serde_json::json;

const STATE: &str = r#"
    (import "opssight:plugin/state@1.0.0" "get" (func $get (param i32 i32 i32)))
    (import "opssight:plugin/state@1.0.0" "set" (func $set (param i32 i32 i32 i32 i32)))
    (import "opssight:plugin/state@1.0.0" "delete" (func $delete (param i32 i32 i32)))
    (data (i32.const 4096) "etag") (data (i32.const 4112) "W/1") (data (i32.const 4128) "old")"#;

#[tokio::test]
async fn writes_are_handed_back_and_never_committed_by_the_runtime() {
    let house = House::new();
    house.memory.state.lock().unwrap().insert("old".into(), b"x".to_vec());
    // Set "etag", read it back through the overlay into the summary, delete "old".
    let body = r#"
        (call $set (i32.const 4096) (i32.const 4) (i32.const 4112) (i32.const 3) (i32.const 3072))
        (call $delete (i32.const 4128) (i32.const 3) (i32.const 3072))
        (call $get (i32.const 4096) (i32.const 4) (i32.const 3136))
        (i32.store (i32.const 2056) (i32.load (i32.const 3148)))
        (i32.store (i32.const 2060) (i32.load (i32.const 3152)))
        (i32.const 2048)"#;
    let called = house.try_check(&checking(STATE, body, json!({}))).await.unwrap();
    assert_eq!(called.value.summary, "W/1");
    let expect = [
        StateWrite { key: "etag".into(), value: Some(b"W/1".to_vec()) },
        StateWrite { key: "old".into(), value: None },
    ];
    assert_eq!(called.state, expect);
    assert_eq!(house.memory.state.lock().unwrap().len(), 1, "nothing was written");
}

#[tokio::test]
async fn a_call_that_fails_leaves_no_writes() {
    let house = House::new();
    let body = r#"
        (call $set (i32.const 4096) (i32.const 4) (i32.const 4112) (i32.const 3) (i32.const 3072))
        (unreachable)"#;
    let error = house.try_check(&checking(STATE, body, json!({}))).await.unwrap_err();
    assert_eq!(error.class, FailureClass::Trap);
    assert!(house.memory.state.lock().unwrap().is_empty());
}

#[tokio::test]
async fn state_has_a_quota() {
    let house = House::new();
    house.memory.state.lock().unwrap().insert("full".into(), vec![0; (4 << 20) - 8]);
    // The answer's first byte says whether it was taken; it becomes the length of the summary.
    let body = r#"
        (call $set (i32.const 4096) (i32.const 4) (i32.const 4112) (i32.const 3) (i32.const 3072))
        (i32.store (i32.const 2056) (i32.const 4096))
        (i32.store (i32.const 2060) (i32.load8_u (i32.const 3072)))
        (i32.const 2048)"#;
    let called = house.try_check(&checking(STATE, body, json!({}))).await.unwrap();
    assert_eq!(called.value.summary, "e", "it was refused");
    assert!(called.state.is_empty());
}

#[tokio::test]
async fn a_flood_of_log_lines_is_cut_off() {
    let house = House::new();
    let imports = r#"
        (import "opssight:plugin/log@1.0.0" "log" (func $log (param i32 i32 i32 i32 i32)))
        (data (i32.const 4096) "again\1b[31m")"#;
    let body = r#"(local $i i32)
        (loop $l
            (call $log (i32.const 2) (i32.const 4096) (i32.const 10) (i32.const 0) (i32.const 0))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $l (i32.lt_u (local.get $i) (i32.const 100000))))
        (i32.const 1024)"#;
    house.try_check(&checking(imports, body, json!({}))).await.unwrap();
    let log = house.host.log(&"probe".into());
    assert_eq!(log.len(), 101);
    assert_eq!(log[0].message, "again\u{fffd}[31m");
    assert!(log[100].message.contains("dropped"));
}

#[tokio::test]
async fn settings_are_given_as_json() {
    let house = House::new();
    let imports = r#"(import "opssight:plugin/settings@1.0.0" "all" (func $all (param i32)))"#;
    let body = "(call $all (i32.const 2056)) (i32.const 2048)";
    house.install(&checking(imports, body, json!({})));
    let called = house.check(json!({ "owner": "acme" }), Default::default()).await.unwrap();
    assert_eq!(called.value.summary, r#"{"owner":"acme"}"#);
}
