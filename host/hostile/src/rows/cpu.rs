//! Rows 1 to 8: processor time and the stack.

use crate::arena::{Arena, NOW};
use crate::case::{Case, Ran, case};
use crate::wasm::{FOR_AN_HOUR, SLEEP, endless};
use anyhow::{Context, Result, ensure};
use opssight_core::plugins::installs::PluginRuntime;
use opssight_core::plugins::{CallError, CallTarget, Plugins, WebhookDelivery};
use opssight_testkit::guests::{checking, manifest, package_of};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

pub(super) const CASES: &[Case] = &[
    case!(Cpu "1" "loop-start", "loops in the module's start function" => "stop it at its CPU budget, at most 50 ms of CPU later", start),
    case!(Cpu "2" "loop-init", "loops in `_initialize`" => "stop it at its CPU budget, at most 50 ms of CPU later", init),
    case!(Cpu "3" "loop-call", "loops in the called export" => "stop it at its CPU budget, at most 50 ms of CPU later", call),
    case!(Cpu "4" "loop-post-return", "loops in post-return, after the answer" => "stop it at its CPU budget, at most 50 ms of CPU later", post_return),
    case!(Cpu "5" "loop-realloc", "loops in cabi_realloc while the host hands over arguments" => "stop it at its CPU budget, at most 50 ms of CPU later", realloc),
    case!(Cpu "6" "loop-drop", "loops in a resource's destructor" => "stop it at its CPU budget, at most 50 ms of CPU later", drop_loop),
    case!(Memory "7" "recursion", "calls itself without end" => "stack overflow, under 20 ms of CPU", recursion),
    case!(Memory "8" "fat-frames", "calls itself with 500 live locals a frame" => "stack overflow, under 20 ms of CPU", fat_frames),
    case!(Memory "8b" "fatter-frames", "has a function with 20,000 locals" => "refuse before compiling", fatter_frames),
    case!(Cpu "X1" "many-spinners", "32 calls that loop at once, for 32 connections" => "stop each at its CPU budget, or when there is no time for it; the neighbour goes on", spinners),
    case!(Cpu "X2" "revoked-while-spinning", "loops, and is revoked" => "interrupt it within a second", revoked),
    case!(Cpu "X3" "sleepers-and-slots", "more calls that sleep than there are places for calls, from connections that are known for short ones" => "give each up at its wall budget; the neighbour goes on", sleepers),
];

const LOOP: &str = "(loop $again (br $again))";
/// What these ask for. The time on the wall is generous: computing time is what they are stopped at, on a machine that
/// has other things to do as well.
fn spinning(arena: &Arena) -> Value {
    let budget = json!({ "cpu_ms": 100, "wall_ms": 20_000 });
    arena.asks(json!({ "budgets": { "health": budget, "webhook": budget } }))
}

/// So much later than its budget of computing time, a guest must have been stopped.
const LATE_MS: u64 = 50;

/// It was stopped at its budget, and not much later: what is counted is its own computing time, whatever else the
/// machine does.
pub(super) fn in_time(arena: &Arena, budget_ms: u64) -> Result<()> {
    let ms = call_cpu_ms(arena);
    ensure!(ms <= budget_ms + LATE_MS, "it computed for {ms} ms with a budget of {budget_ms} ms");
    Ok(())
}

/// Stopped at the corpus' usual budget.
async fn stopped(arena: &Arena, package: &[u8]) -> Ran {
    let code = arena.fails(package, "budget.cpu").await?;
    in_time(arena, 100)?;
    Ok(format!("{code} at {} ms", call_cpu_ms(arena)))
}

async fn start(arena: &Arena) -> Ran {
    let spin = format!("(func $spin {LOOP}) (start $spin)");
    stopped(arena, &checking(&spin, "(i32.const 1024)", spinning(arena))).await
}

