//! What crosses the boundary at once.

use super::{fails, fails_within, is_budget, only};

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
async fn one_host_call_carries_no_more_than_it_may() {
    let imports = r#"(import "opssight:plugin/log@1.0.0" "log" (func $log (param i32 i32 i32 i32 i32)))"#;
    let body = "(call $log (i32.const 2) (i32.const 0) (i32.const 9000) (i32.const 0) (i32.const 0)) (i32.const 1024)";
    let error = fails_within(imports, body, only("hostcall_kib", 8)).await;
    is_budget(&error, "budget.hostcall");
}
