//! Rows 26 to 33: what a guest hands over is a claim about its memory.

use crate::arena::Arena;
use crate::case::{Case, Ran, case};
use anyhow::Context;
use opssight_testkit::guests::checking;
use serde_json::json;

pub(super) const CASES: &[Case] = &[
    case!(Boundary "26" "ret-list-33-MB", "answers with a list of 33 MB" => "an error, at most 40 MiB", big_list).rss(40),
    case!(Boundary "27" "overlap-strings", "answers with 1,000 strings that are all the same megabyte" => "an error, at most 40 MiB", overlapping).rss(40),
    case!(Boundary "28" "empty-strings-4M", "answers with four million empty strings" => "an error, at most 40 MiB", empty_strings).rss(40),
    case!(Boundary "29" "ptr-out-of-bounds", "answers with pointers beyond its memory, and lengths that overflow" => "an error", out_of_bounds).rss(40),
    case!(Boundary "30" "misaligned", "answers with pointers that are not aligned" => "an error", misaligned).rss(40),
    case!(Boundary "31" "bad-UTF-8", "answers with text that is none" => "an error", bad_utf8).rss(40),
    case!(Boundary "32" "enum-77", "answers with discriminants that no case has" => "an error", discriminants).rss(40),
    case!(Boundary "33" "char-D800", "answers with surrogates (the contract has no `char`, so within text)" => "an error", surrogates).rss(40),
    case!(Boundary "X6" "arguments-everywhere", "hands host functions pointers beyond its memory" => "an error", arguments).rss(40),
    case!(Boundary "X7" "realloc-lies", "cabi_realloc answers with addresses that are not its own" => "an error", realloc_lies).rss(40),
];

/// Store words, then answer from address 2048.
fn words(words: &[(u32, i64)]) -> String {
    let stores: String =
        words.iter().map(|(at, value)| format!("(i32.store (i32.const {at}) (i32.const {value}))")).collect();
    format!("{stores} (i32.const 2048)")
}

/// Each of these bodies fails with the code, in a plugin of its own.
async fn all_fail(arena: &Arena, cases: &[(String, String)], code: &str) -> Ran {
    for (number, (imports, body)) in cases.iter().enumerate() {
        let asks = arena.asks(json!({ "version": format!("1.0.{number}") }));
        let package = checking(imports, body, asks);
        arena.fails(&package, code).await.with_context(|| format!("variant {number}"))?;
        // Each version has its own record, and five faults of one connection would open its breaker.
        opssight_core::plugins::Plugins::forget(&*arena.host, &arena.connection());
    }
    Ok(format!("{} x {code}", cases.len()))
}

const SUMMARY: (u32, u32) = (2_056, 2_060);
const ATTRS: (u32, u32) = (2_064, 2_068);

async fn big_list(arena: &Arena) -> Ran {
    let body =
        format!("(drop (memory.grow (i32.const 520))) {}", words(&[(ATTRS.0, 131_072), (ATTRS.1, 33_000_000 / 16)]));
    arena.fails(&checking("", &body, arena.asks(json!({}))), "budget.hostcall").await
}

async fn overlapping(arena: &Arena) -> Ran {
    let body = r#"(local $i i32)
        (loop $l
            (i32.store (i32.add (i32.const 200000) (i32.mul (local.get $i) (i32.const 8))) (i32.const 600000))
            (i32.store (i32.add (i32.const 200004) (i32.mul (local.get $i) (i32.const 8))) (i32.const 1048576))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $l (i32.lt_u (local.get $i) (i32.const 1000))))
        (i32.store (i32.const 2064) (i32.const 200000))
        (i32.store (i32.const 2068) (i32.const 500))
        (i32.const 2048)"#;
    arena.fails(&checking("", body, arena.asks(json!({}))), "budget.hostcall").await
}

async fn empty_strings(arena: &Arena) -> Ran {
    let body = format!("(drop (memory.grow (i32.const 600))) {}", words(&[(ATTRS.0, 131_072), (ATTRS.1, 2_000_000)]));
    arena.fails(&checking("", &body, arena.asks(json!({}))), "budget.hostcall").await
}

fn bodies(all: &[&[(u32, i64)]]) -> Vec<(String, String)> {
    all.iter().map(|stores| (String::new(), words(stores))).collect()
}

async fn out_of_bounds(arena: &Arena) -> Ran {
    let mut cases = bodies(&[
        &[(SUMMARY.0, -16), (SUMMARY.1, 100)],
        &[(SUMMARY.0, 0x7fff_ffff), (SUMMARY.1, 1)],
        &[(SUMMARY.0, 2_097_152), (SUMMARY.1, 1)],
        &[(SUMMARY.0, 2_097_151), (SUMMARY.1, 2)],
        &[(SUMMARY.0, 16), (SUMMARY.1, -1)],
        &[(ATTRS.0, 131_072), (ATTRS.1, -1)],
        &[(ATTRS.0, 131_072), (ATTRS.1, 0x1000_0000)],
        &[(ATTRS.0, -16), (ATTRS.1, 1)],
    ]);
    cases.push((String::new(), "(i32.const -8)".to_owned()));
    cases.push((String::new(), "(i32.const 2097144)".to_owned()));
    all_fail(arena, &cases, "trap").await
}

