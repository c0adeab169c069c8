//! Notifiers, costs, inventories and detectors, with answers that can be meant and answers that cannot.

use crate::guests::{answering, manifest, package_of};
use crate::harness::{House, NOW, target};
use opssight_core::plugins::kinds::{
    CostRequest, CostSource, Detector, Granularity, Inventory, Notification, Notified, Notifier, Series, Severity,
};
use opssight_core::plugins::{CallError, CallTarget, FailureClass, FaultSource, PageRequest, Plugins};
use opssight_runtime::{InstallError, PrecheckError};
use serde_json::json;

const SEND: &str = "(param i32 i32 i32 i32)";
const FETCH: &str = "(param i64 i64 i32 i32 i32 i32 i32 i32)";
const LIST: &str = "(param i32 i32 i32 i32 i32 i32)";
const DETECT: &str = "(param i32 i32 i32 i32)";

fn probe() -> CallTarget {
    target(json!({}), Default::default())
}

fn notification(id: &str) -> Notification {
    Notification {
        id: id.into(),
        title: "disk is full".into(),
        body_md: "on **db-1**".into(),
        severity: Severity::High,
        at: NOW,
        url: None,
        group_key: "disk".into(),
        resolved: false,
        attrs: vec![],
    }
}

async fn notify(body: &str) -> Result<Vec<Notified>, CallError> {
    let house = House::new();
    house.install(&answering("notifier", "send", SEND, body, json!({})));
    let batch = vec![notification("n1"), notification("n2")];
    house.host.notify(&probe(), "#ops", batch).await.map(|called| called.value)
}

fn is_invalid(error: &CallError, says: &str) {
    assert_eq!((error.fault, error.code.as_str()), (FaultSource::Plugin, "plugin.invalid-answer"), "{error}");
    assert!(error.message.contains(says), "\"{says}\": {error}");
}

/// A list of so many receipts, all zero: taken, and nothing more to say.
fn receipts(count: &str, more: &str) -> String {
    format!(
        "{more} (i32.store (i32.const 2048) (i32.const 40960)) (i32.store (i32.const 2052) {count}) (i32.const 2048)"
    )
}

#[tokio::test]
async fn each_notification_has_the_answer_at_its_place() {
    // The second one failed, and wants to wait for a week.
    let second = "(i32.store8 (i32.const 41016) (i32.const 1)) (i32.store8 (i32.const 41024) (i32.const 2))
        (i32.store (i32.const 41028) (i32.const 4224)) (i32.store (i32.const 41032) (i32.const 12))
        (i32.store (i32.const 41036) (i32.const 4128)) (i32.store (i32.const 41040) (i32.const 5))
        (i32.store8 (i32.const 41048) (i32.const 1)) (i64.store (i32.const 41056) (i64.const 604800000))";
    let notified = notify(&receipts("(local.get 3)", second)).await.unwrap();
    assert_eq!((notified[0].id.as_str(), notified[0].outcome.clone()), ("n1", Ok(Default::default())));
    let failure = notified[1].outcome.clone().unwrap_err();
    assert_eq!((notified[1].id.as_str(), failure.class), ("n2", FailureClass::RateLimited));
    assert_eq!((failure.code.as_str(), failure.message.as_str()), ("probe.failed", "level"));
    assert_eq!(failure.retry_after_ms, Some(24 * 60 * 60 * 1_000), "nobody waits longer than a day");
}

// Row 75 of the hostile corpus.
#[tokio::test]
async fn receipts_that_are_missing_or_one_too_many_are_no_answer() {
    for count in [0, 1, 3, 1_000] {
        let error = notify(&receipts(&format!("(i32.const {count})"), "")).await.unwrap_err();
        is_invalid(&error, &format!("{count} receipts for 2 notifications"));
    }
}

#[tokio::test]
async fn a_receipt_cannot_be_for_another_notification() {
    // The first receipt says that its upstream id is "level", the id of nobody's notification but its own claim.
    let claims = "(i32.store8 (i32.const 40968) (i32.const 1)) (i32.store (i32.const 40972) (i32.const 4128))
        (i32.store (i32.const 40976) (i32.const 5))";
    let notified = notify(&receipts("(i32.const 2)", claims)).await.unwrap();
    assert_eq!(notified[0].outcome.clone().unwrap().upstream_id.as_deref(), Some("level"));
    assert_eq!(notified.iter().map(|notified| notified.id.as_str()).collect::<Vec<_>>(), ["n1", "n2"]);
}

