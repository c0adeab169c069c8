//! Rows 46 to 49: the plugin's own store.

use crate::arena::{Arena, NOW};
use crate::case::{Case, Ran, case};
use crate::desk::Desk;
use anyhow::{Context, Result, ensure};
use opssight_core::id::ConnectionId;
use opssight_core::ingest::{Effect, Ingest};
use opssight_core::plugins::{PluginState, Plugins, StateWrite, WebhookDelivery};
use opssight_testkit::guests::{checking, manifest, package};
use serde_json::{Value, json};

pub(super) const CASES: &[Case] = &[
    case!(State "46" "kv-1e6-keys", "writes a million keys, and goes on when they are in the store" => "stop taking them at the quota, and say so", keys).cpu(5_000),
    case!(State "47" "kv-1-GiB-value", "writes values of 257 KiB, of its whole memory and of a gigabyte" => "refuse", values),
    case!(State "48" "kv-odd-keys", "uses keys with `../`, other connections' ids, NUL, wildcards and too many bytes, and lists by such prefixes" => "refuse, or keep them as they are within its own part of the store", odd_keys),
    case!(State "49" "kv-foreign-keys", "tries 10,000 keys of another connection by name, and lists them by wildcards" => "find none in the store that both have", foreign).cpu(5_000),
    case!(State "X27" "kv-alike-keys", "uses keys that are one when they are normalised, folded or trimmed" => "keep them apart, in the store that the host has", alike),
    case!(State "X14" "kv-churn", "writes and deletes the same megabytes again and again" => "what is handed to the store and what stays there are within the quota", churn).cpu(5_000),
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

/// A desk in whose store the case's connection keeps its state, and the host reads it.
async fn kept(arena: &Arena) -> Result<Desk> {
    let desk = Desk::new(arena).await?;
    desk.connect(arena).await?;
    arena.memory.read_from(&desk.store);
    Ok(desk)
}

async fn commit(desk: &Desk, connection: &ConnectionId, state: Vec<StateWrite>) -> Result<()> {
    let effect = Effect { connection: connection.clone(), items: Vec::new(), state, now: NOW };
    desk.store.apply(effect).await?;
    Ok(())
}

/// With all of the CPU time that its kind has: each look into the store is counted to it.
fn patient(arena: &Arena, version: usize) -> Value {
    let budgets = json!({ "health": { "wall_ms": 15_000 } });
    arena.asks(json!({ "version": format!("1.0.{version}"), "budgets": budgets }))
}

/// The code of the refusal that `set` left at 3072 becomes the summary, if there is one.
const TELL: &str = "
    (if (i32.load8_u (i32.const 3072)) (then
        (i32.store (i32.const 2056) (i32.load (i32.const 3084))) (i32.store (i32.const 2060) (i32.load (i32.const 3088)))))
    (i32.const 2048)";

const MOST_KEYS: usize = 10_000;

async fn keys(arena: &Arena) -> Ran {
    let desk = kept(arena).await?;
    // The first refusal ends it.
    let body = format!(
        r#"(local $i i32)
        (loop $l
            (call $name (local.get $i))
            (call $set (i32.const 4096) (i32.const 8) (i32.const 16) (i32.const 1) (i32.const 3072))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $l (i32.and (i32.eqz (i32.load8_u (i32.const 3072))) (i32.lt_u (local.get $i) (i32.const 1000000)))))
        {TELL}"#
    );
    arena.install(&checking(STATE, &body, patient(arena, 0))).await?;
    let called = arena.check().await.context("write until it is refused")?;
    let (said, kept) = (called.value.summary, called.state.len());
    ensure!(said == "state.quota" && kept == MOST_KEYS, "after {kept} keys it was told {said:?}");
    commit(&desk, &arena.connection(), called.state).await?;
    // The store is full: one more is refused, one may be written over, and one may take another's place.
    let set = |key: usize, result: usize| {
        format!(
            "(call $name (i32.const {key})) (call $set (i32.const 4096) (i32.const 8) (i32.const 17) (i32.const 2) (i32.const {result}))"
        )
    };
    let body = format!(
        "{} {} (call $name (i32.const 1)) (call $delete (i32.const 4096) (i32.const 8) (i32.const 3328)) {} {TELL}",
        set(MOST_KEYS, 3_072),
        set(0, 3_328),
        set(MOST_KEYS + 1, 3_328)
    );
    arena.install(&checking(STATE, &body, patient(arena, 1))).await?;
    let called = arena.check().await.context("write into a full store")?;
    ensure!(called.value.summary == "state.quota", "one more than there may be: {:?}", called.value.summary);
    let written: Vec<(&str, bool)> =
        called.state.iter().map(|write| (write.key.as_str(), write.value.is_some())).collect();
    ensure!(written == [("00000000", true), ("00000001", false), ("00010001", true)], "it wrote {written:?}");
    commit(&desk, &arena.connection(), called.state).await?;
    let (_, keys) = desk.store.usage(&arena.connection()).await?;
    ensure!(keys == MOST_KEYS as u64, "{keys} keys are kept");
    Ok(format!("{keys} keys kept, twice state.quota"))
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

/// Takes a delivery that is a key: looks what is there, writes "x" there, and notes what it found. One that begins with
/// an `L` is a prefix: as many keys as are found with it, so long is the note.
fn probing(arena: &Arena) -> Vec<u8> {
    let code = format!(
        r#"{STATE} (data (i32.const 5000) "{}")
        (func $note (param i32 i32) (result i32)
            (i32.store (i32.const 2064) (i32.const 1))
            (i32.store (i32.const 2068) (local.get 0)) (i32.store (i32.const 2072) (local.get 1))
            (i32.const 2048))
        (func (export "opssight:plugin/webhook@1.0.0#receive") (param i32 i32 i32 i32 i64) (result i32)
            (local $key i32) (local $length i32)
            (local.set $key (i32.add (local.get 2) (i32.const 1)))
            (local.set $length (i32.sub (local.get 3) (i32.const 1)))
            (if (i32.eq (i32.load8_u (local.get 2)) (i32.const 76)) (then
                (call $list (local.get $key) (local.get $length) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 1000) (i32.const 3200))
                (if (i32.load8_u (i32.const 3200)) (then (unreachable)))
                (return (call $note (i32.const 5000) (i32.load (i32.const 3212))))))
            (call $get (local.get $key) (local.get $length) (i32.const 3136))
            (call $set (local.get $key) (local.get $length) (i32.const 5000) (i32.const 1) (i32.const 3072))
            (if (i32.load8_u (i32.const 3144)) (then
                (return (call $note (i32.load (i32.const 3148)) (i32.load (i32.const 3152))))))
            (i32.const 1024))"#,
        "x".repeat(100)
    );
    package(&["webhook"], &code, &manifest(arena.asks(json!({ "version": "2.0.0" }))))
}

