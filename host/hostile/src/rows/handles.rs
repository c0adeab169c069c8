//! Rows 36 to 40: handles.

use crate::arena::Arena;
use crate::case::{Case, Ran, case};
use crate::rows::cpu::with_things;
use crate::wasm::{HTTP, endless};
use opssight_testkit::guests::checking;
use serde_json::json;

pub(super) const CASES: &[Case] = &[
    case!(Handles "36" "handle-leak-host", "makes objects of the host without end" => "stop it at the cap", host_leak)
        .rss(20),
    case!(Handles "37" "handle-leak-guest", "makes objects of its own without end" => "stop it at the cap", guest_leak)
        .rss(20),
    case!(Handles "38" "double-drop", "drops a handle twice" => "trap", double_drop).rss(20),
    case!(Handles "39" "forged-handle", "uses numbers that are no handles" => "trap", forged).rss(20),
    case!(Handles "40" "foreign-handle", "uses a handle where another kind is expected" => "trap", foreign).rss(20),
    case!(Handles "X8" "use-after-move", "uses a request again that it has sent" => "trap", moved).rss(20),
];

const DROP: &str = r#"(import "wasi:http/types@0.2.12" "[resource-drop]fields" (func $drop_fields (param i32)))
    (import "wasi:http/types@0.2.12" "[constructor]fields" (func $fields (result i32)))
    (import "wasi:http/types@0.2.12" "[method]fields.entries" (func $entries (param i32 i32)))
    (import "wasi:io/poll@0.2.12" "[method]pollable.block" (func $block (param i32)))"#;

async fn host_leak(arena: &Arena) -> Ran {
    arena.fails(&endless(DROP, "(drop (call $fields))", arena.asks(json!({}))), "budget.handles").await
}

async fn guest_leak(arena: &Arena) -> Ran {
    let package = with_things(arena, "", "(loop $more (drop (call $new (i32.const 1))) (br $more)) (unreachable)");
    arena.fails(&package, "budget.handles").await
}

async fn traps(arena: &Arena, body: &str) -> Ran {
    arena.fails(&checking(DROP, body, arena.asks(json!({}))), "trap").await
}

async fn double_drop(arena: &Arena) -> Ran {
    traps(arena, "(local $f i32) (local.set $f (call $fields)) (call $drop_fields (local.get $f)) (call $drop_fields (local.get $f)) (i32.const 1024)").await
}

async fn forged(arena: &Arena) -> Ran {
    traps(arena, "(call $entries (i32.const 12345) (i32.const 3072)) (i32.const 1024)").await?;
    opssight_core::plugins::Plugins::forget(&*arena.host, &arena.connection());
    let asks = arena.asks(json!({ "version": "1.0.1" }));
    arena.fails(&checking(DROP, "(call $drop_fields (i32.const -1)) (i32.const 1024)", asks), "trap").await
}

async fn foreign(arena: &Arena) -> Ran {
    traps(arena, "(call $block (call $fields)) (i32.const 1024)").await
}

async fn moved(arena: &Arena) -> Ran {
    let body = r#"(local $request i32)
        (local.set $request (call $request (call $fields)))
        (call $handle (local.get $request) (i32.const 0) (i32.const 0) (i32.const 3072))
        (drop (call $method (local.get $request) (i32.const 2) (i32.const 0) (i32.const 0)))
        (i32.const 1024)"#;
    arena.fails(&checking(HTTP, body, arena.asks(json!({}))), "trap").await
}