/// A page of one row, with this done to it before it is handed over.
async fn fetch(spoil: &str) -> Result<usize, CallError> {
    let list = |at: u32, data: u32| {
        format!("(i32.store (i32.const {at}) (i32.const {data})) (i32.store (i32.const {}) (i32.const 1))", at + 4)
    };
    // Columns, texts, billed, effective, start, end, tags; numbers lie at 8192 and after.
    let lists = [(2064, 8192), (2072, 8200), (2080, 8216), (2088, 8224), (2096, 8232), (2104, 8240), (2112, 8248)];
    let lists: String = lists.into_iter().map(|(at, data)| list(at, data)).collect();
    let body = format!(
        "(i32.store (i32.const 2056) (i32.const 4096)) (i32.store (i32.const 2060) (i32.const 3))
        {lists}
        (i32.store (i32.const 8192) (i32.const 4160)) (i32.store (i32.const 8196) (i32.const 11))
        (i32.store (i32.const 8200) (i32.const 8256)) (i32.store (i32.const 8204) (i32.const 1))
        (i32.store (i32.const 8256) (i32.const 4128)) (i32.store (i32.const 8260) (i32.const 5))
        (i64.store (i32.const 8216) (i64.const -1500000000)) (i64.store (i32.const 8224) (i64.const 9223372036854775807))
        (i64.store (i32.const 8232) (local.get 0)) (i64.store (i32.const 8240) (local.get 1))
        {spoil}
        (i32.const 2048)"
    );
    let house = House::new();
    house.install(&answering("costs", "fetch", FETCH, &body, json!({})));
    let request = CostRequest {
        start_at: NOW,
        end_at: NOW.plus_secs(86_400),
        granularity: Granularity::Daily,
        page: PageRequest { cursor: None, limit: 100 },
    };
    let called = house.host.fetch_costs(&probe(), request).await?;
    let page = called.value;
    assert_eq!((page.columns().currency.as_str(), page.text("ServiceName").unwrap()[0].as_str()), ("EUR", "level"));
    assert_eq!((page.columns().billed_nanos[0], page.columns().effective_nanos[0]), (-1_500_000_000, i64::MAX));
    assert_eq!(page.columns().start_at[0], NOW.millis());
    Ok(page.rows())
}

#[tokio::test]
async fn a_page_of_a_bill_is_taken_only_whole() {
    assert_eq!(fetch("").await.unwrap(), 1);
    let cases = [
        ("(i32.store (i32.const 2060) (i32.const 2))", "currency"),
        ("(i32.store (i32.const 2056) (i32.const 4128))", "currency"),
        ("(i32.store (i32.const 2068) (i32.const 0))", "columns has 0 names for 1 lists"),
        ("(i32.store (i32.const 8196) (i32.const 0))", "columns, index 0:"),
        ("(i32.store (i32.const 8204) (i32.const 0))", "column ServiceName: has 0 rows"),
        ("(i32.store (i32.const 2092) (i32.const 0))", "column effective-nanos: has 0 rows"),
        ("(i32.store (i32.const 2116) (i32.const 0))", "column tags: has 0 rows"),
        ("(i64.store (i32.const 8232) (i64.const -9223372036854775808))", "row 0: start-at is -9223372036854775808"),
        ("(i64.store (i32.const 8240) (i64.const 253402300799999))", "row 0: end-at is 253402300799999"),
        ("(i64.store (i32.const 8240) (local.get 0))", "row 0: end-at is not after"),
        ("(i32.store8 (i32.const 4128) (i32.const 0))", "column ServiceName, row 0:"),
    ];
    for (spoil, says) in cases {
        is_invalid(&fetch(spoil).await.unwrap_err(), says);
    }
}

#[tokio::test]
async fn resources_are_items_under_the_same_rules() {
    let house = House::new();
    let page = "(i32.store (i32.const 2056) (i32.const 8192)) (i32.store (i32.const 2060) (i32.const 1))
        (i32.store (i32.const 8192) (i32.const 4160)) (i32.store (i32.const 8196) (i32.const 11))
        (i32.store (i32.const 8200) (i32.const 4128)) (i32.store (i32.const 8204) (i32.const 11))
        (i64.store (i32.const 8208) (i64.const AT)) (i32.const 2048)";
    let list = async |at: i64| {
        let page = page.replace("AT", &at.to_string());
        house.install(&answering("inventory", "list-resources", LIST, &page, json!({})));
        house.host.list_resources(&probe(), "eu-west-1", PageRequest::default()).await
    };
    let called = list(1_700_000_000_000).await.unwrap();
    assert_eq!((called.value.resources[0].id.as_str(), called.value.next), ("ServiceName", None));
    for at in [i64::MIN, 0, 253_402_300_799_999] {
        is_invalid(&list(at).await.unwrap_err(), &format!("item 0: its time {at}"));
    }
}

