//! The package that the benches call is made here, and stays what this text says.

use crate::guests::{NOOP, manifest, package_of};
use crate::harness::{House, target};
use opssight_core::plugins::WebhookDelivery;
use opssight_runtime::bench::{self, Job};
use serde_json::json;

/// Set `UPDATE_NOOP=1` to write the file anew.
#[test]
fn the_checked_in_package_is_the_one_that_this_text_makes() {
    let package = package_of(NOOP, &["health", "webhook"], &manifest(json!({ "id": "noop" })));
    if std::env::var_os("UPDATE_NOOP").is_some() {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/src/bench/noop.wasm"), &package).unwrap();
    } else {
        assert!(package == bench::NOOP, "run with UPDATE_NOOP=1 and check the file in");
    }
}

#[test]
fn calls_can_be_measured() {
    let house = House::new();
    house.install(bench::NOOP);
    let mut target = target(json!({}), Default::default());
    target.plugin = "noop".into();
    let delivery = WebhookDelivery { headers: vec![], body: vec![b' '; 20_000], received_at: crate::harness::NOW };
    for job in [Job::Check, Job::Receive(delivery)] {
        let fresh = bench::fresh(&house.host, &target, &job, 50).unwrap();
        let warm = bench::warm(&house.host, &target, &job, 50).unwrap();
        let bare_fresh = bench::bare_fresh(bench::NOOP, &job, 50).unwrap();
        let bare_warm = bench::bare_warm(bench::NOOP, &job, 50).unwrap();
        assert!(warm.median() < fresh.median());
        let name = if matches!(job, Job::Check) { "check" } else { "receive 20 kB" };
        let rows = [("fresh", fresh), ("warm", warm), ("bare fresh", bare_fresh), ("bare warm", bare_warm)];
        for (row, samples) in rows {
            let (min, median) = (samples.min(), samples.median());
            println!("{name:14} {row:10} min {min:6} ns, median {median:6} ns of thread CPU");
        }
    }
}
