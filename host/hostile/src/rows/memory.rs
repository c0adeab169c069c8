//! Rows 9 to 14: memory and tables.

use crate::arena::Arena;
use crate::case::{Case, Ran, case};
use crate::wasm::endless;
use anyhow::ensure;
use opssight_testkit::guests::{checking, manifest, package_of};
use serde_json::json;

pub(super) const CASES: &[Case] = &[
    case!(Memory "9" "grow-bomb", "grows its memory and touches each page until it gets no more" => "deny at 64 MiB; memory comes back", grow).rss(71),
    case!(Memory "10" "huge-initial", "begins with 4 GiB of memory" => "refuse, nothing is allocated", huge).rss(10),
    case!(Memory "11" "many-instances", "is 60 modules with 32 MiB each" => "refuse, nothing is allocated", many).rss(10),
    case!(Memory "12" "table-grow", "grows a table until it gets no more" => "deny at 10,000 entries", table_grow).rss(10),
    case!(Memory "13" "table-initial", "begins with a table of ten million entries" => "refuse, nothing is allocated", table_initial).rss(10),
    case!(Cpu "14" "memfill", "fills 64 MiB in one instruction, again and again" => "interrupt; no slice longer than 50 ms", memfill).rss(71),
];

async fn grow(arena: &Arena) -> Ran {
    let body = r#"(local $at i32)
        (loop $more
            (local.set $at (memory.grow (i32.const 16)))
            (if (i32.eq (local.get $at) (i32.const -1)) (then (unreachable)))
            (memory.fill (i32.mul (local.get $at) (i32.const 65536)) (i32.const 1) (i32.const 1048576))
            (br $more))
        (unreachable)"#;
    let long = json!({ "budgets": { "health": { "cpu_ms": 1000 } } });
    let code = arena.fails(&checking("", body, arena.asks(long)), "budget.memory").await?;
    let mib = arena.stats().memory_bytes_max >> 20;
    ensure!(mib <= 64, "it got {mib} MiB");
    Ok(format!("{code} at {mib} MiB"))
}

/// Refused when it is installed, or when it is first called; both before anything is allocated.
async fn not_started(arena: &Arena, package: &[u8], codes: &[&str]) -> Ran {
    match arena.load(package).await {
        Err(refusal) if codes.contains(&refusal.code.as_str()) => Ok(format!("refused: {}", refusal.code)),
        Err(refusal) => anyhow::bail!("refused as {}: {refusal}", refusal.code),
        Ok(_) => arena.fails(package, codes[0]).await,
    }
}

fn plain(arena: &Arena, fields: &str, start: &str) -> Vec<u8> {
    let module = format!(
        r#"(module {fields}
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (unreachable))
        (func (export "opssight:plugin/health@1.0.0#check") (result i32) {start} (i32.const 1024)))"#
    );
    package_of(&module, &["health"], &manifest(arena.asks(json!({}))))
}

async fn huge(arena: &Arena) -> Ran {
    let package = plain(arena, r#"(memory (export "memory") 65536)"#, "");
    not_started(arena, &package, &["budget.memory", "does-not-fit", "too-many"]).await
}

async fn many(arena: &Arena) -> Ran {
    let modules = "(core module $m (memory 512)) ".to_owned() + &"(core instance (instantiate $m)) ".repeat(60);
    let package = super::packages::component(arena, &modules);
    arena.refused(&package, &["does-not-fit", "too-many"]).await
}

async fn table_grow(arena: &Arena) -> Ran {
    let grow = r#"(loop $more
        (if (i32.eq (table.grow $t (ref.null func) (i32.const 500)) (i32.const -1)) (then (unreachable)))
        (br $more))"#;
    let package = plain(arena, r#"(memory (export "memory") 1) (table $t 1 funcref)"#, grow);
    arena.fails(&package, "budget.tables").await
}

async fn table_initial(arena: &Arena) -> Ran {
    let package = plain(arena, r#"(memory (export "memory") 1) (table 10000000 funcref)"#, "");
    not_started(arena, &package, &["budget.tables", "does-not-fit", "too-many"]).await
}

async fn memfill(arena: &Arena) -> Ran {
    let grow = "(if (i32.eq (memory.grow (i32.const 900)) (i32.const -1)) (then (unreachable)))";
    let fill = "(memory.fill (i32.const 0) (i32.const 7) (i32.mul (memory.size) (i32.const 65536)))";
    let imports = format!("(func $grow {grow}) (start $grow)");
    let package = endless(&imports, fill, arena.asks(json!({ "budgets": { "health": { "cpu_ms": 500 } } })));
    let code = arena.fails(&package, "budget.cpu").await?;
    let mib = arena.stats().memory_bytes_max >> 20;
    ensure!(mib >= 58, "it filled {mib} MiB");
    // The budget is only looked at between two fills: a slice is what it is late by.
    super::cpu::in_time(arena, 500)?;
    Ok(format!("{code} with {mib} MiB"))
}
