//! Rows 46 to 49: the plugin's own store.

use crate::arena::{Arena, NOW};
use crate::case::{Case, Ran, case};
use crate::desk::Desk;
use anyhow::ensure;
use opssight_core::ingest::{Effect, Ingest};
use opssight_core::plugins::{PluginState, Plugins};
use opssight_testkit::guests::checking;
use serde_json::json;

pub(super) const CASES: &[Case] = &[
    case!(State "46" "kv-1e6-keys", "writes a million keys" => "stop taking them at the quota", keys).cpu(5_000),
    case!(State "47" "kv-1-GiB-value", "writes values of 257 KiB, of its whole memory and of a gigabyte" => "refuse", values),
    case!(State "48" "kv-odd-keys", "uses keys with `../`, other connections' ids, NUL, and 10,000 bytes" => "refuse, or keep them as they are within its own store", odd_keys),
    case!(State "49" "kv-foreign-keys", "tries 10,000 keys of another connection" => "find none", foreign).cpu(5_000),
    case!(State "X27" "kv-alike-keys", "uses keys that are one when they are normalised, folded or trimmed" => "keep them apart, in the store that the host has", alike),
    case!(State "X14" "kv-churn", "writes and deletes the same megabytes again and again" => "what is handed to the store stays within the quota", churn).cpu(5_000),
];

const STATE: &str = r#"
    (import "opssight:plugin/state@1.0.0" "get" (func $get (param i32 i32 i32)))
    (import "opssight:plugin/state@1.0.0" "set" (func $set (param i32 i32 i32 i32 i32)))
    (import "opssight:plugin/state@1.0.0" "delete" (func $delete (param i32 i32 i32)))
    (import "opssight:plugin/state@1.0.0" "list-keys" (func $list (param i32 i32 i32 i32 i32 i32 i32)))
    ;; Eight digits of a number at 4096.
    (func $name (param $n i32) (local $at i32)
        (local.set $at (i32.const 4103))
        (loop $more
            (i32.store8 (local.get $at) (i32.add (i32.const 48) (i32.rem_u (local.get $n) (i32.const 10))))
            (local.set $n (i32.div_u (local.get $n) (i32.const 10)))
            (local.set $at (i32.sub (local.get $at) (i32.const 1)))
            (br_if $more (i32.ge_u (local.get $at) (i32.const 4096)))))"#;

fn patient(arena: &Arena) -> serde_json::Value {
    arena.asks(json!({ "budgets": { "health": { "wall_ms": 15_000 } } }))
}

async fn keys(arena: &Arena) -> Ran {
    // The first refusal ends it; how far it came is the length of the summary, in hundreds.
    let body = r#"(local $i i32)
        (loop $l
            (call $name (local.get $i))
            (call $set (i32.const 4096) (i32.const 8) (i32.const 16) (i32.const 1) (i32.const 3072))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $l (i32.and (i32.eqz (i32.load8_u (i32.const 3072))) (i32.lt_u (local.get $i) (i32.const 1000000)))))
        (i32.const 1024)"#;
    arena.install(&checking(STATE, body, patient(arena))).await?;
    let called = arena.check().await;
    let kept = called.as_ref().map_or(0, |called| called.state.len());
    ensure!(kept <= 10_000, "{kept} keys are kept");
    Ok(called.map_or_else(|error| error.code, |_| format!("{kept} keys kept")))
}

async fn values(arena: &Arena) -> Ran {
    let mut told = Vec::new();
    for (number, (grow, length)) in [(0, 263_168), (900, 50_000_000), (0, 1_073_741_824)].into_iter().enumerate() {
        let body = format!(
            "(drop (memory.grow (i32.const {grow})))
            (call $set (i32.const 4096) (i32.const 4) (i32.const 131072) (i32.const {length}) (i32.const 3072))
            (i32.store (i32.const 2056) (i32.const 4096)) (i32.store (i32.const 2060) (i32.load8_u (i32.const 3072)))
            (i32.const 2048)"
        );
        let asks = arena.asks(json!({ "version": format!("1.0.{number}") }));
        arena.install(&checking(&format!("{STATE} (data (i32.const 4096) \"keys\")"), &body, asks)).await?;
        match arena.check().await {
            Ok(called) => {
                ensure!(called.state.is_empty() && called.value.summary == "k", "{length} bytes were taken");
                told.push("refused".to_owned());
            }
            Err(error) => told.push(error.code),
        }
        arena.host.forget(&arena.connection());
    }
    Ok(told.join(", "))
}

