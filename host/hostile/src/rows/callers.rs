//! Callers that ask and go away.

use crate::arena::Arena;
use crate::case::{Case, Ran, case};
use crate::wasm::{FOR_AN_HOUR, SLEEP};
use anyhow::ensure;
use opssight_core::plugins::Plugins;
use opssight_core::plugins::installs::PluginRuntime;
use opssight_testkit::guests::checking;
use serde_json::json;
use std::time::{Duration, Instant};

pub(super) const CASES: &[Case] = &[
    case!(Cpu "X25" "callers-go-away", "sleeps for a minute in each of 200 calls whose callers go away at once" => "end each call with its caller; the neighbour goes on", go_away),
];

async fn go_away(arena: &Arena) -> Ran {
    let body = format!("{FOR_AN_HOUR} (i32.const 1024)");
    let package = checking(SLEEP, &body, arena.asks(json!({ "budgets": { "health": { "wall_ms": 60_000 } } })));
    arena.install(&package).await?;
    let calls = (0..200).map(|number| {
        let mut target = arena.plain();
        target.connection = format!("{}-{number}", target.connection).into();
        async move { tokio::time::timeout(Duration::from_millis(200), arena.host.check(&target)).await.is_err() }
    });
    let left = futures::future::join_all(calls).await.into_iter().filter(|left| *left).count();
    ensure!(left == 200, "{} calls ended before their callers went", 200 - left);
    // What is still under way is interrupted here, and counted.
    let patience = Instant::now();
    let figures = || arena.stats().failures.get("host").copied().unwrap_or_default();
    let mut ended = figures();
    while patience.elapsed() < Duration::from_secs(5) {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let now = figures();
        if now == ended && now > 0 {
            break;
        }
        ended = now;
    }
    let under_way = arena.host.kill(&opssight_core::plugins::digest_of(&package), "a drill");
    ensure!(under_way == 0, "{under_way} calls go on for nobody");
    Ok(format!("{ended} calls ended with their callers, the others had not begun"))
}
