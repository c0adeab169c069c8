//! `bench-extism-host GUEST BODY BATCHES`: what one call costs in Extism, as one JSON object. Least thread CPU of batches of
//! calls, microseconds; and calls a second of one thread.

use anyhow::{Context, Result};
use extism::{CompiledPlugin, Manifest, Plugin, PluginBuilder, Wasm};
use rustix::time::{ClockId, clock_gettime};
use serde_json::value::RawValue;
use std::hint::black_box;
use std::time::{Duration, Instant};

type Item = (String, String, i64, String, Option<String>, Vec<(String, String)>, Box<RawValue>);

const CALLS: u32 = 16;

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let guest = args.next().context("which guest?")?;
    let body = std::fs::read(args.next().context("which body?")?)?;
    let batches: u32 = args.next().context("how many batches?")?.parse()?;
    // The limits that a host of strangers' plugins would set.
    let manifest =
        Manifest::new([Wasm::data(std::fs::read(guest)?)]).with_timeout(Duration::from_secs(2)).with_memory_max(1024);
    let compiled = CompiledPlugin::new(PluginBuilder::new(manifest).with_wasi(true))?;
    let call = |plugin: &mut Plugin| -> Result<usize> {
        let answer: &[u8] = plugin.call("receive", &body)?;
        let items: Vec<Item> = serde_json::from_slice(answer)?;
        Ok(black_box(items.len()))
    };
    let mut warm = Plugin::new_from_compiled(&compiled)?;
    let items = call(&mut warm)?;
    let (mut least_fresh, mut least_warm) = (f64::MAX, f64::MAX);
    for _ in 0..batches {
        let start = cpu();
        for _ in 0..CALLS {
            call(&mut Plugin::new_from_compiled(&compiled)?)?;
        }
        least_fresh = least_fresh.min((cpu() - start) / f64::from(CALLS));
        let start = cpu();
        for _ in 0..CALLS {
            call(&mut warm)?;
        }
        least_warm = least_warm.min((cpu() - start) / f64::from(CALLS));
    }
    let per_second = |mut call: Box<dyn FnMut() -> Result<usize> + '_>| -> Result<f64> {
        let (begun, mut calls) = (Instant::now(), 0_u32);
        while begun.elapsed() < Duration::from_secs(2) {
            call()?;
            calls += 1;
        }
        Ok(f64::from(calls) / begun.elapsed().as_secs_f64())
    };
    let fresh_per_s = per_second(Box::new(|| call(&mut Plugin::new_from_compiled(&compiled)?)))?;
    let warm_per_s = per_second(Box::new(|| call(&mut warm)))?;
    println!(
        "{}",
        serde_json::json!({ "items": items, "fresh_us": least_fresh, "warm_us": least_warm,
            "fresh_per_s": fresh_per_s, "warm_per_s": warm_per_s })
    );
    Ok(())
}

/// Thread CPU time, microseconds.
fn cpu() -> f64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    now.tv_sec as f64 * 1e6 + now.tv_nsec as f64 / 1e3
}