async fn odd_keys(arena: &Arena) -> Ran {
    let other = opssight_core::id::ConnectionId::from("c-victim");
    arena.memory.state.lock().unwrap().insert((other.clone(), "token".into()), b"victim".to_vec());
    let long = "x".repeat(513);
    let keys = [
        "../c-victim/token",
        "c-victim\u{0}token",
        "c-victim:token",
        "",
        "a\nb",
        &long,
        "%2e%2e%2ftoken",
        "\u{ff0e}\u{ff0e}/token",
    ];
    let mut refused = 0;
    for (number, key) in keys.iter().enumerate() {
        let data = format!("{STATE} (data (i32.const 8192) \"{}\")", crate::wasm::literal(key.as_bytes()));
        let place = format!("(i32.const 8192) (i32.const {})", key.len());
        // What it reads there becomes the summary, if it reads anything.
        let body = format!(
            "(call $get {place} (i32.const 3136))
            (call $set {place} (i32.const 16) (i32.const 1) (i32.const 3072))
            (if (i32.load8_u (i32.const 3144)) (then
                (i32.store (i32.const 2056) (i32.load (i32.const 3148))) (i32.store (i32.const 2060) (i32.load (i32.const 3152)))
                (return (i32.const 2048))))
            (i32.const 1024)"
        );
        arena.install(&checking(&data, &body, arena.asks(json!({ "version": format!("1.0.{number}") })))).await?;
        let called = arena.check().await?;
        ensure!(called.value.summary.is_empty(), "the key {key:?} reads {:?}", called.value.summary);
        ensure!(called.state.iter().all(|write| write.key == *key), "the key {key:?} was written as another one");
        refused += usize::from(called.state.is_empty());
    }
    ensure!(refused >= 4, "only {refused} of the keys that nobody needs were refused");
    Ok(format!("{refused} refused, {} kept as they are", keys.len() - refused))
}

/// One after the other, so that a store that takes two for one overwrites a value.
const ALIKE: [&str; 14] = [
    "caf\u{e9}",
    "cafe\u{301}",
    "CAF\u{c9}",
    "Kelvin",
    "\u{212a}elvin",
    "kelvin",
    "stra\u{df}e",
    "strasse",
    "\u{fb01}le",
    "file",
    "file ",
    "\u{ff46}ile",
    "file\u{200b}",
    "%66ile",
];

async fn alike(arena: &Arena) -> Ran {
    let desk = Desk::new(arena).await?;
    desk.connect(arena).await?;
    let connection = arena.connection();
    let mut wanted = std::collections::BTreeMap::new();
    for (number, key) in ALIKE.iter().enumerate() {
        let data = format!("{STATE} (data (i32.const 8192) \"{}\")", crate::wasm::literal(key.as_bytes()));
        // The value is the number of the key.
        let body = format!(
            "(i32.store8 (i32.const 4096) (i32.const {}))
            (call $set (i32.const 8192) (i32.const {}) (i32.const 4096) (i32.const 1) (i32.const 3072))
            (i32.const 1024)",
            65 + number,
            key.len()
        );
        arena.install(&checking(&data, &body, arena.asks(json!({ "version": format!("1.0.{number}") })))).await?;
        let state = arena.check().await?.state;
        // Some keys may be refused; those that are taken are taken as they are.
        wanted.extend(state.iter().filter_map(|write| Some((write.key.clone(), write.value.clone()?))));
        let effect = Effect { connection: connection.clone(), items: Vec::new(), state, now: NOW };
        desk.store.apply(effect).await?;
    }
    for (key, value) in &wanted {
        let kept = desk.store.get(&connection, key).await?;
        ensure!(kept.as_ref() == Some(value), "the key {key:?} holds {kept:?} instead of {value:?}");
    }
    let (_, keys) = desk.store.usage(&connection).await?;
    ensure!(keys == wanted.len() as u64 && keys > 8, "{} keys became {keys}", wanted.len());
    Ok(format!("{keys} kept apart, {} refused", ALIKE.len() - wanted.len()))
}

async fn foreign(arena: &Arena) -> Ran {
    let other = opssight_core::id::ConnectionId::from("c-victim");
    {
        let mut state = arena.memory.state.lock().unwrap();
        for number in 0..10_000 {
            state.insert((other.clone(), format!("{number:08}")), b"victim".to_vec());
        }
    }
    // Everything found is counted, by name and by list.
    let body = r#"(local $i i32) (local $found i32)
        (loop $l
            (call $name (local.get $i))
            (call $get (i32.const 4096) (i32.const 8) (i32.const 3136))
            (local.set $found (i32.add (local.get $found) (i32.load8_u (i32.const 3144))))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $l (i32.lt_u (local.get $i) (i32.const 10000))))
        (call $list (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 1000) (i32.const 3200))
        (i32.store (i32.const 2056) (i32.const 4096))
        (i32.store (i32.const 2060) (i32.add (local.get $found) (i32.load (i32.const 3212))))
        (i32.const 2048)"#;
    arena
        .install(&checking(STATE, body, arena.asks(json!({ "budgets": { "health": { "wall_ms": 15_000 } } }))))
        .await?;
    let called = arena.check().await?;
    ensure!(called.value.summary.is_empty(), "it found {} of another connection's keys", called.value.summary.len());
    Ok("0 of 10,000 read".to_owned())
}

async fn churn(arena: &Arena) -> Ran {
    let body = r#"(local $i i32)
        (loop $l
            (call $name (i32.rem_u (local.get $i) (i32.const 100)))
            (call $set (i32.const 4096) (i32.const 8) (i32.const 131072) (i32.const 200000) (i32.const 3072))
            (if (i32.and (local.get $i) (i32.const 1)) (then (call $delete (i32.const 4096) (i32.const 8) (i32.const 3072))))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $l (i32.lt_u (local.get $i) (i32.const 2000))))
        (i32.const 1024)"#;
    arena.install(&checking(STATE, body, patient(arena))).await?;
    let called = arena.check().await;
    let bytes: usize =
        called.iter().flat_map(|c| &c.state).filter_map(|write| write.value.as_ref()).map(Vec::len).sum();
    ensure!(bytes <= 4 << 20, "{bytes} bytes are handed to the store");
    Ok(called.map_or_else(|error| error.code, |_| format!("{} KiB kept", bytes >> 10)))
}
