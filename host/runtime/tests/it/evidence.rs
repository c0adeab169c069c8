//! Calls that are recorded and made again.

use crate::egress::{rule, text, upstream};
use crate::guests::{checking, fetching, manifest, package};
use crate::harness::{House, Kept, NOW, loopback, target};
use axum::body::Body;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use opssight_core::plugins::evidence::{CallRecord, ExchangeAnswer, Outcome};
use opssight_core::plugins::{Grants, Plugins, WebhookDelivery};
use opssight_runtime::bench::{self, Job};
use opssight_runtime::{Record, ReplayError, Subject};
use serde_json::json;
use std::sync::Arc;

const GET: u8 = 0;
const HTTP: u8 = 0;
const MOST: usize = 1 << 20;

/// A document must survive being written and read: what is replayed is what was downloaded.
fn read_back(record: &CallRecord) -> CallRecord {
    CallRecord::parse(record.document().as_bytes()).unwrap()
}

async fn same_again(house: &House, record: &CallRecord, package: &[u8]) {
    let replayed = house.host.replay(&read_back(record), Subject::Package(package)).await.unwrap();
    assert_eq!(replayed.in_words(), Vec::<String>::new());
    let mut now = replayed.record;
    now.usage = record.usage;
    assert_eq!(now.document(), record.document(), "byte for byte");
}

/// Reads both clocks, draws randomness, reads and writes state and logs; the length of its summary depends on all of
/// what it read.
fn curious() -> Vec<u8> {
    let imports = r#"
        (import "wasi:clocks/wall-clock@0.2.12" "now" (func $wall (param i32)))
        (import "wasi:clocks/monotonic-clock@0.2.12" "now" (func $monotonic (result i64)))
        (import "wasi:random/random@0.2.12" "get-random-u64" (func $random (result i64)))
        (import "wasi:random/random@0.2.12" "get-random-bytes" (func $bytes (param i64 i32)))
        (import "opssight:plugin/state@1.0.0" "get" (func $get (param i32 i32 i32)))
        (import "opssight:plugin/state@1.0.0" "set" (func $set (param i32 i32 i32 i32 i32)))
        (import "opssight:plugin/log@1.0.0" "log" (func $log (param i32 i32 i32 i32 i32)))
        (data (i32.const 4096) "etag") (data (i32.const 4112) "W/2") (data (i32.const 4128) "none")
        (data (i32.const 5120) "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")"#;
    let body = r#"(local $length i32)
        (call $wall (i32.const 3072))
        (call $bytes (i64.const 16) (i32.const 3328))
        (call $get (i32.const 4096) (i32.const 4) (i32.const 3136))
        (call $get (i32.const 4128) (i32.const 4) (i32.const 3200))
        (call $set (i32.const 4096) (i32.const 4) (i32.const 4112) (i32.const 3) (i32.const 3264))
        (local.set $length (i32.and (i32.const 63) (i32.xor
            (i32.xor (i32.load (i32.const 3072)) (i32.load8_u (i32.load (i32.const 3328))))
            (i32.xor (i32.load8_u (i32.load (i32.const 3144)))
                (i32.wrap_i64 (i64.xor (call $monotonic) (call $random)))))))
        (call $log (i32.const 2) (i32.const 5120) (local.get $length) (i32.const 0) (i32.const 0))
        (i32.store (i32.const 2056) (i32.const 5120))
        (i32.store (i32.const 2060) (local.get $length))
        (i32.const 2048)"#;
    checking(imports, body, json!({}))
}

