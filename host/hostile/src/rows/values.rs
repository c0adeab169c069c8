//! Rows 34 and 35: numbers, times and texts that the house would rely on.

use crate::arena::{Arena, NOW};
use crate::case::{Case, Ran, case};
use crate::paper::acts;
use crate::rows::items::{Thing, giving};
use anyhow::{Context, bail, ensure};
use opssight_core::ingest;
use opssight_core::items::{Body, Item};
use opssight_core::pipelines::RunDoc;
use opssight_core::plugins::{Plugins, RawItem, WebhookDelivery};
use opssight_testkit::guests::checking;
use serde_json::json;

pub(super) const CASES: &[Case] = &[
    case!(Values "34" "bad-times", "times of i64::MIN, of the year 9999, before the epoch" => "refuse the item before it is stored", times),
    case!(Values "34b" "bad-numbers", "NaN, infinities, 1e308, subnormals and huge counts in payloads" => "refuse the item before it is stored", numbers),
    case!(Values "35" "hostile-texts", "NUL, right-to-left overrides, invisible characters, ANSI escapes and line breaks in names and log lines" => "nothing that acts on a terminal, a log or a reader's eye is left", texts),
    case!(Values "35b" "hostile-links", "links with javascript:, data: and file: schemes" => "no link is stored", links),
];

async fn receive(arena: &Arena, things: &[Thing]) -> anyhow::Result<Result<Vec<RawItem>, String>> {
    arena.install(&giving(arena, things)).await?;
    let delivery = WebhookDelivery { headers: vec![], body: b"{}".to_vec(), received_at: NOW };
    let outcome = arena.host.receive(&arena.plain(), delivery).await;
    arena.host.forget(&arena.connection());
    Ok(outcome.map(|called| called.value.items).map_err(|error| error.code))
}

/// Where an item is refused: by the runtime, or by the core when it is typed. None: nowhere.
async fn refused(arena: &Arena, thing: Thing) -> anyhow::Result<Option<&'static str>> {
    Ok(match receive(arena, &[thing]).await? {
        Err(code) if code == "plugin.invalid-answer" => Some("runtime"),
        Err(code) => bail!("it failed with {code}"),
        Ok(items) => ingest::decode(&items).is_err().then_some("core"),
    })
}

async fn times(arena: &Arena) -> Ran {
    let times = [i64::MIN, i64::MIN + 1, -1, 0, 946_684_799_999, 4_102_444_800_000, 253_402_300_799_999, i64::MAX];
    for at in times {
        let place = refused(arena, Thing { at, ..Thing::default() }).await.with_context(|| format!("at {at}"))?;
        ensure!(place.is_some(), "an item of {at} ms is believed");
    }
    ensure!(refused(arena, Thing::default()).await?.is_none(), "a good item is refused as well");
    Ok(format!("{} refused", times.len()))
}

