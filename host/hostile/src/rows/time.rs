//! Rows 71 and 72: waiting, and dying again and again.

use crate::arena::Arena;
use crate::case::{Case, Ran, case};
use crate::measure::cpu;
use anyhow::ensure;
use opssight_core::plugins::installs::PluginRuntime;
use opssight_testkit::guests::{checking, manifest, package_of};
use serde_json::json;
use std::time::Duration;

pub(super) const CASES: &[Case] = &[
    case!(Time "71" "sleep-for-ever", "sleeps for ever in a host call" => "give it up at its wall budget", sleep),
    case!(Time "71b" "timers-1ns", "waits for timers of 1 ns and of u64::MAX without end" => "stop it at a budget", short_timers).cpu(1_500),
    case!(Time "71c" "timers-1e5", "holds 100,000 timers" => "stop it at the cap of handles", many_timers),
    case!(Time "71d" "schedule-1ms", "asks to be pulled every second, and never" => "refuse the manifest", schedule),
    case!(Traps "72" "trap-storm", "dies at each of 200 calls" => "leave it alone after five; one notice; the rest costs next to nothing", storm).cpu(1_000),
    case!(Traps "X19" "half-open", "goes on dying whenever it is tried again" => "one call per try, and longer pauses each time", half_open),
];

const CLOCK: &str = r#"
    (import "wasi:clocks/monotonic-clock@0.2.12" "subscribe-duration" (func $subscribe (param i64) (result i32)))
    (import "wasi:clocks/monotonic-clock@0.2.12" "subscribe-instant" (func $instant (param i64) (result i32)))
    (import "wasi:io/poll@0.2.12" "[method]pollable.block" (func $block (param i32)))
    (import "wasi:io/poll@0.2.12" "[resource-drop]pollable" (func $drop (param i32)))"#;

async fn sleep(arena: &Arena) -> Ran {
    let body = "(call $block (call $subscribe (i64.const 9223372036854775807))) (i32.const 1024)";
    arena.fails(&checking(CLOCK, body, arena.asks(json!({}))), "budget.wall").await
}

async fn short_timers(arena: &Arena) -> Ran {
    let body = r#"(local $timer i32)
        (local.set $timer (call $subscribe (i64.const -1)))
        (call $drop (local.get $timer))
        (local.set $timer (call $instant (i64.const 0)))
        (call $drop (local.get $timer))
        (loop $more
            (local.set $timer (call $subscribe (i64.const 1)))
            (call $block (local.get $timer))
            (call $drop (local.get $timer))
            (br $more))
        (unreachable)"#;
    arena.install(&checking(CLOCK, body, arena.asks(json!({})))).await?;
    let code = arena.check().await.err().map(|error| error.code).unwrap_or_default();
    ensure!(code.starts_with("budget."), "it ended with {code:?}");
    Ok(code)
}

async fn many_timers(arena: &Arena) -> Ran {
    let body = r#"(local $left i32)
        (local.set $left (i32.const 100000))
        (loop $more
            (drop (call $subscribe (i64.const 1000000000)))
            (local.set $left (i32.sub (local.get $left) (i32.const 1)))
            (br_if $more (local.get $left)))
        (i32.const 1024)"#;
    arena.fails(&checking(CLOCK, body, arena.asks(json!({}))), "budget.handles").await
}

async fn schedule(arena: &Arena) -> Ran {
    for secs in [0, 1, 59] {
        let feeds = json!({ "feeds": [{ "name": "runs", "title": "R", "every_secs": secs, "priority": "live" }] });
        let manifest = serde_json::from_value(manifest(arena.asks(feeds)))?;
        let made = opssight_package::embed(&wat::parse_str("(component)")?, &manifest);
        ensure!(made.is_err(), "a schedule of {secs} s is packed");
        // A package that was made without asking our tools.
        let package = super::packages::with_manifest(&serde_json::to_vec(&manifest)?);
        let refusal = arena.load(&package).await.err();
        ensure!(refusal.as_ref().is_some_and(|r| r.code == "manifest"), "a schedule of {secs} s: {refusal:?}");
    }
    Ok("3 refused: manifest".to_owned())
}

fn dying(arena: &Arena) -> Vec<u8> {
    checking("", "(unreachable)", arena.asks(json!({})))
}

async fn storm(arena: &Arena) -> Ran {
    arena.install(&dying(arena)).await?;
    arena.host.notices();
    let (mut traps, mut held) = (0, 0);
    let mut after = None;
    for _ in 0..200 {
        match arena.check().await.err().map(|error| error.code).as_deref() {
            Some("trap") => traps += 1,
            Some("plugin.breaker-open") => {
                after.get_or_insert_with(cpu);
                held += 1;
            }
            other => anyhow::bail!("a call ended with {other:?}"),
        }
    }
    ensure!(traps == 5 && held == 195, "{traps} died and {held} were held back");
    let spent = cpu().saturating_sub(after.unwrap_or_default());
    // The neighbour and the door run meanwhile as well.
    ensure!(spent < Duration::from_millis(100), "195 calls that were held back cost {spent:?}");
    let told = arena.host.notices().into_iter().filter(|notice| notice.what == "breaker-opened").count();
    ensure!(told == 1, "{told} notices");
    Ok(format!("5 x trap, 195 held back in {} ms of CPU, 1 notice", spent.as_millis()))
}

async fn half_open(arena: &Arena) -> Ran {
    arena.install(&dying(arena)).await?;
    for _ in 0..5 {
        arena.check().await.err();
    }
    let mut pauses = Vec::new();
    for _ in 0..4 {
        let held = arena.check().await.err();
        let wait = held.and_then(|error| error.retry_after_ms).unwrap_or_default();
        pauses.push(wait / 1_000);
        arena.clock.advance_secs(i64::try_from(wait / 1_000)? + 1);
        let outcomes = futures::future::join_all((0..8).map(|_| arena.check())).await;
        let died = outcomes.iter().filter(|o| o.as_ref().is_err_and(|error| error.code == "trap")).count();
        ensure!(died == 1, "{died} calls were made to find out");
    }
    ensure!(pauses.windows(2).all(|pair| pair[0] < pair[1]), "the pauses are {pauses:?} s");
    // It is mended.
    arena.clock.advance_secs(100_000);
    let mended = opssight_testkit::guests::NOOP;
    arena
        .install(&package_of(mended, &["health", "webhook"], &manifest(arena.asks(json!({ "version": "1.2.4" })))))
        .await?;
    arena.check().await?;
    Ok(format!("pauses of {pauses:?} s"))
}