/// One finding about the last of two series, with this done to it before it is handed over.
async fn detect(spoil: &str) -> Result<f64, CallError> {
    let body = format!(
        "(i32.store (i32.const 2056) (i32.const 8192)) (i32.store (i32.const 2060) (i32.const 1))
        (i32.store (i32.const 8192) (i32.sub (local.get 1) (i32.const 1)))
        (i64.store (i32.const 8200) (i64.const 1700000000000)) (i64.store (i32.const 8208) (i64.const 1700000060000))
        (f64.store (i32.const 8216) (f64.const 0.75))
        (i32.store (i32.const 8224) (i32.const 4128)) (i32.store (i32.const 8228) (i32.const 11))
        {spoil}
        (i32.const 2048)"
    );
    let house = House::new();
    house.install(&answering("detector", "detect", DETECT, &body, json!({})));
    let series = || Series::new("errors", vec![], &[1_700_000_000_000, 1_700_000_060_000], vec![1.0, 9.0]).unwrap();
    let called = house.host.detect(&probe(), &[series(), series()], &json!({ "k": 3 })).await?;
    let finding = &called.value[0];
    assert_eq!((finding.series, finding.kind.as_str()), (1, "level-shift"));
    Ok(finding.score.get())
}

// Row 34 of the hostile corpus.
#[tokio::test]
async fn a_finding_has_a_score_a_series_and_a_time_that_can_be_meant() {
    assert_eq!(detect("").await.unwrap(), 0.75);
    assert_eq!(detect("(f64.store (i32.const 8216) (f64.const 0))").await.unwrap(), 0.0);
    for score in ["nan", "inf", "-inf", "1e308", "1.0000001", "-0.1", "0x1p-1074", "1e-310"] {
        let error = detect(&format!("(f64.store (i32.const 8216) (f64.const {score}))")).await.unwrap_err();
        is_invalid(&error, "finding 0: score is");
    }
    let cases = [
        ("(i32.store (i32.const 8192) (i32.const 2))", "finding 0: series-index is 2, and 2 series"),
        ("(i32.store (i32.const 8192) (i32.const -1))", "finding 0: series-index"),
        ("(i64.store (i32.const 8200) (i64.const -9223372036854775808))", "finding 0: start-at"),
        ("(i64.store (i32.const 8208) (i64.const 253402300799999))", "finding 0: end-at"),
        ("(i64.store (i32.const 8208) (i64.const 1600000000000))", "finding 0: end-at is before"),
        ("(i32.store (i32.const 8228) (i32.const 0))", "finding 0: kind"),
        ("(i32.store (i32.const 2060) (i32.const 1001))", "1001 findings, and an answer has at most 1000"),
    ];
    for (spoil, says) in cases {
        is_invalid(&detect(spoil).await.unwrap_err(), says);
    }
}

#[test]
fn a_detector_that_could_reach_the_network_is_not_installed() {
    let house = House::new();
    let code = r#"(import "wasi:http/types@0.2.12" "[constructor]fields" (func $fields (result i32)))
        (func (export "opssight:plugin/detector@1.0.0#detect") (param i32 i32 i32 i32) (result i32)
            (drop (call $fields)) (i32.const 1024))"#;
    let error = house.host.install(&crate::guests::package(&["detector"], code, &manifest(json!({})))).unwrap_err();
    assert!(matches!(error, InstallError::Precheck(PrecheckError::Import { .. })), "{error}");
    assert!(error.to_string().contains("has no network"), "{error}");
}

#[test]
fn every_kind_shows_among_a_plugins_exports_with_its_budget() {
    let house = House::new();
    let kinds = ["notifier", "costs", "inventory", "detector"];
    let module = format!(
        r#"(module (memory (export "memory") 1)
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 4096))
        (func (export "opssight:plugin/notifier@1.0.0#send") {SEND} (result i32) (i32.const 1024))
        (func (export "opssight:plugin/costs@1.0.0#fetch") {FETCH} (result i32) (i32.const 1024))
        (func (export "opssight:plugin/inventory@1.0.0#list-resources") {LIST} (result i32) (i32.const 1024))
        (func (export "opssight:plugin/detector@1.0.0#detect") {DETECT} (result i32) (i32.const 1024)))"#
    );
    let asks = json!({ "budgets": { "detector": { "cpu_ms": 50 } } });
    house.install(&package_of(&module, &kinds, &manifest(asks)));
    let installed = house.host.find(&"probe".into()).unwrap();
    assert_eq!(installed.exports, kinds);
    let budget = |kind: &str| installed.budgets[kind];
    assert_eq!((budget("detector").cpu_ms, budget("detector").requests), (50, 0));
    assert_eq!(budget("costs").cpu_ms, 10_000);
}
