//! Two versions on live input.

use crate::egress::{rule, text, upstream};
use crate::guests::{checking, fetching};
use crate::harness::{House, loopback};
use opssight_core::plugins::Grants;
use opssight_core::plugins::installs::{Comparison, PluginRuntime};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::time::Duration;

async fn load(house: &House, package: &[u8]) -> String {
    let digest = format!("sha256:{}", hex::encode(Sha256::digest(package)));
    house.host.load(&digest, package.into()).await.unwrap();
    digest
}

async fn comparisons(house: &House, count: usize) -> Vec<Comparison> {
    let mut comparisons = Vec::new();
    for _ in 0..3_000 {
        comparisons.extend(house.host.comparisons(&"probe".into()));
        if comparisons.len() >= count {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(comparisons.len(), count);
    comparisons
}

/// The same answer at another version, so that it is another package.
fn answering(version: &str, body: &str) -> Vec<u8> {
    checking("", body, json!({ "version": version }))
}

#[tokio::test]
async fn a_shadow_that_answers_the_same_has_no_difference() {
    let house = House::new();
    house.install(&answering("1.0.0", "(i32.const 1024)"));
    let shadow = load(&house, &answering("1.1.0", "(i32.const 1024)")).await;
    house.host.shadow(&"probe".into(), Some(&shadow));
    for _ in 0..3 {
        house.check(json!({}), Grants::default()).await.unwrap();
    }
    let compared = comparisons(&house, 3).await;
    assert!(compared.iter().all(|comparison| comparison.difference.is_none()), "{compared:?}");
    assert_eq!((compared[0].kind.as_str(), compared[0].connection.as_str()), ("health", "c1"));
    assert_eq!(house.host.figures(&shadow).unwrap().calls, 0, "its calls are not counted as calls");
    // Once it ends, calls are not compared any more.
    house.host.shadow(&"probe".into(), None);
    house.check(json!({}), Grants::default()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(house.host.comparisons(&"probe".into()).is_empty());
}

#[tokio::test]
async fn a_shadow_that_dies_differs_and_harms_nobody() {
    let house = House::new();
    house.install(&answering("1.0.0", "(i32.const 1024)"));
    let short = json!({ "version": "1.1.0", "budgets": { "health": { "cpu_ms": 50 } } });
    let spinning = checking("", "(loop $forever (br $forever)) (unreachable)", short);
    let shadow = load(&house, &spinning).await;
    house.host.shadow(&"probe".into(), Some(&shadow));
    house.check(json!({}), Grants::default()).await.unwrap();
    let compared = comparisons(&house, 1).await;
    let difference = compared[0].difference.as_deref().unwrap();
    assert!(difference.contains("budget.cpu"), "{difference}");
    house.check(json!({}), Grants::default()).await.unwrap();
}

#[tokio::test]
async fn a_shadow_asks_nobody_and_what_it_would_ask_is_told() {
    let (address, seen) = upstream(|_| text(200, "hello")).await;
    let house = House::new();
    let guest = |version, path| {
        let mut more = rule(&["GET"]);
        more["version"] = json!(version);
        fetching(0, 0, &address.to_string(), path, more)
    };
    house.install(&guest("1.0.0", "/a"));
    let shadow = load(&house, &guest("1.1.0", "/b")).await;
    house.host.shadow(&"probe".into(), Some(&shadow));
    house.check(json!({ "base_url": format!("http://{address}") }), loopback()).await.unwrap();
    let compared = comparisons(&house, 1).await;
    let difference = compared[0].difference.as_deref().unwrap();
    assert!(
        difference.contains(&format!("it asked GET \"http://{address}/b\", which it did not ask then")),
        "{difference}"
    );
    assert_eq!(seen.lock().unwrap().len(), 1, "only the active version's request was sent");
}