async fn misaligned(arena: &Arena) -> Ran {
    let mut cases = bodies(&[&[(ATTRS.0, 131_073), (ATTRS.1, 1)], &[(ATTRS.0, 131_074), (ATTRS.1, 1)]]);
    cases.push((String::new(), "(i32.const 2049)".to_owned()));
    cases.push((String::new(), "(i32.const 2052)".to_owned()));
    all_fail(arena, &cases, "trap").await
}

fn texts(all: &[&[u8]]) -> Vec<(String, String)> {
    let one = |text: &&[u8]| {
        let data = format!("(data (i32.const 4096) \"{}\")", crate::wasm::literal(text));
        let length = i64::try_from(text.len()).unwrap_or(0);
        (data, words(&[(SUMMARY.0, 4_096), (SUMMARY.1, length)]))
    };
    all.iter().map(one).collect()
}

async fn bad_utf8(arena: &Arena) -> Ran {
    let cases = texts(&[b"\xff", b"ok\x80", b"\xc0\xaf", b"\xe2\x82", b"\xf4\x90\x80\x80", b"\xf8\x88\x80\x80\x80"]);
    all_fail(arena, &cases, "trap").await
}

async fn surrogates(arena: &Arena) -> Ran {
    let cases = texts(&[b"\xed\xa0\x80", b"\xed\xbf\xbf", b"\xed\xa0\xbd\xed\xb8\x80"]);
    all_fail(arena, &cases, "trap").await
}

async fn discriminants(arena: &Arena) -> Ran {
    let byte = |at: u32, value: u32| format!("(i32.store8 (i32.const {at}) (i32.const {value}))");
    let cases: Vec<(String, String)> = [
        vec![(2_048, 2)],
        vec![(2_048, 255)],
        vec![(2_048, 1), (2_056, 77)],
        vec![(2_048, 1), (2_056, 7)],
        vec![(2_048, 1), (2_056, 0), (2_080, 9)],
    ]
    .into_iter()
    .map(|bytes| bytes.into_iter().map(|(at, value)| byte(at, value)).collect::<String>() + "(i32.const 2048)")
    .map(|body| (String::new(), body))
    .collect();
    all_fail(arena, &cases, "trap").await
}

async fn arguments(arena: &Arena) -> Ran {
    let imports = r#"
        (import "opssight:plugin/state@1.0.0" "get" (func $get (param i32 i32 i32)))
        (import "opssight:plugin/state@1.0.0" "set" (func $set (param i32 i32 i32 i32 i32)))
        (import "opssight:plugin/log@1.0.0" "log" (func $log (param i32 i32 i32 i32 i32)))"#;
    let calls = [
        "(call $get (i32.const -1) (i32.const 10) (i32.const 3072))",
        "(call $get (i32.const 16) (i32.const -1) (i32.const 3072))",
        "(call $get (i32.const 16) (i32.const 2) (i32.const -4))",
        "(call $get (i32.const 16) (i32.const 2) (i32.const 3073))",
        "(call $set (i32.const 16) (i32.const 2) (i32.const 2097151) (i32.const 2) (i32.const 3072))",
        "(call $log (i32.const 9) (i32.const 16) (i32.const 1) (i32.const 0) (i32.const 0))",
        "(call $log (i32.const -1) (i32.const 16) (i32.const 1) (i32.const 0) (i32.const 0))",
        "(call $log (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 2097000) (i32.const 50))",
    ];
    let cases: Vec<_> = calls.iter().map(|call| (imports.to_owned(), format!("{call} (i32.const 1024)"))).collect();
    all_fail(arena, &cases, "trap").await
}

async fn realloc_lies(arena: &Arena) -> Ran {
    for (number, address) in ["-1", "2147483640", "65535", "1"].into_iter().enumerate() {
        let module = format!(
            r#"(module (memory (export "memory") 1)
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const {address}))
            (func (export "opssight:plugin/webhook@1.0.0#receive") (param i32 i32 i32 i32 i64) (result i32) (i32.const 1024)))"#
        );
        let asks = arena.asks(json!({ "version": format!("1.0.{number}") }));
        let package =
            opssight_testkit::guests::package_of(&module, &["webhook"], &opssight_testkit::guests::manifest(asks));
        // Where one byte fits, a body of a hundred does not.
        if address == "1" {
            arena.install(&package).await?;
            continue;
        }
        arena
            .fails_receiving(&package, vec![7; 100], "trap")
            .await
            .with_context(|| format!("realloc says {address}"))?;
    }
    Ok("3 x trap".to_owned())
}
