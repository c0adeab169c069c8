//! Row 75: a notifier that does not do what it says.

use crate::arena::Arena;
use crate::case::{Case, Ran, case};
use anyhow::bail;
use opssight_testkit::guests::{manifest, package};
use serde_json::json;

pub(super) const CASES: &[Case] = &[
    case!(Notifier "75" "notifier-lies", "says ok without sending, answers for others' ids, too few and too many times" => "one receipt per notification, by place; anything else is a failed call", lies),
    case!(Notifier "75b" "notifier-hangs", "hangs; dies after the provider has accepted" => "a failed call that is tried again under the same id", hangs),
    case!(Notifier "75c" "detector-numbers", "a detector answers with NaN, infinities, and series that do not exist" => "refuse the answer", detector),
];

/// What can be said today: whether this host calls such a plugin at all.
async fn callable(arena: &Arena, kind: &str, params: &str) -> Ran {
    let name = if kind == "notifier" { "send" } else { "detect" };
    let code = format!(
        r#"(func (export "opssight:plugin/{kind}@1.0.0#{name}") (param {params}) (result i32) (i32.const 1024))"#
    );
    let package = package(&[kind], &code, &manifest(arena.asks(json!({}))));
    match arena.load(&package).await {
        Err(refusal) => bail!("missing: this host calls no {kind} ({}: {refusal})", refusal.code),
        Ok(_) => bail!("missing: the host takes a {kind}, and this case does not call it yet"),
    }
}

async fn lies(arena: &Arena) -> Ran {
    callable(arena, "notifier", "i32 i32 i32 i32").await
}

async fn hangs(arena: &Arena) -> Ran {
    callable(arena, "notifier", "i32 i32 i32 i32").await
}

async fn detector(arena: &Arena) -> Ran {
    callable(arena, "detector", "i32 i32 i32 i32").await
}