async fn init(arena: &Arena) -> Ran {
    let spin = format!(r#"(func (export "_initialize") {LOOP})"#);
    stopped(arena, &checking(&spin, "(i32.const 1024)", spinning(arena))).await
}

async fn call(arena: &Arena) -> Ran {
    stopped(arena, &endless("", "", spinning(arena))).await
}

async fn post_return(arena: &Arena) -> Ran {
    let post = format!(r#"(func (export "cabi_post_opssight:plugin/health@1.0.0#check") (param i32) {LOOP})"#);
    stopped(arena, &checking(&post, "(i32.const 1024)", spinning(arena))).await
}

async fn realloc(arena: &Arena) -> Ran {
    let module = format!(
        r#"(module
        (memory (export "memory") 1)
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) {LOOP} (unreachable))
        (func (export "opssight:plugin/webhook@1.0.0#receive") (param i32 i32 i32 i32 i64) (result i32) (i32.const 0)))"#
    );
    let package = package_of(&module, &["webhook"], &manifest(spinning(arena)));
    let code = arena.fails_receiving(&package, vec![1; 100], "budget.cpu").await?;
    in_time(arena, 100)?;
    Ok(code)
}

/// A guest with a resource of its own. The contract hands no resource to the host, so the guest drops it itself.
pub(super) fn with_things(arena: &Arena, destructor: &str, body: &str) -> Vec<u8> {
    let code = format!(
        r#"(import "[export]probe:guest/things" "[resource-new]thing" (func $new (param i32) (result i32)))
        (import "[export]probe:guest/things" "[resource-drop]thing" (func $drop (param i32)))
        (func (export "probe:guest/things#[constructor]thing") (result i32) (call $new (i32.const 1)))
        (func (export "probe:guest/things#[dtor]thing") (param i32) {destructor})
        (func (export "opssight:plugin/health@1.0.0#check") (result i32) {body})"#
    );
    opssight_testkit::guests::package(&["health", "things"], &code, &manifest(spinning(arena)))
}

async fn drop_loop(arena: &Arena) -> Ran {
    let package = with_things(arena, LOOP, "(call $drop (call $new (i32.const 7))) (i32.const 1024)");
    stopped(arena, &package).await
}

/// What the plugin's calls took, most, in thread CPU.
fn call_cpu_ms(arena: &Arena) -> u64 {
    arena.stats().cpu_us_p99 / 1_000
}

async fn overflows(arena: &Arena, package: &[u8]) -> Ran {
    let code = arena.fails(package, "trap.stack-overflow").await?;
    let ms = call_cpu_ms(arena);
    ensure!(ms < 20, "it took {ms} ms of CPU to find out");
    Ok(code)
}

async fn recursion(arena: &Arena) -> Ran {
    let package = checking("(func $deep (call $deep))", "(call $deep) (i32.const 1024)", arena.asks(json!({})));
    overflows(arena, &package).await
}

async fn fat_frames(arena: &Arena) -> Ran {
    let locals = "i64 ".repeat(500);
    // All of them are set before and read after the call, so that each needs a place in the frame.
    let set: String = (0..500).map(|n| format!("(local.set {n} (i64.extend_i32_u (global.get $top)))")).collect();
    let read: String = (0..500).map(|n| format!("(local.get {n}) (i64.add)")).collect();
    let deep = format!("(func $deep (result i64) (local {locals}) {set} (call $deep) {read})");
    let package = checking(&deep, "(drop (call $deep)) (i32.const 1024)", arena.asks(json!({})));
    overflows(arena, &package).await
}

async fn fatter_frames(arena: &Arena) -> Ran {
    let deep = format!("(func $deep (local {}) (call $deep))", "i64 ".repeat(20_000));
    let package = checking(&deep, "(call $deep) (i32.const 1024)", arena.asks(json!({})));
    arena.refused(&package, &["too-many"]).await
}

