//! Rows 42 to 44: log lines.

use crate::arena::Arena;
use crate::case::{Case, Ran, case};
use crate::paper::{acts, log_bytes};
use anyhow::ensure;
use opssight_core::plugins::Plugins as _;
use opssight_testkit::guests::checking;
use serde_json::json;

pub(super) const CASES: &[Case] = &[
    case!(Log "42" "log-flood", "writes 1 GB of log in one call" => "100 lines of at most 4 KiB, 64 KiB in all; say that lines were dropped", flood).cpu(3_000),
    case!(Log "42b" "log-flood-calls", "200 calls that each log as much as a call may" => "at most 1 MiB a minute on disk", calls).cpu(3_000),
    case!(Log "43" "panic-100-MB", "panics with a message of 100 MB" => "cut it", panic).cpu(3_000),
    case!(Log "44" "stderr-binary", "writes bytes that are no text to standard error" => "clean lines", binary),
    case!(Log "X13" "log-fields", "logs a line with 5,000 fields, and names with line breaks" => "cut and clean", fields),
];

const LOG: &str = r#"(import "opssight:plugin/log@1.0.0" "log" (func $log (param i32 i32 i32 i32 i32)))"#;

async fn flood(arena: &Arena) -> Ran {
    // A megabyte a line.
    let body = r#"(local $i i32)
        (memory.fill (i32.const 131072) (i32.const 97) (i32.const 1048576))
        (loop $l
            (call $log (i32.const 2) (i32.const 131072) (i32.const 1048576) (i32.const 0) (i32.const 0))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $l (i32.lt_u (local.get $i) (i32.const 1000))))
        (i32.const 1024)"#;
    let before = log_bytes();
    arena.install(&checking(LOG, body, arena.asks(json!({ "budgets": { "health": { "wall_ms": 15_000 } } })))).await?;
    let outcome = arena.check().await;
    let log = arena.host.log(&arena.plugin());
    let (lines, bytes) = (log.len(), log.iter().map(|line| line.message.len()).sum::<usize>());
    ensure!(lines <= 101 && bytes <= 72 << 10, "{lines} lines with {bytes} bytes are kept");
    ensure!(log.iter().all(|line| line.message.len() <= (4 << 10) + 4), "a line is longer than 4 KiB");
    ensure!(log.iter().any(|line| line.message.contains("dropped")), "nobody is told that lines were dropped");
    let written = log_bytes() - before;
    ensure!(written <= 100 << 10, "{written} bytes went to the host's log");
    let how = outcome.err().map_or_else(|| "ok".to_owned(), |error| error.code);
    Ok(format!("{lines} lines, {} KiB; the call: {how}", bytes >> 10))
}

async fn calls(arena: &Arena) -> Ran {
    let body = r#"(local $i i32)
        (memory.fill (i32.const 131072) (i32.const 97) (i32.const 4000))
        (loop $l
            (call $log (i32.const 2) (i32.const 131072) (i32.const 4000) (i32.const 0) (i32.const 0))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $l (i32.lt_u (local.get $i) (i32.const 20))))
        (i32.const 1024)"#;
    arena.install(&checking(LOG, body, arena.asks(json!({})))).await?;
    let before = log_bytes();
    for _ in 0..200 {
        arena.check().await?;
    }
    let written = log_bytes() - before;
    ensure!(
        written <= 1 << 20,
        "{} KiB went to the host's log within a minute: lines of many calls have no limit",
        written >> 10
    );
    Ok(format!("{} KiB of log", written >> 10))
}

const STDERR: &str = r#"
    (import "wasi:cli/stderr@0.2.12" "get-stderr" (func $stderr (result i32)))
    (import "wasi:io/streams@0.2.12" "[method]output-stream.blocking-write-and-flush" (func $write (param i32 i32 i32 i32)))"#;

async fn panic(arena: &Arena) -> Ran {
    let body = r#"(local $i i32) (local $err i32)
        (local.set $err (call $stderr))
        (memory.fill (i32.const 131072) (i32.const 97) (i32.const 4096))
        (loop $l
            (call $write (local.get $err) (i32.const 131072) (i32.const 4096) (i32.const 3072))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $l (i32.lt_u (local.get $i) (i32.const 25600))))
        (unreachable)"#;
    let package = checking(STDERR, body, arena.asks(json!({ "budgets": { "health": { "wall_ms": 15_000 } } })));
    arena.install(&package).await?;
    let Err(error) = arena.check().await else { anyhow::bail!("it did not panic") };
    ensure!(
        matches!(error.code.as_str(), "plugin.panic" | "budget.cpu" | "budget.host-calls"),
        "it failed with {}",
        error.code
    );
    ensure!(error.message.len() <= 610, "the message has {} bytes", error.message.len());
    Ok(format!("{}, {} bytes of message", error.code, error.message.len()))
}

async fn binary(arena: &Arena) -> Ran {
    let all: Vec<u8> = (0..=255).chain(*b"\n\x1b[2J\x1b]0;owned\x07\n\xff\xfe\x00\x00\n").collect();
    let data = format!("{STDERR} (data (i32.const 4096) \"{}\")", crate::wasm::literal(&all));
    let body = format!(
        "(call $write (call $stderr) (i32.const 4096) (i32.const {}) (i32.const 3072)) (unreachable)",
        all.len()
    );
    arena.install(&checking(&data, &body, arena.asks(json!({})))).await?;
    let Err(error) = arena.check().await else { anyhow::bail!("it did not panic") };
    let lines: Vec<String> = arena.host.log(&arena.plugin()).into_iter().map(|line| line.message).collect();
    ensure!(!lines.is_empty(), "nothing of it is in the log");
    let bad = lines.iter().chain([&error.message]).find(|line| line.chars().any(acts));
    ensure!(bad.is_none(), "a line acts on the terminal: {bad:?}");
    Ok(format!("{} clean lines, {}", lines.len(), error.code))
}

async fn fields(arena: &Arena) -> Ran {
    // All fields are the same one.
    let data = format!("{LOG} (data (i32.const 4096) \"a=b\\0alevel=ERROR\")");
    let body = r#"(local $at i32)
        (local.set $at (i32.const 131072))
        (loop $more
            (i32.store (local.get $at) (i32.const 4096))
            (i32.store (i32.add (local.get $at) (i32.const 4)) (i32.const 15))
            (local.set $at (i32.add (local.get $at) (i32.const 8)))
            (br_if $more (i32.lt_u (local.get $at) (i32.const 211072))))
        (call $log (i32.const 2) (i32.const 4096) (i32.const 15) (i32.const 131072) (i32.const 5000))
        (i32.const 1024)"#;
    arena.install(&checking(&data, body, arena.asks(json!({})))).await?;
    let outcome = arena.check().await;
    let log = arena.host.log(&arena.plugin());
    ensure!(log.len() <= 1, "{} lines of one", log.len());
    ensure!(
        log.iter().all(|line| line.message.len() <= (4 << 10) + 4 && !line.message.contains('\n')),
        "it is not one short line"
    );
    Ok(outcome.err().map_or_else(|| "one line".to_owned(), |error| error.code))
}
