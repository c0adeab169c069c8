//! Rows 50 to 52: items and pages. Plugins of this contract publish no events and hear none: what they can make too
//! much of is items, pages and cursors.

use crate::arena::Arena;
use crate::case::{Case, Ran, case};
use crate::rows::items::{Thing, giving};
use anyhow::{bail, ensure};
use opssight_core::plugins::{PageRequest, Plugins};
use opssight_testkit::guests::{manifest, package};
use serde_json::json;

pub(super) const CASES: &[Case] = &[
    case!(Events "50" "item-storm", "answers with 1,001 items, with a payload of 513 KiB, with 9 MiB in all" => "refuse the whole answer", storm),
    case!(Events "51" "endless-pages", "says at each page that there is more at once" => "each page is a call of its own under its budgets; wild cursors are refused", pages),
    case!(Events "52" "ping-pong", "wants to call, or to be called by, another plugin" => "there is no way: refuse the import", ping_pong),
];

async fn storm(arena: &Arena) -> Ran {
    let things: [Vec<Thing>; 3] = [
        (0..1_001).map(|n| Thing { id: n.to_string(), ..Thing::default() }).collect(),
        vec![Thing { payload: vec![b' '; (512 << 10) + 1], ..Thing::default() }],
        (0..20).map(|n| Thing { id: n.to_string(), payload: vec![b' '; 450 << 10], ..Thing::default() }).collect(),
    ];
    let mut codes = Vec::new();
    for things in &things {
        let package = giving(arena, things);
        // Making the package takes more memory than refusing what it says.
        crate::measure::ready();
        arena.install(&package).await?;
        let delivery = opssight_core::plugins::WebhookDelivery {
            headers: vec![],
            body: b"{}".to_vec(),
            received_at: crate::arena::NOW,
        };
        match arena.host.receive(&arena.plain(), delivery).await {
            Ok(called) => bail!("{} items were taken", called.value.items.len()),
            Err(error) if matches!(error.code.as_str(), "plugin.invalid-answer" | "budget.hostcall") => {
                codes.push(error.code);
            }
            Err(error) => bail!("it failed with {}: {error}", error.code),
        }
        arena.host.forget(&arena.connection());
    }
    Ok(codes.join(", "))
}

/// `pull` answers with `next` of this length, and nothing else.
fn paging(arena: &Arena, length: u32, nul: bool) -> Vec<u8> {
    // batch: items at 2056, next at 2064 (option: 2068, 2072), checkpoint at 2076.
    let spoil = if nul { "(i32.store8 (i32.const 131074) (i32.const 0))" } else { "" };
    let code = format!(
        r#"(func (export "opssight:plugin/source@1.0.0#pull")
            (param i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
            (memory.fill (i32.const 131072) (i32.const 97) (i32.const {length})) {spoil}
            (i32.store8 (i32.const 2064) (i32.const 1))
            (i32.store (i32.const 2068) (i32.const 131072)) (i32.store (i32.const 2072) (i32.const {length}))
            (i32.const 2048))"#
    );
    let feeds = json!({ "feeds": [{ "name": "runs", "title": "Runs", "every_secs": 60, "priority": "live" }] });
    package(&["source"], &code, &manifest(arena.asks(feeds)))
}

async fn pages(arena: &Arena) -> Ran {
    arena.install(&paging(arena, 10, false)).await?;
    let mut cursor = None;
    for _ in 0..200 {
        let page = PageRequest { cursor: cursor.take(), limit: 100 };
        cursor = arena.host.pull(&arena.plain(), "runs", None, page).await?.value.next;
        ensure!(cursor.is_some(), "there is no next page");
    }
    for (length, nul) in [((64 << 10) + 1, false), (10, true), (1_800_000, false)] {
        arena.install(&paging(arena, length, nul)).await?;
        match arena.host.pull(&arena.plain(), "runs", None, PageRequest { cursor: None, limit: 100 }).await {
            Err(error) if error.code == "plugin.invalid-answer" => {}
            Err(error) => bail!("a cursor of {length} bytes failed with {}", error.code),
            Ok(_) => bail!("a cursor of {length} bytes was taken"),
        }
        arena.host.forget(&arena.connection());
    }
    Ok("200 pages are 200 calls; 3 cursors refused".to_owned())
}

async fn ping_pong(arena: &Arena) -> Ran {
    for import in ["opssight:plugin/webhook@1.0.0", "opssight:plugin/actions@1.0.0", "opssight:plugin/events@1.0.0"] {
        let component = super::packages::component(arena, &format!(r#"(import "{import}" (instance))"#));
        arena.refused(&component, &["import"]).await?;
    }
    Ok("3 refused: import".to_owned())
}