async fn spinners(arena: &Arena) -> Ran {
    arena.install(&endless("", "", arena.asks(json!({})))).await?;
    let calls = (0..32).map(|number| {
        let mut target = arena.plain();
        target.connection = format!("{}-{number}", target.connection).into();
        async move { arena.host.check(&target).await }
    });
    let outcomes = futures::future::join_all(calls).await;
    let ended =
        |code: &str| outcomes.iter().filter(|outcome| matches!(outcome, Err(error) if error.code == code)).count();
    // On a machine that has other things to do, the host's patience may end before they have computed for their time.
    let (cpu, busy) = (ended("budget.cpu"), ended("host.busy"));
    ensure!(cpu + busy == 32, "{} of 32 ended otherwise: {outcomes:?}", 32 - cpu - busy);
    Ok(format!("{cpu} x budget.cpu, {busy} x host.busy"))
}

async fn revoked(arena: &Arena) -> Ran {
    let long = json!({ "budgets": { "health": { "cpu_ms": 2000, "wall_ms": 20_000 } } });
    let package = endless("", "", arena.asks(long));
    arena.install(&package).await?;
    let target = arena.plain();
    let kill = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        (arena.host.kill(&opssight_core::plugins::digest_of(&package), "a drill"), Instant::now())
    };
    let (outcome, (interrupted, at)) = tokio::join!(arena.host.check(&target), kill);
    ensure!(interrupted == 1, "{interrupted} calls were interrupted");
    ensure!(at.elapsed() < Duration::from_secs(1), "it went on for {:?}", at.elapsed());
    code_of(outcome.map(|_| ()), "plugin.revoked")?;
    code_of(arena.check().await.map(|_| ()), "plugin.revoked")
}

pub(super) fn code_of(outcome: Result<(), CallError>, code: &str) -> Ran {
    match outcome {
        Err(error) if error.code == code => Ok(code.to_owned()),
        Err(error) => anyhow::bail!("{} instead of {code}: {error}", error.code),
        Ok(()) => anyhow::bail!("it went well instead of failing with {code}"),
    }
}

/// So many calls that sleep.
const SLEEPERS: usize = 100;

async fn sleepers(arena: &Arena) -> Ran {
    // A delivery that is empty is done with at once.
    let code = format!(
        r#"{SLEEP} (func (export "opssight:plugin/webhook@1.0.0#receive") (param i32 i32 i32 i32 i64) (result i32)
            (if (local.get 3) (then {FOR_AN_HOUR}))
            (i32.const 1024))"#
    );
    let package = opssight_testkit::guests::package(&["webhook"], &code, &manifest(arena.asks(json!({}))));
    arena.install(&package).await?;
    // Of ten connections, so that the breakers do not help.
    let targets: Vec<CallTarget> = (0..10)
        .map(|number| {
            let target = arena.plain();
            CallTarget { connection: format!("{}-{number}", target.connection).into(), ..target }
        })
        .collect();
    let delivery = |body: &[u8]| WebhookDelivery { headers: vec![], body: body.to_vec(), received_at: NOW };
    // Whoever is known for short calls gets the places that are for those.
    for target in &targets {
        arena.host.receive(target, delivery(b"")).await.context("a delivery that is empty")?;
    }
    let calls = (0..SLEEPERS).map(|number| arena.host.receive(&targets[number % targets.len()], delivery(b"zzz")));
    // Half a second before the first of them are given up, a short one does not find a place either.
    let short = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        tokio::time::timeout(Duration::from_millis(500), arena.host.receive(&targets[0], delivery(b""))).await.is_err()
    };
    let (outcomes, waited) = tokio::join!(futures::future::join_all(calls), short);
    ensure!(waited, "there are places for more sleepers than {SLEEPERS}");
    for outcome in outcomes {
        code_of(outcome.map(|_| ()), "budget.wall")?;
    }
    Ok(format!("{SLEEPERS} x budget.wall, all places taken"))
}
