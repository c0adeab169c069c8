//! Twenty hostile packages of different families, for benches that run them beside a plugin that people use. Each takes
//! deliveries, so that they can be sent work.

use crate::wasm::literal;
use opssight_testkit::guests::{manifest, package};
use serde_json::{Value, json};

const LOOP: &str = "(loop $again (br $again))";
const CLOCK: &str = r#"
    (import "wasi:clocks/monotonic-clock@0.2.12" "subscribe-duration" (func $subscribe (param i64) (result i32)))
    (import "wasi:clocks/monotonic-clock@0.2.12" "now" (func $now (result i64)))
    (import "wasi:io/poll@0.2.12" "[method]pollable.block" (func $block (param i32)))"#;
const STATE: &str = r#"
    (import "opssight:plugin/state@1.0.0" "get" (func $get (param i32 i32 i32)))
    (import "opssight:plugin/state@1.0.0" "set" (func $set (param i32 i32 i32 i32 i32)))"#;
const LOG: &str = r#"(import "opssight:plugin/log@1.0.0" "log" (func $log (param i32 i32 i32 i32 i32)))"#;
const FIELDS: &str = r#"(import "wasi:http/types@0.2.12" "[constructor]fields" (func $fields (result i32)))"#;
const RANDOM: &str = r#"(import "wasi:random/random@0.2.12" "get-random-bytes" (func $bytes (param i64 i32)))"#;
const STDERR: &str = r#"
    (import "wasi:cli/stderr@0.2.12" "get-stderr" (func $stderr (result i32)))
    (import "wasi:io/streams@0.2.12" "[method]output-stream.blocking-write-and-flush" (func $write (param i32 i32 i32 i32)))"#;

/// Names and packages.
pub fn neighbours() -> Vec<(String, Vec<u8>)> {
    let answer = |stores: &[(u32, i64)]| -> String {
        stores.iter().map(|(at, value)| format!("(i32.store (i32.const {at}) (i32.const {value}))")).collect::<String>()
            + "(i32.const 2048)"
    };
    let again = |body: &str| format!("(loop $again {body} (br $again)) (unreachable)");
    let guests: [(&str, String, String); 20] = [
        ("spins", String::new(), format!("{LOOP} (unreachable)")),
        ("spins-at-start", format!("(func $spin {LOOP}) (start $spin)"), "(i32.const 1024)".into()),
        ("recurses", "(func $deep (call $deep))".into(), "(call $deep) (i32.const 1024)".into()),
        ("grows", String::new(), "(loop $l (drop (memory.grow (i32.const 16))) (memory.fill (i32.const 0) (i32.const 1) (i32.mul (memory.size) (i32.const 65536))) (br $l)) (unreachable)".into()),
        ("fills", "(func $grow (drop (memory.grow (i32.const 900)))) (start $grow)".into(), again("(memory.fill (i32.const 0) (i32.const 7) (i32.mul (memory.size) (i32.const 65536)))")),
        ("sleeps", CLOCK.into(), "(call $block (call $subscribe (i64.const 3600000000000))) (i32.const 1024)".into()),
        ("naps", CLOCK.into(), again("(call $block (call $subscribe (i64.const 1)))")),
        ("asks-the-time", CLOCK.into(), again("(drop (call $now))")),
        ("dies", String::new(), "(unreachable)".into()),
        ("hoards-handles", FIELDS.into(), again("(drop (call $fields))")),
        ("logs", LOG.into(), again("(call $log (i32.const 4) (i32.const 16) (i32.const 4000) (i32.const 0) (i32.const 0))")),
        ("prints", STDERR.into(), again("(call $write (call $stderr) (i32.const 16) (i32.const 4000) (i32.const 3072))")),
        ("fills-its-state", STATE.into(), r#"(local $i i32)
            (loop $l
                (i32.store (i32.const 4096) (i32.or (i32.const 0x41414141) (local.get $i)))
                (call $set (i32.const 4099) (i32.const 1) (i32.const 131072) (i32.const 200000) (i32.const 3072))
                (local.set $i (i32.add (local.get $i) (i32.const 1)))
                (br_if $l (i32.lt_u (local.get $i) (i32.const 500)))) (i32.const 1024)"#.into()),
        ("reads-its-state", STATE.into(), again("(call $get (i32.const 16) (i32.const 4) (i32.const 3072))")),
        ("asks-for-random", RANDOM.into(), again("(global.set $top (i32.const 131072)) (call $bytes (i64.const 60000) (i32.const 3072))")),
        ("answers-beyond-memory", String::new(), "(i32.const -8)".into()),
        ("answers-too-much", String::new(), answer(&[(2_056, 131_072), (2_060, 20_000)])),
        ("answers-nonsense", format!("(data (i32.const 65536) \"{}\")", literal(&[0xff; 640])), answer(&[(2_056, 65_536), (2_060, 10)])),
        ("lies-about-notes", String::new(), answer(&[(2_064, 7), (2_068, -1), (2_072, -1)])),
        ("yields-and-spins", CLOCK.into(), again("(call $block (call $subscribe (i64.const 1000000))) (drop (call $now))")),
    ];
    guests.into_iter().map(|(name, imports, body)| (name.to_owned(), receiving(name, &imports, &body))).collect()
}

fn receiving(name: &str, imports: &str, body: &str) -> Vec<u8> {
    let code = format!(
        r#"{imports}
        (func (export "opssight:plugin/webhook@1.0.0#receive") (param i32 i32 i32 i32 i64) (result i32) {body})"#
    );
    package(&["webhook"], &code, &manifest(hooked(name)))
}

/// Takes deliveries that are signed as GitHub's are.
fn hooked(name: &str) -> Value {
    json!({
        "id": format!("hostile-{name}"),
        "credentials": [{ "name": "hook", "title": "Secret", "schemes": [
            { "scheme": "hmac-sha256", "title": "Secret", "inputs": [{ "name": "secret", "title": "S", "secret": true }] },
        ] }],
        "webhook": {
            "credential": "hook",
            "verification": {
                "scheme": "hmac-sha256", "header": "x-hub-signature-256", "prefix": "sha256=", "encoding": "hex", "input": "secret",
            },
            "delivery_id": "x-github-delivery",
            "event": "x-github-event",
            "headers": ["x-github-event"],
        },
    })
}
