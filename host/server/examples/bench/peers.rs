//! Another plugin system with the same job, and what 1,000 instances at once take.

use crate::Figures;
use crate::calls::{Empty, recorded_delivery, target};
use opssight_runtime::bench::{self, Job};
use opssight_runtime::{PluginHost, RuntimeConfig};
use serde_json::Value;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Instances that are alive at once.
const LIVE: u32 = 1_000;

pub(crate) fn measure(figures: &mut Figures, package: &[u8], args: &[String]) {
    let dir = tempfile::tempdir().expect("a folder");
    let mut config = RuntimeConfig::new(dir.path());
    config.max_concurrent_calls = LIVE + 8;
    config.memory_bytes = 16 << 30;
    let host = PluginHost::open(config, Arc::new(Empty), Arc::new(Empty), Arc::new(opssight_backends::SystemClock))
        .expect("a plugin host");
    host.install(package).expect("the GitHub plugin is accepted");
    let (github, job) = (target("github"), Job::Receive(recorded_delivery()));
    println!("{LIVE} instances at once ...");
    let (idle, called) = bench::live(&host, &github, &job, LIVE.into()).expect("live instances");
    figures.put("instance_idle_kib", kib(idle));
    figures.put("instance_called_kib", kib(called));

    let (begun, mut calls) = (Instant::now(), 0_u32);
    while begun.elapsed() < Duration::from_secs(2) {
        bench::fresh(&host, &github, &job, 1).expect("fresh calls");
        calls += bench::FRESH_CALLS * 2;
    }
    let per_s = f64::from(calls) / begun.elapsed().as_secs_f64();
    figures.put("fresh_per_s", per_s);
    if let Some([extism, guest]) = extism(args) {
        compare(figures, dir.path(), extism, guest, per_s);
    }
}

/// `--extism HOST GUEST`: where `cargo xtask bench --peers` has built them.
fn extism(args: &[String]) -> Option<[&str; 2]> {
    let at = args.iter().position(|arg| arg == "--extism")?;
    Some([args.get(at + 1)?, args.get(at + 2)?])
}

fn compare(figures: &mut Figures, dir: &Path, extism: &str, guest: &str, per_s: f64) {
    println!("the same in Extism ...");
    let body = dir.join("delivery.json");
    std::fs::write(&body, recorded_delivery().body).expect("written");
    let output = Command::new(extism).arg(guest).arg(&body).arg("200").output().expect("Extism's host starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let of = |name: &str| said[name].as_f64().expect("a number");
    assert!(of("items") >= 1.0, "Extism's guest found no items");
    figures.put("normalise_extism_fresh_us", of("fresh_us"));
    figures.put("normalise_extism_warm_us", of("warm_us"));
    figures.put("extism_fresh_per_s", of("fresh_per_s"));
    figures.put("fresh_throughput_over_extism", per_s / of("fresh_per_s"));
    let warm = figures.0["normalise_warm_us"].as_f64().expect("a number");
    figures.put("warm_cpu_under_extism", of("warm_us") / warm);
}

fn kib(bytes: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "an instance is smaller than that")]
    let bytes = bytes as f64;
    bytes / 1024.0
}