async fn numbers(arena: &Arena) -> Ran {
    let values = [
        "NaN",
        "Infinity",
        "-Infinity",
        "1e308",
        "1e309",
        "-1e308",
        "5e-324",
        "1e400",
        "0.5",
        "-1",
        "-0.0",
        "18446744073709551616",
        "9223372036854775808",
        "1e18",
        "\"12\"",
        "[1]",
        "{\"$numberLong\":\"1\"}",
        "0x10",
        "1_000",
    ];
    let mut tried = 0;
    for value in values {
        for field in ["attempt", "created_at", "started_at"] {
            let mut payload =
                vec![r#""id":"1""#.to_owned(), r#""service":"o/r""#.to_owned(), format!("\"{field}\":{value}")];
            if field != "attempt" {
                payload.push(r#""attempt":1"#.to_owned());
            }
            let payload = format!("{{{}}}", payload.join(","));
            let thing = Thing { payload: payload.clone().into_bytes(), ..Thing::default() };
            ensure!(refused(arena, thing).await?.is_some(), "believed: {payload}");
            tried += 1;
        }
    }
    // A payload that is nested deeper than anybody's stack.
    let deep = format!("{{\"id\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    ensure!(
        refused(arena, Thing { payload: deep.into_bytes(), ..Thing::default() }).await?.is_some(),
        "deep nesting is believed"
    );
    Ok(format!("{} refused", tried + 1))
}

const TEXTS: [&str; 12] = [
    "nul\u{0}nul",
    "\u{1b}[31mred\u{1b}]0;title\u{7}\u{9b}2J",
    "exe.\u{202e}gpj\u{202c}",
    "\u{2066}isolate\u{2069}\u{61c}",
    "zero\u{200b}width\u{200d}\u{feff}\u{2060}",
    "tags\u{e0041}\u{e007f}",
    "selectors\u{e0100}\u{e01ef}\u{fe00}",
    "line\u{2028}separator\u{2029}",
    "soft\u{ad}hyphen\u{180e}",
    "two\r\nlines level=error forged=yes",
    "back\u{8}\u{8}space\u{7f}",
    "\u{fff9}annotated\u{fffb}",
];

async fn texts(arena: &Arena) -> Ran {
    for text in TEXTS {
        let data = format!(
            r#"(import "opssight:plugin/log@1.0.0" "log" (func $log (param i32 i32 i32 i32 i32)))
            (data (i32.const 4096) "{}")"#,
            crate::wasm::literal(text.as_bytes())
        );
        let place = format!("(i32.const 4096) (i32.const {})", text.len());
        let body = format!(
            "(call $log (i32.const 2) {place} (i32.const 0) (i32.const 0))
            (i32.store (i32.const 2056) (i32.const 4096)) (i32.store (i32.const 2060) (i32.const {})) (i32.const 2048)",
            text.len()
        );
        arena.install(&checking(&data, &body, arena.asks(json!({})))).await?;
        let summary = arena.check().await.context("call it")?.value.summary;
        ensure!(!summary.chars().any(acts), "a summary says {summary:?}");
        let log = arena.host.log(&arena.plugin());
        let line = &log.last().context("it logged nothing")?.message;
        ensure!(!line.chars().any(acts), "a log line says {line:?}");

        let payload = json!({ "id": "1", "attempt": 1, "service": text, "title": text, "branch": text, "actor": text });
        let thing = Thing { title: text.to_owned(), payload: payload.to_string().into_bytes(), ..Thing::default() };
        let items = receive(arena, &[thing]).await?.map_err(|code| anyhow::anyhow!("the item failed with {code}"))?;
        ensure!(!items[0].title.chars().any(acts), "a title says {:?}", items[0].title);
        let kept = kept(&items[0])?;
        ensure!(!kept.chars().any(acts), "what is stored says {kept:?}");
    }
    Ok(format!("{} made harmless", TEXTS.len()))
}

/// The texts of a run as it is stored.
fn kept(item: &RawItem) -> anyhow::Result<String> {
    let item = Item::decode(item)?;
    let Body::Run(seen) = &item.body else { bail!("it is no run") };
    let mut doc = RunDoc::default();
    doc.learn(seen, item.at);
    let run = doc.view(&"c1".into());
    let texts = [Some(run.service), run.title, run.branch, run.actor, run.url];
    Ok(texts.into_iter().flatten().fold(String::new(), |all, text| all + &text + "|"))
}

async fn links(arena: &Arena) -> Ran {
    let links = [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        " javascript:alert(1)",
        "java\tscript:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "vbscript:x",
        "file:///etc/passwd",
        "//evil.example/x",
        "blob:https://x/y",
    ];
    for link in links {
        let payload = json!({ "id": "1", "attempt": 1, "service": "o/r", "url": link });
        let thing = Thing { url: Some(link.to_owned()), payload: payload.to_string().into_bytes(), ..Thing::default() };
        let items = receive(arena, &[thing]).await?.map_err(|code| anyhow::anyhow!("the item failed with {code}"))?;
        ensure!(items[0].url.is_none(), "the link {:?} is kept", items[0].url);
        let kept = kept(&items[0])?;
        ensure!(kept == "o/r|", "the link {link:?} is stored: {kept:?}");
    }
    Ok(format!("{} dropped", links.len()))
}
