//! Rows 15 to 19: packages that are dear to compile. The engine does not promise to survive them, so the host either
//! refuses them unseen or has somebody else compile them: its own memory must not grow.

use crate::arena::Arena;
use crate::case::{Case, Ran, case};
use anyhow::{bail, ensure};
use opssight_core::plugins::installs::PackageRefusal;
use opssight_testkit::guests::checking;
use serde_json::json;
use std::fmt::Write;

pub(super) const CASES: &[Case] = &[
    case!(Compile "15" "compile-nest", "instantiates its parts twice, 24 levels deep: 1.3 kB" => "refuse before compiling", nest).rss(10).cpu(200),
    case!(Compile "15b" "compile-nest-exports", "the same through aliases of exported components" => "refuse before compiling", nest_exports).rss(10).cpu(200),
    case!(Compile "16" "compile-phi", "one loop with 1,000 locals and 3,000 branches: 41 kB" => "refuse, or compile apart within 20 s", phi).rss(20),
    case!(Compile "17" "compile-100k-functions", "100,000 empty functions" => "refuse before compiling", functions).rss(40).cpu(500),
    case!(Compile "17b" "compile-49k-functions", "49,000 empty functions" => "refuse, or compile apart within 20 s", fewer_functions).rss(40),
    case!(Compile "18" "compile-livestack", "one function with thousands of values alive at once: 56 kB" => "refuse, or compile apart within 20 s", livestack).rss(20),
    case!(Compile "19" "compile-1-GiB-file", "a file of one GiB" => "refuse unread", file).rss(20).cpu(100),
    case!(Compile "X4" "compile-giant-br-table", "a branch table with 60,000 targets, 40 times" => "refuse, or compile apart within 20 s", br_table).rss(40),
];

/// Refused by looking at it, refused because compiling took too much, or compiled; in no case at the host's cost, which
/// is measured.
async fn contained(arena: &Arena, package: &[u8]) -> Ran {
    crate::measure::ready();
    match arena.load(package).await {
        Ok(_) => Ok("compiled".to_owned()),
        Err(PackageRefusal { code, .. })
            if code == "too-many" || code == "too-large" || code.starts_with("compile-") =>
        {
            Ok(format!("refused: {code}"))
        }
        Err(refusal) => bail!("refused for another reason, {}: {refusal}", refusal.code),
    }
}

async fn nest(arena: &Arena) -> Ran {
    let mut bomb = "(component $c0 (core module $m) (core instance (instantiate $m)))".to_owned();
    for level in 1..24 {
        let before = level - 1;
        let _written = write!(
            bomb,
            "(component $c{level} (alias outer 1 $c{before} (component $b)) (instance (instantiate $b)) (instance (instantiate $b)))"
        );
    }
    bomb.push_str("(instance (instantiate $c23))");
    arena.refused(&super::packages::component(arena, &bomb), &["too-many"]).await
}

async fn nest_exports(arena: &Arena) -> Ran {
    // Each level hands on a component that instantiates the one below twice, through an export of an instance.
    let mut bomb = "(component $c0 (core module $m) (core instance (instantiate $m)))".to_owned();
    for level in 1..24 {
        let before = level - 1;
        let _written = write!(
            bomb,
            r#"(instance $i{level} (export "c" (component $c{before})))
            (component $c{level} (alias outer 1 $c{before} (component $b)) (instance (instantiate $b)) (instance (instantiate $b)))
            (alias export $i{level} "c" (component $a{level}))"#
        );
    }
    bomb.push_str("(instance (instantiate $a23)) (instance (instantiate $c23))");
    arena.refused(&super::packages::component(arena, &bomb), &["too-many", "malformed"]).await
}

async fn phi(arena: &Arena) -> Ran {
    let locals = "i32 ".repeat(1_000);
    let mut body = String::new();
    for branch in 0..3_000_u32 {
        let (a, b) = (branch % 1_000, (branch * 7 + 3) % 1_000);
        let _written =
            write!(body, "(br_if $again (local.get {a})) (local.set {b} (i32.add (local.get {a}) (i32.const 1)))");
    }
    let func = format!(r#"(func $phi (local {locals}) (loop $again {body}))"#);
    contained(arena, &checking(&func, "(call $phi) (i32.const 1024)", arena.asks(json!({})))).await
}

fn with_functions(arena: &Arena, count: usize) -> Vec<u8> {
    checking(&"(func)".repeat(count), "(i32.const 1024)", arena.asks(json!({})))
}

async fn functions(arena: &Arena) -> Ran {
    let package = with_functions(arena, 100_000);
    crate::measure::ready();
    arena.refused(&package, &["too-many"]).await
}

async fn fewer_functions(arena: &Arena) -> Ran {
    let package = with_functions(arena, 49_000);
    crate::measure::ready();
    contained(arena, &package).await
}

async fn livestack(arena: &Arena) -> Ran {
    // Every value is made before any is used, and calls in between keep them all alive.
    let made = "(call $one)".repeat(9_000);
    let used = "(i32.add)".repeat(8_999);
    let code = format!("(func $one (result i32) (i32.load (i32.const 8))) (func $live (result i32) {made} {used})");
    contained(arena, &checking(&code, "(drop (call $live)) (i32.const 1024)", arena.asks(json!({})))).await
}

async fn br_table(arena: &Arena) -> Ran {
    let targets = "0 ".repeat(60_000);
    let one = format!("(block (br_table {targets} (local.get 0)))");
    let functions: String = (0..40).map(|n| format!("(func $t{n} (param i32) {one})")).collect();
    contained(arena, &checking(&functions, "(call $t0 (i32.const 1)) (i32.const 1024)", arena.asks(json!({})))).await
}

async fn file(arena: &Arena) -> Ran {
    // Zeroed pages that nobody has touched take no memory; reading them would take time.
    let file = vec![0_u8; 1 << 30];
    crate::measure::ready();
    let Err(refusal) = arena.host.examine(&file) else { bail!("it was read") };
    ensure!(refusal.code == "too-large", "refused as {}: {refusal}", refusal.code);
    Ok(format!("refused: {}", refusal.code))
}