/// What it noted, and what it wrote.
async fn probe(arena: &Arena, how: char, key: &str) -> Result<(String, Vec<StateWrite>)> {
    let delivery = WebhookDelivery { headers: vec![], body: format!("{how}{key}").into_bytes(), received_at: NOW };
    let called = arena.host.receive(&arena.plain(), delivery).await.with_context(|| format!("{how} {key:?}"))?;
    Ok((called.value.note.unwrap_or_default(), called.state))
}

/// Another connection, and keys of it that hold this.
async fn victim(arena: &Arena, desk: &Desk, keys: impl IntoIterator<Item = String>) -> Result<ConnectionId> {
    let victim = ConnectionId::from("c-victim");
    desk.connect_as(arena, &victim, &arena.plugin(), &[]).await?;
    let state = keys.into_iter().map(|key| StateWrite { key, value: Some(b"victim".to_vec()) });
    commit(desk, &victim, state.collect()).await?;
    Ok(victim)
}

/// Paths, separators, wildcards of LIKE and GLOB, and what they would match.
const ODD: [&str; 17] = [
    "token",
    "../c-victim/token",
    "c-victim/token",
    "c-victim\u{0}token",
    "c-victim:token",
    "c-victim|token",
    "",
    "a\nb",
    "%2e%2e%2ftoken",
    "\u{ff0e}\u{ff0e}/token",
    "a%b",
    "a_b",
    "axb",
    "a\\b",
    "a*b",
    "[a]b",
    "%",
];

const PREFIXES: [&str; 14] =
    ["", "%", "_", "a%", "a_", "a\\", "*", "a*", "[a]", "[a-z]", "c-victim", "../", "token", "\u{10ffff}"];

