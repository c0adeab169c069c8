//! Every budget stops what it is there to stop, and the host and a neighbour are well all the while.

mod answers;
mod boundary;
mod host_calls;
mod kept;
mod memory;
mod time;

use crate::guests::checking;
use crate::harness::House;
use opssight_core::plugins::{CallError, FailureClass, FaultSource};
use serde_json::{Value, json};

/// Short budgets, so that the tests are short.
fn short() -> Value {
    json!({ "budgets": {
        "health": { "cpu_ms": 100, "wall_ms": 1000, "memory_mib": 8 },
        "webhook": { "cpu_ms": 100, "wall_ms": 1000 },
    } })
}

/// Only this limit.
fn only(limit: &str, value: u32) -> Value {
    json!({ "budgets": { "health": { limit: value } } })
}

/// A call of `check` with this body fails, beside a neighbour that is well.
async fn fails(imports: &str, body: &str) -> CallError {
    fails_within(imports, body, short()).await
}

async fn fails_within(imports: &str, body: &str, budgets: Value) -> CallError {
    let house = House::new();
    let package = checking(imports, body, budgets);
    house.beside_a_neighbour(house.try_check(&package)).await.unwrap_err()
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
