//! Row 75: a notifier that does not do what it says; and a detector that says what is no number.

use crate::arena::{Arena, NOW, loopback};
use crate::case::{Case, Ran, case};
use crate::outside::{Manners, Upstream, answer};
use crate::rows::cpu::code_of;
use crate::wasm::{FOR_AN_HOUR, Fetch, SLEEP, rule};
use anyhow::{Context, Result, bail, ensure};
use opssight_core::plugins::kinds::{Detector, Notification, Notified, Notifier, Series, Severity};
use opssight_core::plugins::{CallError, Called, Plugins};
use opssight_testkit::guests::{manifest, package};
use serde_json::json;

pub(super) const CASES: &[Case] = &[
    case!(Notifier "75" "notifier-lies", "says ok without sending, with the ids of others, with hostile texts" => "each receipt belongs to the notification at its place; that nothing was sent is on record", lies),
    case!(Notifier "75b" "notifier-counts", "gives too few receipts, too many, none" => "a failed call, nothing counted as sent; all of them may be sent again under the same ids", counts),
    case!(Notifier "75c" "notifier-hangs", "hangs, and dies after it was asked" => "a failed call, nothing counted as sent; all of them may be sent again under the same ids", hangs),
    case!(Notifier "75d" "notifier-accepted", "sends each notification twice, and dies when the provider has taken them" => "a failed call with both requests on record, nothing counted as sent; each may be sent again under the same id", accepted),
    case!(Values "34c" "detector-numbers", "findings with NaN, infinities, 1e308, subnormals, wild times, series that do not exist" => "refuse the answer", detector),
];

/// One that is as good as any.
pub(crate) fn notification(id: &str) -> Notification {
    Notification {
        id: id.to_owned(),
        title: "down".to_owned(),
        body_md: "it is down".to_owned(),
        severity: Severity::High,
        at: NOW,
        url: None,
        group_key: "g".to_owned(),
        resolved: false,
        attrs: Vec::new(),
    }
}

/// Of one receipt or failure in the list that `send` answers with.
const RECEIPT: usize = 56;

/// `send` answers with so many receipts, all with this upstream id.
fn notifying(arena: &Arena, version: usize, receipts: usize, upstream_id: &str, first: &str) -> Vec<u8> {
    let name = upstream_id.len();
    let each = format!(
        r#"(local $at i32)
        (local.set $at (i32.const 1048576))
        (loop $more
            (i32.store8 (i32.add (local.get $at) (i32.const 8)) (i32.const 1))
            (i32.store (i32.add (local.get $at) (i32.const 12)) (i32.const 4096))
            (i32.store (i32.add (local.get $at) (i32.const 16)) (i32.const {name}))
            (local.set $at (i32.add (local.get $at) (i32.const {RECEIPT})))
            (br_if $more (i32.lt_u (local.get $at) (i32.const {end}))))"#,
        end = 1_048_576 + RECEIPT * receipts
    );
    let code = format!(
        r#"{SLEEP} (data (i32.const 4096) "{}")
        (func (export "opssight:plugin/notifier@1.0.0#send") (param i32 i32 i32 i32) (result i32)
            {each} {first}
            (i32.store (i32.const 2048) (i32.const 1048576)) (i32.store (i32.const 2052) (i32.const {receipts}))
            (i32.const 2048))"#,
        crate::wasm::literal(upstream_id.as_bytes())
    );
    let asks =
        json!({ "version": format!("1.0.{version}"), "budgets": { "notifier": { "cpu_ms": 100, "wall_ms": 1000 } } });
    package(&["notifier"], &code, &manifest(arena.asks(asks)))
}

async fn notify(arena: &Arena, package: &[u8]) -> Result<Result<Called<Vec<Notified>>, CallError>> {
    arena.install(package).await?;
    let batch = ["n1", "n2", "n3"].map(notification).to_vec();
    let outcome = arena.host.notify(&arena.plain(), "#ops", batch).await;
    arena.host.forget(&arena.connection());
    Ok(outcome)
}

async fn lies(arena: &Arena) -> Ran {
    for (number, text) in ["n3", "other-connection:n1", "\u{1b}[31m\u{202e}", "1700000000.0001"].into_iter().enumerate()
    {
        let called = notify(arena, &notifying(arena, number, 3, text, "")).await??;
        let ids: Vec<&str> = called.value.iter().map(|notified| notified.id.as_str()).collect();
        ensure!(ids == ["n1", "n2", "n3"], "the receipts are for {ids:?}");
        ensure!(called.usage.requests == 0, "{} requests are on record", called.usage.requests);
        for notified in &called.value {
            let named =
                notified.outcome.as_ref().ok().and_then(|receipt| receipt.upstream_id.as_deref()).context("no id")?;
            ensure!(!named.chars().any(char::is_control) && !named.contains('\u{202e}'), "an upstream id is {named:?}");
        }
    }
    Ok("receipts by place; 0 requests on record".to_owned())
}

async fn counts(arena: &Arena) -> Ran {
    for (number, receipts) in [0, 1, 2, 4, 1_000].into_iter().enumerate() {
        let outcome = notify(arena, &notifying(arena, number, receipts, "x", "")).await?;
        code_of(outcome.map(|_| ()), "plugin.invalid-answer").with_context(|| format!("{receipts} receipts for 3"))?;
    }
    Ok("5 x plugin.invalid-answer".to_owned())
}

async fn hangs(arena: &Arena) -> Ran {
    let outcome = notify(arena, &notifying(arena, 0, 3, "x", FOR_AN_HOUR)).await?;
    code_of(outcome.map(|_| ()), "budget.wall")?;
    let outcome = notify(arena, &notifying(arena, 1, 3, "x", "(unreachable)")).await?;
    code_of(outcome.map(|_| ()), "trap")?;
    Ok("budget.wall, trap".to_owned())
}