async fn odd_keys(arena: &Arena) -> Ran {
    let desk = kept(arena).await?;
    let (own, long) = (arena.connection(), "x".repeat(513));
    let is_kept = |key: &&str| !key.is_empty() && !key.chars().any(char::is_control);
    let other = victim(arena, &desk, ODD.iter().filter(|key| is_kept(key)).map(|key| (*key).to_owned())).await?;
    arena.install(&probing(arena)).await?;
    let mut wanted = Vec::new();
    for key in ODD.iter().copied().chain([long.as_str()]) {
        let (found, written) = probe(arena, 'K', key).await?;
        ensure!(found.is_empty(), "the key {key:?} reads {found:?}");
        ensure!(written.iter().all(|write| write.key == key), "the key {key:?} was written as another one");
        if !written.is_empty() {
            wanted.push(key);
        }
        commit(&desk, &own, written).await?;
    }
    ensure!(wanted == ODD.iter().copied().filter(is_kept).collect::<Vec<_>>(), "taken were {wanted:?}");
    for key in &wanted {
        let (mine, theirs) = (desk.store.get(&own, key).await?, desk.store.get(&other, key).await?);
        ensure!(mine.as_deref() == Some(b"x".as_slice()), "its own {key:?} holds {mine:?}");
        ensure!(theirs.as_deref() == Some(b"victim".as_slice()), "the other's {key:?} holds {theirs:?}");
    }
    for prefix in PREFIXES {
        let (found, _) = probe(arena, 'L', prefix).await?;
        let fit = wanted.iter().filter(|key| key.starts_with(prefix)).count();
        ensure!(found.len() == fit, "{} keys are listed with the prefix {prefix:?} instead of {fit}", found.len());
    }
    Ok(format!("{} refused, {} kept as they are", ODD.len() + 1 - wanted.len(), wanted.len()))
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
    let desk = kept(arena).await?;
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
        commit(&desk, &connection, state).await?;
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
    let desk = kept(arena).await?;
    victim(arena, &desk, (0..MOST_KEYS).map(|number| format!("{number:08}"))).await?;
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
    arena.install(&checking(STATE, body, patient(arena, 0))).await?;
    let called = arena.check().await?;
    ensure!(called.value.summary.is_empty(), "it found {} of another connection's keys", called.value.summary.len());
    arena.install(&probing(arena)).await?;
    for prefix in ["", "0", "0000%", "%", "________", "*", "[0-9]*", "c-victim"] {
        let (found, _) = probe(arena, 'L', prefix).await?;
        ensure!(found.is_empty(), "the prefix {prefix:?} lists {} of another connection's keys", found.len());
    }
    Ok("0 of 10,000 read".to_owned())
}

/// A value of the next row, with its key.
const VALUE: usize = 200_008;

async fn churn(arena: &Arena) -> Ran {
    let desk = kept(arena).await?;
    let body = format!(
        r#"(local $i i32)
        (loop $l
            (call $name (i32.rem_u (local.get $i) (i32.const 100)))
            (call $set (i32.const 4096) (i32.const 8) (i32.const 1000000) (i32.const 200000) (i32.const 3072))
            (if (i32.and (local.get $i) (i32.const 1)) (then (call $delete (i32.const 4096) (i32.const 8) (i32.const 3328))))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $l (i32.lt_u (local.get $i) (i32.const 2000))))
        {TELL}"#
    );
    arena.install(&checking(STATE, &body, patient(arena, 0))).await?;
    // Each call may add five of them, of fifty that it wants; after four calls the connection has all that fit.
    let room = (4 << 20) / VALUE;
    for call in 1..=6 {
        let called = arena.check().await.with_context(|| format!("call {call}"))?;
        ensure!(called.value.summary == "state.quota", "call {call} is told {:?}", called.value.summary);
        let size = |write: &StateWrite| write.key.len() + write.value.as_ref().map_or(0, Vec::len);
        let handed: usize = called.state.iter().map(size).sum();
        ensure!(handed <= 1 << 20, "call {call} hands {handed} bytes to the store");
        commit(&desk, &arena.connection(), called.state).await?;
        let (bytes, keys) = desk.store.usage(&arena.connection()).await?;
        let fit = room.min(5 * call);
        ensure!((bytes, keys) == ((fit * VALUE) as u64, fit as u64), "after call {call}: {bytes} bytes in {keys} keys");
    }
    Ok(format!("{room} values of 200 kB kept, 6 x state.quota"))
}
