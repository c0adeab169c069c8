//! Row 41: functions of the host, called as often as it goes.

use crate::arena::Arena;
use crate::case::{Case, Ran, case};
use crate::wasm::endless;
use anyhow::ensure;
use opssight_core::plugins::installs::PluginRuntime;
use opssight_testkit::guests::checking;
use serde_json::json;

pub(super) const CASES: &[Case] = &[
    case!(Storm "41" "host-call-flood-log", "logs without end" => "stop it at its quota of host calls, before its CPU budget", log).cpu(700),
    case!(Storm "41b" "host-call-flood-state", "reads its state without end" => "stop it at its CPU budget, to which each look into the store is counted", state).cpu(2_500),
    case!(Storm "41c" "host-call-flood-clock", "asks for the time without end" => "stop it at a budget", clock).cpu(2_500),
    case!(Storm "X9" "random-flood", "asks for 2^60 random bytes, and for 60 KiB again and again" => "refuse; stop it at a budget", random).cpu(2_500),
    case!(Storm "X10" "poll-flood", "waits for a list of nothing, and for a list of 100,000 times the same" => "an error", poll),
    case!(Storm "X11" "environment", "asks for variables, arguments and a directory" => "there are none", environment),
    case!(Storm "X12" "exit", "ends its process with each status" => "its call ends, and nothing else", exit),
];

/// Without short budgets: the quota must hold against the kind's own.
async fn flood(arena: &Arena, imports: &str, body: &str, code: &str) -> Ran {
    let asks = json!({ "budgets": { "health": { "wall_ms": 15_000 } } });
    let code = arena.fails(&endless(imports, body, arena.asks(asks)), code).await?;
    Ok(format!("{code} after {} ms of CPU", arena.stats().cpu_us_p99 / 1_000))
}

async fn log(arena: &Arena) -> Ran {
    let imports = r#"(import "opssight:plugin/log@1.0.0" "log" (func $log (param i32 i32 i32 i32 i32)))"#;
    let call = "(call $log (i32.const 2) (i32.const 16) (i32.const 4) (i32.const 0) (i32.const 0))";
    flood(arena, imports, call, "budget.host-calls").await
}

async fn state(arena: &Arena) -> Ran {
    let imports = r#"(import "opssight:plugin/state@1.0.0" "get" (func $get (param i32 i32 i32)))"#;
    flood(arena, imports, "(call $get (i32.const 16) (i32.const 4) (i32.const 3072))", "budget.cpu").await
}

/// The clock costs the host no more than the guest: whichever budget comes first.
async fn clock(arena: &Arena) -> Ran {
    let imports = r#"(import "wasi:clocks/monotonic-clock@0.2.12" "now" (func $now (result i64)))"#;
    match flood(arena, imports, "(drop (call $now))", "budget.host-calls").await {
        Ok(said) => Ok(said),
        Err(other) if other.to_string().contains("budget.cpu") => Ok("budget.cpu".to_owned()),
        Err(other) => Err(other),
    }
}

async fn random(arena: &Arena) -> Ran {
    let imports = r#"(import "wasi:random/random@0.2.12" "get-random-bytes" (func $bytes (param i64 i32)))"#;
    let huge = checking(
        imports,
        "(call $bytes (i64.const 1152921504606846976) (i32.const 3072)) (i32.const 1024)",
        arena.asks(json!({})),
    );
    arena.fails(&huge, "trap").await?;
    opssight_core::plugins::Plugins::forget(&*arena.host, &arena.connection());
    // The list is made anew at the same place each time.
    let again = "(global.set $top (i32.const 131072)) (call $bytes (i64.const 60000) (i32.const 3072))";
    let package = endless(imports, again, arena.asks(json!({ "version": "1.0.1" })));
    arena.install(&package).await?;
    let outcome = arena.check().await;
    let code = outcome.err().map(|error| error.code).unwrap_or_default();
    ensure!(code.starts_with("budget."), "the flood ended with {code:?}");
    Ok(format!("trap, {code}"))
}

async fn poll(arena: &Arena) -> Ran {
    let imports = r#"(import "wasi:io/poll@0.2.12" "poll" (func $poll (param i32 i32 i32)))
        (import "wasi:clocks/monotonic-clock@0.2.12" "subscribe-duration" (func $subscribe (param i64) (result i32)))"#;
    let nothing = checking(
        imports,
        "(call $poll (i32.const 4096) (i32.const 0) (i32.const 3072)) (i32.const 1024)",
        arena.asks(json!({})),
    );
    arena.fails(&nothing, "trap").await?;
    opssight_core::plugins::Plugins::forget(&*arena.host, &arena.connection());
    let many = r#"(local $at i32) (local $handle i32)
        (local.set $handle (call $subscribe (i64.const 1)))
        (local.set $at (i32.const 131072))
        (loop $more
            (i32.store (local.get $at) (local.get $handle))
            (local.set $at (i32.add (local.get $at) (i32.const 4)))
            (br_if $more (i32.lt_u (local.get $at) (i32.const 531072))))
        (global.set $top (i32.const 600000))
        (call $poll (i32.const 131072) (i32.const 100000) (i32.const 3072))
        (i32.const 1024)"#;
    // The engine takes it or not; what counts is what it costs, which is measured.
    arena.install(&checking(imports, many, arena.asks(json!({ "version": "1.0.1" })))).await?;
    let outcome = arena.check().await;
    Ok(format!("trap, {}", outcome.err().map_or_else(|| "ok".to_owned(), |error| error.code)))
}

async fn environment(arena: &Arena) -> Ran {
    let imports = r#"(import "wasi:cli/environment@0.2.12" "get-environment" (func $variables (param i32)))
        (import "wasi:cli/environment@0.2.12" "get-arguments" (func $arguments (param i32)))
        (import "wasi:cli/environment@0.2.12" "initial-cwd" (func $directory (param i32)))"#;
    // What is there becomes the length of the summary.
    let body = r#"
        (call $variables (i32.const 3072)) (call $arguments (i32.const 3080)) (call $directory (i32.const 3088))
        (i32.store (i32.const 2056) (i32.const 4096))
        (i32.store (i32.const 2060)
            (i32.add (i32.add (i32.load (i32.const 3076)) (i32.load (i32.const 3084))) (i32.load8_u (i32.const 3088))))
        (i32.const 2048)"#;
    arena.install(&checking(imports, body, arena.asks(json!({})))).await?;
    let said = arena.check().await?.value.summary;
    ensure!(said.is_empty(), "it found {} things", said.len());
    Ok("nothing found".to_owned())
}

async fn exit(arena: &Arena) -> Ran {
    let imports = r#"(import "wasi:cli/exit@0.2.12" "exit" (func $exit (param i32)))"#;
    for (number, status) in [0, 1].into_iter().enumerate() {
        let asks = arena.asks(json!({ "version": format!("1.0.{number}") }));
        let package = checking(imports, &format!("(call $exit (i32.const {status})) (i32.const 1024)"), asks);
        arena.fails(&package, "trap").await?;
    }
    let alive = arena.host.figures("sha256:none").is_none();
    ensure!(alive, "the host is not itself");
    Ok("2 x trap".to_owned())
}
