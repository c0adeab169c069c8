//! Rows 50 to 52: items and pages. Plugins of this contract publish no events and hear none: what they can make too
//! much of is items, pages and cursors.

use crate::arena::Arena;
use crate::case::{Case, Ran, case};
use crate::desk::Desk;
use crate::rows::items::{Thing, feeding, giving};
use anyhow::{Context, bail, ensure};
use opssight_core::hooks::Leasing;
use opssight_core::id::{ConnectionId, PluginId};
use opssight_core::plugins::installs::PluginRuntime;
use opssight_core::plugins::{PageRequest, Plugins};
use opssight_core::time::Clock;
use opssight_testkit::guests::{manifest, package};
use serde_json::json;

pub(super) const CASES: &[Case] = &[
    case!(Events "50" "item-storm", "answers with 1,001 items, with a payload of 513 KiB, with 9 MiB in all" => "refuse the whole answer", storm),
    case!(Events "51" "endless-pages", "says at each page that there is more at once" => "each page is a call of its own under its budgets; the feeds of others are pulled in time; wild cursors are refused", pages),
    case!(Events "52" "ping-pong", "wants to call, or to be called by, another plugin" => "there is no way: refuse the import", ping_pong),
];

async fn storm(arena: &Arena) -> Ran {
    let things: [Vec<Thing>; 3] = [
        (0..1_001).map(|n| Thing { id: n.to_string(), ..Thing::default() }).collect(),
        vec![Thing { payload: vec![b' '; (512 << 10) + 1], ..Thing::default() }],
        (0..20).map(|n| Thing { id: n.to_string(), payload: vec![b' '; 450 << 10], ..Thing::default() }).collect(),
    ];
    let packages: Vec<Vec<u8>> = things.iter().map(|things| giving(arena, things)).collect();
    drop(things);
    // Making the packages takes more memory than refusing what they say.
    crate::measure::ready();
    let mut codes = Vec::new();
    for package in &packages {
        arena.install(package).await?;
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
    let beside = beside(arena).await?;
    Ok(format!("200 pages are 200 calls; 3 cursors refused; {beside}"))
}

/// Connections whose feeds never end.
const ENDLESS: usize = 8;
/// Feeds that are pulled at once.
const AT_ONCE: u32 = 2;

/// The puller and the store that the house has: a feed that is due each minute, beside some that always are.
async fn beside(arena: &Arena) -> Ran {
    let desk = Desk::new(arena).await?;
    let feeds = ["runs".to_owned()];
    arena.install(&paging(arena, 10, false)).await?;
    for number in 0..ENDLESS {
        desk.connect_as(arena, &format!("c-endless-{number}").into(), &arena.plugin(), &feeds).await?;
    }
    // By its name, it is the last one that anybody would think of.
    let (good, plugin) = (ConnectionId::from("c-good"), PluginId(format!("{}-good", arena.id())));
    let about = json!({
        "id": plugin.as_str(),
        "feeds": [{ "name": "runs", "title": "Runs", "every_secs": 60, "priority": "live" }],
    });
    let digest = arena.load(&feeding(&[Thing::default()], about)).await?;
    arena.host.activate(&plugin, Some(&digest));
    desk.connect_as(arena, &good, &plugin, &feeds).await?;
    let puller = desk.puller(arena);
    let (mut pulled, mut pages) = (Vec::new(), 0);
    for second in 0..200_i64 {
        let now = arena.clock.now();
        for leased in puller.feeds.lease_feeds(&Leasing::up_to(AT_ONCE, now, now.plus_secs(60))).await? {
            let is_good = leased.connection == good;
            let applied = puller.pull(leased).await?.context("a lease was lost that nobody else had")?;
            pages += 1;
            if is_good {
                ensure!(applied.items == 1, "the good feed brought {} items", applied.items);
                pulled.push(second);
            }
        }
        arena.clock.advance_secs(1);
    }
    arena.host.activate(&plugin, None);
    // At worst, each of the others has one page first.
    let patience = i64::try_from(ENDLESS)? / i64::from(AT_ONCE) + 1;
    let in_time = pulled.first().is_some_and(|first| *first <= patience)
        && pulled.windows(2).all(|pair| pair[1] - pair[0] <= 60 + patience);
    ensure!(in_time && pulled.len() > 2, "the good feed was pulled after {pulled:?} seconds");
    Ok(format!("{} pulls of a good feed in time, beside {pages} pages", pulled.len()))
}

async fn ping_pong(arena: &Arena) -> Ran {
    for import in ["opssight:plugin/webhook@1.0.0", "opssight:plugin/actions@1.0.0", "opssight:plugin/events@1.0.0"] {
        let component = super::packages::component(arena, &format!(r#"(import "{import}" (instance))"#));
        arena.refused(&component, &["import"]).await?;
    }
    Ok("3 refused: import".to_owned())
}