/// Posts the first notification of its batch twice, to the path that its id is; then it dies, or answers well.
fn telling(arena: &Arena, authority: &str, version: usize, dies: bool) -> Vec<u8> {
    let at = "(i32.load (local.get 2)) (i32.load (i32.add (local.get 2) (i32.const 4)))";
    let post = Fetch { authority, method: 2, path_at: Some(at), ..Fetch::default() };
    let code = post.within(|send| {
        let end = if dies { "(unreachable)" } else { "(i32.store (i32.const 2048) (i32.const 1048576)) (i32.store (i32.const 2052) (i32.const 1)) (i32.const 2048)" };
        format!(
            r#"(func (export "opssight:plugin/notifier@1.0.0#send") (param i32 i32 i32 i32) (result i32)
            (local $fields i32) (local $request i32) (local $options i32) (local $future i32) (local $body i32)
            (local $stream i32) (local $response i32)
            {send} {send} {end})"#
        )
    });
    let asks = json!({ "version": format!("3.0.{version}"), "egress": rule("{setting:base_url}") });
    package(&["notifier"], &code, &manifest(arena.asks(asks)))
}

async fn accepted(arena: &Arena) -> Ran {
    let provider = Upstream::start(Manners::Fixed(answer(200, &[("connection", "close")], b"taken"))).await;
    let authority = provider.address.to_string();
    let target = arena.target(json!({ "base_url": provider.url() }), loopback());
    let batch = || vec![notification("/n-4711")];
    arena.install(&telling(arena, &authority, 0, true)).await?;
    for attempt in 1..=3 {
        let outcome = arena.host.notify(&target, "#ops", batch()).await;
        code_of(outcome.map(|_| ()), "trap").with_context(|| format!("attempt {attempt}"))?;
        let stats = arena.stats();
        ensure!(stats.egress_requests == 2 * attempt, "{} requests are on record", stats.egress_requests);
        ensure!(stats.calls == attempt, "{} calls are on record", stats.calls);
    }
    arena.install(&telling(arena, &authority, 1, false)).await?;
    let called = arena.host.notify(&target, "#ops", batch()).await?;
    let [told] = called.value.as_slice() else { bail!("{} answers for one notification", called.value.len()) };
    ensure!(told.id == "/n-4711" && told.outcome.is_ok() && called.usage.requests == 2, "it says {told:?}");
    let said = provider.said();
    let same = said.iter().filter(|head| head.starts_with("POST /n-4711 HTTP/1.1\r\n")).count();
    ensure!(same == 8 && said.len() == 8, "the provider was told {same} times of {}", said.len());
    Ok("3 x trap, then taken: 8 requests, one id".to_owned())
}

/// What a finding claims.
struct Claim {
    series: u32,
    start: i64,
    end: i64,
    score: f64,
    kind: &'static str,
}

const GOOD: Claim = Claim { series: 0, start: 1_763_800_000_000, end: 1_763_800_060_000, score: 0.5, kind: "spike" };

fn finding(arena: &Arena, version: usize, claim: &Claim) -> Vec<u8> {
    let mut image = Vec::new();
    image.extend(u64::from(claim.series).to_le_bytes());
    image.extend(claim.start.to_le_bytes());
    image.extend(claim.end.to_le_bytes());
    image.extend(claim.score.to_bits().to_le_bytes());
    image.extend(4_096_u32.to_le_bytes());
    image.extend(u32::try_from(claim.kind.len()).unwrap_or(0).to_le_bytes());
    let code = format!(
        r#"(data (i32.const 4096) "{}") (data (i32.const 8192) "{}")
        (func (export "opssight:plugin/detector@1.0.0#detect") (param i32 i32 i32 i32) (result i32)
            (i32.store (i32.const 2056) (i32.const 8192)) (i32.store (i32.const 2060) (i32.const 1))
            (i32.const 2048))"#,
        crate::wasm::literal(claim.kind.as_bytes()),
        crate::wasm::literal(&image)
    );
    package(&["detector"], &code, &manifest(arena.asks(json!({ "version": format!("1.0.{version}") }))))
}

async fn detector(arena: &Arena) -> Ran {
    let scores = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e308, -1e308, 5e-324, -0.1, 1.000_001, f64::MAX];
    let mut claims: Vec<Claim> = scores.into_iter().map(|score| Claim { score, ..GOOD }).collect();
    claims.extend([i64::MIN, -1, 253_402_300_799_999, i64::MAX].map(|start| Claim { start, ..GOOD }));
    claims.extend([i64::MIN, 0, i64::MAX].map(|end| Claim { end, ..GOOD }));
    claims.extend([1, u32::MAX].map(|series| Claim { series, ..GOOD }));
    claims.extend(["", "A Kind", "a\u{0}"].map(|kind| Claim { kind, ..GOOD }));
    let series = [Series::new("m", Vec::new(), &[GOOD.start], vec![1.0])?];
    for (number, claim) in claims.iter().enumerate() {
        arena.install(&finding(arena, number, claim)).await?;
        let outcome = arena.host.detect(&arena.plain(), &series, &json!({})).await;
        arena.host.forget(&arena.connection());
        code_of(outcome.map(|_| ()), "plugin.invalid-answer").with_context(|| format!("finding {number}"))?;
    }
    arena.install(&finding(arena, 99, &GOOD)).await?;
    match arena.host.detect(&arena.plain(), &series, &json!({})).await {
        Ok(called) if called.value.len() == 1 => Ok(format!("{} x plugin.invalid-answer", claims.len())),
        other => bail!("a good finding is refused as well: {other:?}"),
    }
}