#[tokio::test]
async fn a_call_is_the_same_again_with_clocks_randomness_state_and_log() {
    let (house, kept) = House::recording(Record::All, MOST);
    house.memory.state.lock().unwrap().insert("etag".into(), b"W/1".to_vec());
    let package = curious();
    house.install(&package);
    let mut summaries = std::collections::BTreeSet::new();
    for _ in 0..8 {
        summaries.insert(house.check(json!({}), Grants::default()).await.unwrap().value.summary);
    }
    assert!(summaries.len() > 1, "what it reads differs from call to call");
    let records = kept.records(8).await;
    // The world has changed since, and is not asked.
    house.memory.state.lock().unwrap().clear();
    house.clock.advance_secs(1_000);
    let lines = house.host.log(&"probe".into()).len();
    for record in &records {
        assert_eq!((record.clock.wall.as_slice(), record.clock.monotonic.len()), (&[(1_763_800_000, 0)][..], 1));
        assert_eq!((record.random.0.len(), record.log.len(), record.at), (24, 1, NOW));
        let asked: Vec<_> = record.asked.iter().map(|asked| asked.what.as_str()).collect();
        assert_eq!(asked, ["state.get", "state.get", "state.get", "state.usage"]);
        same_again(&house, record, &package).await;
    }
    assert_eq!(house.host.log(&"probe".into()).len(), lines, "a replay is not logged");
    assert_eq!(house.host.find(&"probe".into()).unwrap().stats.calls, 8, "nor counted");
}

