//! A plugin that lets every delivery wait for its second attempt, and leaves a trace of each attempt that counted.
//!
//! It answers "try again" while a delivery is younger than a moment: so each of its deliveries needs a timer to fire.
//! When it takes one it writes a key that nobody else can have written, and that is kept with the delivery's end or not
//! at all (a connection may keep 10,000 of them): as many keys as deliveries means that each was applied once. It takes its time, so that whoever dies or stands
//! still has something under way.

use opssight_testkit::guests;
use serde_json::json;

/// Its id, and the name of its file.
pub(crate) const ID: &str = "late";
/// Younger ones wait, milliseconds.
const YOUNG: u32 = 700;
/// How long it takes for one, nanoseconds.
const NAP: u32 = 30_000_000;

/// The package; nobody has signed it.
pub(crate) fn package() -> Vec<u8> {
    let code = format!(
        r#"(import "wasi:clocks/wall-clock@0.2.12" "now" (func $now (param i32)))
        (import "wasi:clocks/monotonic-clock@0.2.12" "subscribe-duration" (func $subscribe (param i64) (result i32)))
        (import "wasi:io/poll@0.2.12" "[method]pollable.block" (func $block (param i32)))
        (import "wasi:random/random@0.2.12" "get-random-u64" (func $random (result i64)))
        (import "opssight:plugin/state@1.0.0" "set" (func $set (param i32 i32 i32 i32 i32)))
        (data (i32.const 4096) "late.young") (data (i32.const 4112) "late.state") (data (i32.const 4128) "not now")
        ;; An error of the class `upstream`, with a code and a message.
        (func $try_again (param $code i32) (result i32)
            (i32.store8 (i32.const 1024) (i32.const 1))
            (i32.store8 (i32.const 1032) (i32.const 3))
            (i32.store (i32.const 1036) (local.get $code)) (i32.store (i32.const 1040) (i32.const 10))
            (i32.store (i32.const 1044) (i32.const 4128)) (i32.store (i32.const 1048) (i32.const 7))
            (i32.const 1024))
        (func (export "opssight:plugin/webhook@1.0.0#receive") (param i32 i32 i32 i32 i64) (result i32)
            (local $bits i64) (local $at i32)
            (call $now (i32.const 2048))
            (if (i64.lt_u
                    (i64.sub
                        (i64.add (i64.mul (i64.load (i32.const 2048)) (i64.const 1000))
                                 (i64.extend_i32_u (i32.div_u (i32.load (i32.const 2056)) (i32.const 1000000))))
                        (local.get 4))
                    (i64.const {YOUNG}))
                (then
                    (return (call $try_again (i32.const 4096)))))
            (call $block (call $subscribe (i64.const {NAP})))
            ;; Sixteen letters of a random number.
            (local.set $bits (call $random))
            (loop $letters
                (i32.store8 offset=8192 (local.get $at)
                    (i32.add (i32.const 97) (i32.wrap_i64 (i64.and (local.get $bits) (i64.const 15)))))
                (local.set $bits (i64.shr_u (local.get $bits) (i64.const 4)))
                (local.set $at (i32.add (local.get $at) (i32.const 1)))
                (br_if $letters (i32.lt_u (local.get $at) (i32.const 16))))
            (call $set (i32.const 8192) (i32.const 16) (i32.const 8192) (i32.const 1) (i32.const 3072))
            ;; The store may be away.
            (if (i32.load8_u (i32.const 3072)) (then (return (call $try_again (i32.const 4112)))))
            (i32.const 1024))"#
    );
    let manifest = json!({
        "id": ID,
        "credentials": [{ "name": "hook", "title": "Secret", "schemes": [
            { "scheme": "hmac-sha256", "title": "Secret", "inputs": [{ "name": "secret", "title": "Secret", "secret": true }] }
        ] }],
        "webhook": {
            "credential": "hook", "headers": ["x-github-event"], "delivery_id": "x-github-delivery", "event": "x-github-event",
            "verification": {
                "scheme": "hmac-sha256", "header": "x-hub-signature-256", "prefix": "sha256=", "encoding": "hex",
                "input": "secret",
            },
        },
    });
    guests::package(&["webhook"], &code, &guests::manifest(manifest))
}
