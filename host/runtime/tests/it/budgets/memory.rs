//! Memory and tables.

use super::{fails, fails_within, is_budget, only, short};
use crate::guests::{manifest, package_of};
use crate::harness::House;

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