#[tokio::test]
async fn an_upstream_is_not_asked_again() {
    let (address, seen) = upstream(|_| text(200, "hello from upstream")).await;
    let (house, kept) = House::recording(Record::All, MOST);
    let guest = |path| fetching(GET, HTTP, &address.to_string(), path, rule(&["GET"]));
    let package = guest("/repos/a?page=2");
    house.install(&package);
    house.check(json!({ "base_url": format!("http://{address}") }), loopback()).await.unwrap();
    let record = kept.records(1).await.remove(0);
    assert_eq!(record.exchanges[0].url, format!("http://{address}/repos/a?page=2"));
    // The guest's own header of that name is masked as well.
    let headers = &record.exchanges[0].headers;
    let authorization = headers.iter().find(|(name, _)| name == "authorization").unwrap();
    assert_eq!(authorization.1.0, b"*********************");
    same_again(&house, &record, &package).await;
    // A version that asks something else does not get it, and this is told.
    let other = house.host.replay(&record, Subject::Package(&guest("/secrets"))).await.unwrap();
    let differences = other.in_words().join("\n");
    assert!(differences.contains("it asked GET") && differences.contains("/secrets"), "{differences}");
    assert!(differences.contains("it did not ask GET"), "{differences}");
    assert!(differences.contains("the outcome was"), "{differences}");
    assert!(other.record.document().contains("replay.not-recorded"), "{}", other.record.document());
    assert_eq!(seen.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_refused_request_is_refused_again_for_the_same_reason() {
    let (house, kept) = House::recording(Record::Failures, MOST);
    let package = fetching(GET, HTTP, "127.0.0.1:1", "/", rule(&["GET"]));
    house.install(&package);
    house.check(json!({ "base_url": "http://127.0.0.1:1" }), Grants::default()).await.unwrap_err();
    house.check(json!({ "base_url": "http://127.0.0.1:1" }), loopback()).await.unwrap_err();
    let records = kept.records(2).await;
    for (record, code) in records.iter().zip(["egress.denied", "upstream.unreachable"]) {
        let Outcome::Failure { code: told, .. } = &record.outcome else { panic!() };
        let ExchangeAnswer::Refused(refused) = &record.exchanges[0].answer else { panic!() };
        assert_eq!((told.as_str(), refused.code.as_str()), (code, code));
        same_again(&house, record, &package).await;
    }
}

#[tokio::test]
async fn no_spelling_of_a_secret_is_in_a_record() {
    const TOKEN: &str = "c4n4ry/t0ken+with&signs=";
    // This upstream says what it was sent in every way that it knows.
    let (address, _seen) = upstream(|request| {
        let header = request.headers()["authorization"].to_str().unwrap().to_owned();
        let token = header.trim_start_matches("Bearer ").to_owned();
        let percent: String = token.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let form = token.replace('/', "%2F").replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
        let spellings = [
            token.clone(),
            hex::encode(&token),
            STANDARD.encode(&token),
            STANDARD.encode(&header),
            URL_SAFE_NO_PAD.encode(format!("user:{token}")),
            form,
            token.replace('/', "\\/"),
            token.replace('&', "&amp;"),
        ];
        assert_ne!(percent, token);
        Response::builder().header("x-echo", &header).body(Body::from(spellings.join("\n"))).unwrap()
    })
    .await;
    let more = json!({
        "egress": [{ "url": "{setting:base_url}", "methods": ["GET"], "credential": "api", "reason": "to look" }],
        "credentials": [{ "name": "api", "title": "API", "schemes": [
            { "scheme": "bearer", "title": "Token", "inputs": [{ "name": "token", "title": "Token", "secret": true }] },
        ] }],
    });
    let (house, kept) = House::recording(Record::All, MOST);
    house.memory.credential("api", "bearer", &[("token", TOKEN)]);
    house.memory.credential("other", "bearer", &[("token", "c4n4ry-of-another")]);
    house.install(&fetching(GET, HTTP, &address.to_string(), "/c4n4ry-of-another", more));
    house.check(json!({ "base_url": format!("http://{address}") }), loopback()).await.unwrap();
    let document = kept.records(1).await[0].document();
    let hidden = [
        "c4n4ry".to_owned(),
        hex::encode("c4n4ry"),
        STANDARD.encode(TOKEN).chars().take(20).collect(),
        STANDARD.encode(format!("Bearer {TOKEN}")).chars().skip(12).take(16).collect(),
        URL_SAFE_NO_PAD.encode(format!("user:{TOKEN}")).chars().skip(8).take(20).collect(),
        "t0ken".to_owned(),
    ];
    for needle in hidden {
        assert!(!document.contains(&needle), "{needle} is in {document}");
    }
    assert!(document.contains("****"), "{document}");
}

#[tokio::test]
async fn what_is_kept_follows_the_policy() {
    let failing = checking("", "(unreachable)", json!({}));
    let fine = checking("", "(i32.const 1024)", json!({}));
    for (record, kept_of_two) in [(Record::None, 0), (Record::Failures, 1), (Record::All, 2)] {
        let (house, kept) = House::recording(record, MOST);
        house.try_check(&fine).await.unwrap();
        house.try_check(&failing).await.unwrap_err();
        let records = kept.records(kept_of_two).await;
        if let Some(last) = records.last() {
            assert!(last.failure().is_some_and(|failure| failure.code == "trap"));
            same_again(&house, last, &failing).await;
        }
    }
}

#[tokio::test]
async fn a_connection_that_keeps_failing_is_recorded_ten_times_and_the_others_all_the_same() {
    let (house, kept) = House::recording(Record::Failures, MOST);
    house.install(&checking("", "(unreachable)", json!({})));
    let mut other = target(json!({}), Grants::default());
    for _ in 0..15 {
        house.check(json!({}), Grants::default()).await.unwrap_err();
        // Or the breaker would not let it fail any more.
        house.host.forget(&other.connection);
    }
    other.connection = "c2".into();
    house.host.check(&other).await.unwrap_err();
    let records = kept.records(11).await;
    let whose: Vec<_> = records.iter().map(|record| record.connection.as_str()).collect();
    assert_eq!(whose, [&["c1"; 10][..], &["c2"]].concat());
}

#[tokio::test]
async fn what_is_too_large_is_cut_and_said_and_not_replayed() {
    let (house, kept) = House::recording(Record::Failures, 10_000);
    let code = r#"(func (export "opssight:plugin/webhook@1.0.0#receive") (param i32 i32 i32 i32 i64) (result i32)
        (unreachable))"#;
    let package = package(&["webhook"], code, &manifest(json!({})));
    house.install(&package);
    let delivery = |size| WebhookDelivery { headers: vec![], body: vec![b' '; size], received_at: NOW };
    let target = target(json!({}), Grants::default());
    house.host.receive(&target, delivery(20_000)).await.unwrap_err();
    house.host.receive(&target, delivery(9_000)).await.unwrap_err();
    let records = kept.records(2).await;
    let large = records.iter().find(|record| !record.cut.is_empty()).unwrap();
    assert!(large.document().len() < 5_000, "{}", large.document().len());
    let refused = house.host.replay(large, Subject::Package(&package)).await.unwrap_err();
    assert!(matches!(&refused, ReplayError::NotWhole(why) if why.0.contains("its input")), "{refused}");
    let whole = records.iter().find(|record| record.cut.is_empty()).unwrap();
    same_again(&house, whole, &package).await;
}

#[tokio::test]
async fn a_replay_needs_a_version_and_a_kind_that_exist() {
    let (house, kept) = House::recording(Record::All, MOST);
    let package = checking("", "(i32.const 1024)", json!({}));
    house.try_check(&package).await.unwrap();
    let record = kept.records(1).await.remove(0);
    let digest = record.digest.clone();
    assert!(house.host.replay(&record, Subject::Digest(&digest)).await.unwrap().differences.is_empty());
    let other = house.host.replay(&record, Subject::Digest("sha256:00")).await.unwrap_err();
    assert!(matches!(other, ReplayError::NotLoaded(_)), "{other}");
    let damaged = house.host.replay(&record, Subject::Package(b"\0asm")).await.unwrap_err();
    assert!(matches!(damaged, ReplayError::Package(_)), "{damaged}");
    let strange = CallRecord { kind: "oracle".into(), ..record };
    let strange = house.host.replay(&strange, Subject::Digest(&digest)).await.unwrap_err();
    assert!(matches!(strange, ReplayError::Kind(_)), "{strange}");
}

#[tokio::test]
async fn a_flood_of_log_lines_is_cut_counted_and_told_of() {
    let (house, kept) = House::recording(Record::All, MOST);
    // A thousand lines, of which a call may write a hundred.
    let imports = r#"(import "opssight:plugin/log@1.0.0" "log" (func $log (param i32 i32 i32 i32 i32)))
        (data (i32.const 4096) "line\1b[31m")"#;
    let body = r#"(local $left i32)
        (local.set $left (i32.const 1000))
        (loop $more
            (call $log (i32.const 2) (i32.const 4096) (i32.const 9) (i32.const 0) (i32.const 0))
            (local.set $left (i32.sub (local.get $left) (i32.const 1)))
            (br_if $more (local.get $left)))
        (i32.const 1024)"#;
    let package = checking(imports, body, json!({}));
    house.try_check(&package).await.unwrap();
    let log = house.host.log(&"probe".into());
    assert_eq!(log.len(), 101);
    assert_eq!(log[0].message, "line\u{fffd}[31m");
    assert_eq!(log[100].message, "900 lines of this call were dropped");
    assert_eq!(house.host.find(&"probe".into()).unwrap().stats.log_lines_dropped, 900);
    same_again(&house, &kept.records(1).await[0], &package).await;
}

/// Not a limit, which would depend on the machine: a table to look at, with `--no-capture`.
#[test]
fn recording_a_call_that_succeeds_can_be_measured() {
    let measure = |record: Record| {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let _entered = runtime.enter();
        let (house, _kept): (House, Arc<Kept>) = House::recording(record, 2 << 20);
        house.install(bench::NOOP);
        let mut target = target(json!({}), Grants::default());
        target.plugin = "noop".into();
        let delivery = WebhookDelivery { headers: vec![], body: vec![b' '; 20_000], received_at: NOW };
        let job = Job::Receive(delivery);
        std::thread::scope(|scope| scope.spawn(|| bench::fresh(&house.host, &target, &job, 200)).join().unwrap())
            .unwrap()
    };
    let (without, with) = (measure(Record::None), measure(Record::Failures));
    for (name, samples) in [("none", &without), ("failures", &with)] {
        println!("{name:10} min {:6} ns, median {:6} ns of thread CPU", samples.min(), samples.median());
    }
    assert!(without.min() > 0 && with.min() > 0);
}
