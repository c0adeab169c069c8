//! How much an answer may hold.

use crate::guests::answering;
use crate::harness::{House, NOW, target};
use opssight_core::plugins::kinds::Inventory;
use opssight_core::plugins::{CallError, FaultSource, PageRequest, Plugins, WebhookDelivery};
use serde_json::{Value, json};

const LIST: &str = "(param i32 i32 i32 i32 i32 i32)";

/// A page of so many items of a kibibyte each.
fn items(count: u32) -> String {
    format!(
        "(local $i i32) (local $at i32)
        (loop $l
            (local.set $at (i32.add (i32.const 40960) (i32.mul (local.get $i) (i32.const 64))))
            (i32.store (local.get $at) (i32.const 4096)) (i32.store offset=4 (local.get $at) (i32.const 3))
            (i32.store offset=8 (local.get $at) (i32.const 4128)) (i32.store offset=12 (local.get $at) (i32.const 11))
            (i64.store offset=16 (local.get $at) (i64.const 1700000000000))
            (i32.store offset=52 (local.get $at) (i32.const 8192)) (i32.store offset=56 (local.get $at) (i32.const 1024))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $l (i32.lt_u (local.get $i) (i32.const {count}))))
        (i32.store (i32.const 2056) (i32.const 40960)) (i32.store (i32.const 2060) (i32.const {count}))
        (i32.const 2048)"
    )
}

async fn list(count: u32, budget: Value) -> Result<usize, CallError> {
    let house = House::new();
    let budgets = json!({ "budgets": { "inventory": budget } });
    house.install(&answering("inventory", "list-resources", LIST, &items(count), budgets));
    let target = target(json!({}), Default::default());
    let call = house.host.list_resources(&target, "", PageRequest::default());
    house.beside_a_neighbour(call).await.map(|called| called.value.resources.len())
}

#[tokio::test]
async fn answers_are_limited_by_number_of_items_and_by_size() {
    assert_eq!(list(8, json!({})).await.unwrap(), 8);
    assert_eq!(list(8, json!({ "result_items": 8 })).await.unwrap(), 8);
    for (budget, says) in [(json!({ "result_items": 7 }), "at most 7"), (json!({ "result_kib": 8 }), "8192 bytes")] {
        let error = list(8, budget).await.unwrap_err();
        assert_eq!((error.fault, error.code.as_str()), (FaultSource::Plugin, "plugin.invalid-answer"));
        assert!(error.message.contains(says), "{error}");
    }
}

#[tokio::test]
async fn the_limits_hold_for_deliveries_as_well() {
    let house = House::new();
    let budgets = json!({ "budgets": { "webhook": { "result_items": 1 } } });
    house.install(&answering("webhook", "receive", "(param i32 i32 i32 i32 i64)", &items(2), budgets));
    let delivery = WebhookDelivery { headers: vec![], body: vec![], received_at: NOW };
    let target = target(json!({}), Default::default());
    let error = house.beside_a_neighbour(house.host.receive(&target, delivery)).await.unwrap_err();
    assert_eq!(error.code, "plugin.invalid-answer");
}
