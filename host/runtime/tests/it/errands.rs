//! On which threads the store is asked.

use crate::credentials::bearer;
use crate::egress::{text, upstream};
use crate::guests::{checking, fetching};
use crate::harness::{House, loopback};
use opssight_core::plugins::Grants;
use serde_json::json;
use std::collections::BTreeSet;

#[tokio::test]
async fn the_store_is_asked_on_the_threads_of_the_host_and_not_on_those_of_the_calls() {
    let own = BTreeSet::from([std::thread::current().name().unwrap().to_owned()]);
    let (address, _) = upstream(|_| text(200, "")).await;
    let house = House::new();
    house.memory.credential("api", "bearer", &[("token", "a")]);
    house.install(&fetching(0, 0, &address.to_string(), "/", bearer()));
    house.check(json!({ "base_url": format!("http://{address}") }), loopback()).await.unwrap();
    assert_eq!(std::mem::take(&mut *house.memory.asked_on.lock().unwrap()), own, "for credentials");

    let imports = r#"
        (import "opssight:plugin/state@1.0.0" "get" (func $get (param i32 i32 i32)))
        (import "opssight:plugin/state@1.0.0" "set" (func $set (param i32 i32 i32 i32 i32)))
        (import "opssight:plugin/state@1.0.0" "list-keys" (func $list (param i32 i32 i32 i32 i32 i32 i32)))
        (data (i32.const 4096) "key")"#;
    let looks = [
        "(call $get (i32.const 4096) (i32.const 3) (i32.const 3072))",
        "(call $set (i32.const 4096) (i32.const 3) (i32.const 4096) (i32.const 3) (i32.const 3072))",
        "(call $list (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 10) (i32.const 3072))",
    ];
    for look in looks {
        house.install(&checking(imports, &format!("{look} (i32.const 1024)"), json!({})));
        house.check(json!({}), Grants::default()).await.unwrap();
        assert_eq!(std::mem::take(&mut *house.memory.asked_on.lock().unwrap()), own, "{look}");
    }
}
