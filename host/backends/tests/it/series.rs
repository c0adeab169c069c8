//! The port of the metrics: every case runs on each store through the same door.

use opssight_backends::{Gate, SystemClock};
use opssight_core::metrics::{
    Answer, InstantQuery, LabelsQuery, Limits, MetricsError, Point, RangeQuery, Sample, Series, SeriesQuery,
    SeriesStore, Window,
};
use opssight_core::time::{Clock, Timestamp};
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

pub(crate) const MINUTE: i64 = 60;
pub(crate) const DAY: i64 = 86_400;
pub(crate) const KEPT: i64 = 300 * DAY;

/// A store behind its door, and the time that the cases take for now: a whole minute.
pub(crate) struct Stores {
    pub(crate) store: Arc<dyn SeriesStore>,
    pub(crate) gate: Gate,
    pub(crate) now: Timestamp,
    prefix: String,
    /// Goes with the test.
    pub(crate) _folder: Option<tempfile::TempDir>,
}

impl Stores {
    pub(crate) fn new(store: Arc<dyn SeriesStore>, folder: Option<tempfile::TempDir>) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let now = SystemClock.now();
        // A remote store is shared by all cases, and has seen earlier runs.
        let prefix = format!("t{}_{}_{}", now.0, std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let minute = now.0 - now.0.rem_euclid(MINUTE * 1_000_000);
        let gate = Gate::new(Arc::clone(&store), Arc::new(SystemClock), Limits::default(), KEPT);
        Self { store, gate, now: Timestamp(minute), prefix, _folder: folder }
    }

    /// A name that only this case has.
    pub(crate) fn metric(&self, name: &str) -> String {
        format!("{}_{name}", self.prefix)
    }

    /// A sample, some seconds before now.
    pub(crate) fn sample(&self, metric: &str, labels: &[(&str, &str)], ago: i64, value: f64) -> Sample {
        let series = Series::new(self.metric(metric), labels.iter().copied()).unwrap();
        Sample { series, point: Point { at: self.now.plus_secs(-ago), value } }
    }

    pub(crate) fn gate(&self, limits: Limits) -> Gate {
        Gate::new(Arc::clone(&self.store), Arc::new(SystemClock), limits, KEPT)
    }

    /// `$` in an expression is the case's prefix.
    pub(crate) async fn query(&self, query: &str) -> Result<Answer, MetricsError> {
        self.gate.query(&InstantQuery { query: query.replace('$', &format!("{}_", self.prefix)), at: self.now }).await
    }

    /// From so many seconds before now until now.
    pub(crate) async fn range(&self, query: &str, ago: i64, step: i64) -> Result<Answer, MetricsError> {
        let query = query.replace('$', &format!("{}_", self.prefix));
        let (start, end) = (self.now.plus_secs(-ago), self.now);
        self.gate.query_range(&RangeQuery { query, start, end, step: step * 1_000_000 }).await
    }

    fn window(&self) -> Window {
        Window { start: self.now.plus_secs(-DAY), end: self.now.plus_secs(60) }
    }

    async fn series(&self, selector: &str) -> Vec<String> {
        let selector = selector.replace('$', &format!("{}_", self.prefix));
        let found = self.gate.series(&SeriesQuery { selector, window: self.window(), limit: 1000 }).await.unwrap();
        found.iter().map(|series| series.to_string().replace(&format!("{}_", self.prefix), "$")).collect()
    }
}

/// What was written is durable, and seen soon: ask until the answer is this, or show the last other one.
async fn soon<T: PartialEq + std::fmt::Debug, F: Future<Output = T>>(expect: T, ask: impl Fn() -> F) {
    let mut last = ask().await;
    // A store that many tests share on a busy machine takes its time.
    for _ in 0..1_200 {
        if last == expect {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        last = ask().await;
    }
    assert_eq!(last, expect);
}

/// Labels and values of an answer, short.
fn told(answer: Result<Answer, MetricsError>) -> Vec<String> {
    let row = |row: &opssight_core::metrics::Row| {
        let labels: Vec<String> = row.labels.iter().map(|label| format!("{}={}", label.name, label.value)).collect();
        let values: Vec<String> = row.points.iter().map(|(_, value)| value.to_string()).collect();
        format!("{}: {}", labels.join(","), values.join(" "))
    };
    match answer {
        Ok(answer) => answer.iter().map(row).collect(),
        Err(error) => vec![error.to_string()],
    }
}

pub(crate) async fn what_is_written_is_found(s: Stores) {
    let samples = vec![
        s.sample("up", &[("b", "2"), ("a", "1")], 30, 1.5),
        s.sample("up", &[("a", "2")], 20, -2.0),
        s.sample("other", &[], 10, 7.0),
    ];
    s.gate.write(samples).await.unwrap();
    soon(vec!["a=1,b=2: 1.5".to_owned(), "a=2: -2".to_owned()], || async { told(s.query("$up").await) }).await;
    let answer = s.query("$up").await.unwrap();
    assert_eq!(answer[0].metric.as_deref(), Some(s.metric("up").as_str()));
    assert_eq!(s.query("sum($up)").await.unwrap()[0].metric, None);
    soon(vec![r#"$up{a="1",b="2"}"#.to_owned(), r#"$up{a="2"}"#.to_owned()], || s.series("$up")).await;
    soon(vec![r#"$up{a="2"}"#.to_owned()], || s.series(r#"$up{a=~"2|3"}"#)).await;
    let labels = |values_of: Option<&str>| {
        let (values_of, selector) = (values_of.map(str::to_owned), Some(s.metric("up")));
        LabelsQuery { values_of, selector, window: s.window(), limit: 100 }
    };
    let names = s.gate.labels(&labels(None)).await.unwrap();
    assert_eq!(names.iter().filter(|name| *name != "__name__").collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(s.gate.labels(&labels(Some("a"))).await.unwrap(), ["1", "2"]);
    for (values_of, first) in [(None, "a"), (Some("a"), "1")] {
        assert_eq!(s.gate.labels(&LabelsQuery { limit: 1, ..labels(values_of) }).await.unwrap(), [first]);
    }
    assert_eq!(s.gate.labels(&labels(Some("__name__"))).await.unwrap(), [s.metric("up")]);
    assert!(s.query("$never").await.unwrap().is_empty());
}

pub(crate) async fn points_may_come_in_any_order(s: Stores) {
    for ago in [300, 60, 240, 120, 180] {
        s.gate.write(vec![s.sample("m", &[("a", "1")], ago, ago as f64)]).await.unwrap();
    }
    soon(vec!["a=1: 300 240 180 120 60".to_owned()], || async { told(s.query("$m[10m]").await) }).await;
    let answer = s.query("$m[10m]").await.unwrap();
    let ago: Vec<i64> = answer[0].points.iter().map(|(at, _)| s.now.since(*at) / 1_000_000).collect();
    assert_eq!(ago, [300, 240, 180, 120, 60]);
}

pub(crate) async fn history_of_many_days_comes_in_any_order(s: Stores) {
    // Days in an order that jumps; 37 and 61 have no common divisor.
    let days: Vec<i64> = (0..61).map(|n| (n * 37) % 61).collect();
    for chunk in days.chunks(7) {
        let samples = chunk.iter().map(|day| s.sample("m", &[], day * DAY + 1, *day as f64)).collect();
        s.gate.write(samples).await.unwrap();
    }
    soon(vec![": 61".to_owned()], || async { told(s.query("count_over_time($m[61d])").await) }).await;
    soon(vec![": 1830".to_owned()], || async { told(s.query("sum_over_time($m[61d])").await) }).await;
}

pub(crate) async fn the_same_point_again_changes_nothing(s: Stores) {
    let samples: Vec<Sample> = (1..=20).map(|n| s.sample("m", &[("a", "1")], n * 10, n as f64)).collect();
    for _ in 0..3 {
        s.gate.write(samples.clone()).await.unwrap();
    }
    soon(vec!["a=1: 20".to_owned()], || async { told(s.query("count_over_time($m[10m])").await) }).await;
    soon(vec!["a=1: 210".to_owned()], || async { told(s.query("sum_over_time($m[10m])").await) }).await;
}

pub(crate) async fn another_value_for_the_same_time_leaves_exactly_one(s: Stores) {
    s.gate.write(vec![s.sample("m", &[], 30, 1.0)]).await.unwrap();
    s.gate.write(vec![s.sample("m", &[], 30, 2.0)]).await.unwrap();
    soon(vec![": 1".to_owned()], || async { told(s.query("count_over_time($m[10m])").await) }).await;
    let seen = told(s.query("$m").await);
    assert!(seen == [": 1"] || seen == [": 2"], "{seen:?}");
}

pub(crate) async fn no_number_that_is_none_is_kept(s: Stores) {
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::from_bits(0x7ff0_0000_0000_0002)] {
        let samples = vec![s.sample("m", &[], 30, 1.0), s.sample("m", &[], 20, value)];
        let error = s.gate.write(samples).await.unwrap_err().to_string();
        assert!(error.contains("is not a finite number") && error.contains(&s.metric("m")), "{error}");
    }
    let error = s.gate.write(vec![s.sample("m", &[], -2 * 3600, 1.0)]).await.unwrap_err().to_string();
    assert!(error.contains("in the future"), "{error}");
    let error = s.gate.write(vec![s.sample("m", &[], KEPT + DAY, 1.0)]).await.unwrap_err().to_string();
    assert!(error.contains("metrics.raw_days"), "{error}");
    // All or none: the good point beside a bad one is not there either, once a later one is.
    s.gate.write(vec![s.sample("m", &[], 10, 5.0)]).await.unwrap();
    soon(vec![": 5".to_owned()], || async { told(s.query("$m").await) }).await;
    assert_eq!(told(s.query("count_over_time($m[10m])").await), [": 1"]);
}

pub(crate) async fn numbers_of_any_size_come_back_to_twelve_digits(s: Stores) {
    let wide = [f64::MAX, -f64::MAX, 0.0, 1.0 / 3.0, 1e-300, 123_456_789.123, 1e15 + 1.0];
    let named = |n: usize, value: &f64| s.sample("m", &[("n", &n.to_string())], 30, *value);
    s.gate.write(wide.iter().enumerate().map(|(n, value)| named(n, value)).collect()).await.unwrap();
    soon(wide.len(), || async { s.query("$m").await.unwrap().len() }).await;
    for (row, expect) in s.query("$m").await.unwrap().iter().zip(wide) {
        let value = row.points[0].1;
        assert!((value - expect).abs() <= expect.abs() * 1e-12, "{value} and not {expect}");
    }
}

pub(crate) async fn labels_of_any_text_come_back(s: Stores) {
    let values = [
        "a b",
        "a,b=c",
        "quote \" and 'single'",
        "C:\\x",
        "ü 漢字 🚀",
        "{}[]()",
        "$1 %s",
        "a\u{a0}b",
        "=",
        ",",
        "#",
        "/",
    ];
    let samples = values.iter().map(|value| s.sample("m", &[("l", value)], 30, 1.0)).collect();
    s.gate.write(samples).await.unwrap();
    let mut sorted = values.map(str::to_owned).to_vec();
    sorted.sort();
    let labels = || async {
        let (values_of, selector) = (Some("l".to_owned()), Some(s.metric("m")));
        s.gate.labels(&LabelsQuery { values_of, selector, window: s.window(), limit: 100 }).await.unwrap()
    };
    soon(sorted, labels).await;
    soon(vec!["l=C:\\x: 1".to_owned()], || async { told(s.query(r#"$m{l="C:\\x"}"#).await) }).await;
}

pub(crate) async fn a_matcher_finds_every_series_that_has_the_label(s: Stores) {
    let samples = vec![
        s.sample("m", &[("a", "1")], 30, 1.0),
        s.sample("m", &[("a", "1"), ("b", "1")], 30, 2.0),
        s.sample("m", &[("b", "1")], 30, 4.0),
    ];
    s.gate.write(samples).await.unwrap();
    for (query, expect) in [
        (r#"sum($m{a="1"})"#, ": 3"),
        (r#"sum(sum_over_time($m{a="1"}[5m]))"#, ": 3"),
        (r#"sum($m{a=""})"#, ": 4"),
        (r#"sum($m{a!="1"})"#, ": 4"),
        (r#"sum($m{b=~"1|2"})"#, ": 6"),
        (r#"sum($m{a="1"}) + sum($m{b="1"})"#, ": 9"),
    ] {
        soon(vec![expect.to_owned()], || async { told(s.query(query).await) }).await;
    }
}

pub(crate) async fn expressions_come_to_the_same_everywhere(s: Stores) {
    let mut samples = Vec::new();
    for minute in 0..30 {
        for host in ["a", "b"] {
            let value = if host == "a" { minute as f64 } else { 100.0 };
            samples.push(s.sample("m", &[("host", host), ("zone", "z")], minute * MINUTE, value));
        }
    }
    s.gate.write(samples).await.unwrap();
    soon(vec![": 60".to_owned()], || async { told(s.query("sum(count_over_time($m[30m]))").await) }).await;
    for (query, expect) in [
        ("max_over_time($m{host=\"a\"}[10m])", vec!["host=a,zone=z: 19 14 9"]),
        ("sum by (zone) (avg_over_time($m[10m]))", vec!["zone=z: 114.5 109.5 104.5"]),
        ("min(min_over_time($m[5m])) by (host)", vec!["host=a: 10 5 0", "host=b: 100 100 100"]),
        ("count(sum_over_time($m[5m]) > 100)", vec![": 1 1 1"]),
        ("last_over_time($m{host=\"a\"}[5m]) * 2", vec!["host=a,zone=z: 20 10 0"]),
        ("sum(sum_over_time($m[5m] offset 5m))", vec![": 585 560 535"]),
        ("vector(1) / 0", vec![": inf inf inf"]),
        ("1 + 2 * 3", vec![": 7 7 7"]),
    ] {
        assert_eq!(told(s.range(query, 10 * MINUTE, 5 * MINUTE).await), expect, "{query}");
    }
    let answer = s.range("max_over_time($m[10m])", 10 * MINUTE, 5 * MINUTE).await.unwrap();
    let ago: Vec<i64> = answer[0].points.iter().map(|(at, _)| s.now.since(*at) / 1_000_000).collect();
    assert_eq!(ago, [600, 300, 0]);
}

pub(crate) async fn a_query_that_is_wrong_is_the_askers(s: Stores) {
    for query in ["sum(", "m{a=}", "nonsense(m)"] {
        let error = s.query(query).await.unwrap_err();
        assert!(matches!(error, MetricsError::Query { .. }), "{query}: {error:?}");
        let error = s.range(query, 600, 60).await.unwrap_err();
        assert!(matches!(error, MetricsError::Query { .. }), "{query}: {error:?}");
    }
    let error = s.range("1", DAY, 1).await.unwrap_err();
    assert!(error.to_string().contains("86401 steps are more than 11000"), "{error}");
}

pub(crate) async fn a_series_too_many_is_refused_and_those_that_exist_go_on(s: Stores) {
    let limits = Limits { series_per_metric: 2, ..Limits::default() };
    let gate = s.gate(limits.clone());
    let sample = |label: &str, ago| s.sample("m", &[("l", label)], ago, 1.0);
    gate.write(vec![sample("1", 60), sample("2", 60)]).await.unwrap();
    let error = gate.write(vec![sample("1", 50), sample("3", 50)]).await.unwrap_err().to_string();
    for part in [s.metric("m").as_str(), "there are 2 series", "metrics.series_per_metric", "l=\"3\""] {
        assert!(error.contains(part), "{part} in {error}");
    }
    gate.write(vec![sample("1", 40), sample("2", 40)]).await.unwrap();
    soon(vec![": 4".to_owned()], || async { told(s.query("sum(count_over_time($m[10m]))").await) }).await;
    // A host that was started again finds them in the store.
    let again = s.gate(limits);
    again.write(vec![sample("2", 30)]).await.unwrap();
    assert!(matches!(again.write(vec![sample("4", 30)]).await, Err(MetricsError::Cardinality { .. })));
    let host = s.gate(Limits { series: 1, ..Limits::default() });
    host.write(vec![s.sample("one", &[], 30, 1.0)]).await.unwrap();
    let error = host.write(vec![s.sample("two", &[], 30, 1.0)]).await.unwrap_err().to_string();
    assert!(error.contains("of this host") && error.contains("`metrics.series`"), "{error}");
}

pub(crate) async fn many_who_write_at_once_are_all_answered(s: Stores) {
    let s = Arc::new(s);
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..50 {
        let s = Arc::clone(&s);
        writers.spawn(async move {
            for n in 0..10 {
                let label = writer.to_string();
                s.gate.write(vec![s.sample("m", &[("w", &label)], 100 - n, 1.0)]).await.unwrap();
            }
        });
    }
    while let Some(ended) = writers.join_next().await {
        ended.unwrap();
    }
    soon(vec![": 500".to_owned()], || async { told(s.query("sum(count_over_time($m[10m]))").await) }).await;
}

pub(crate) async fn what_is_closed_takes_nothing_more(s: Stores) {
    s.gate.write(vec![s.sample("m", &[], 30, 1.0)]).await.unwrap();
    s.gate.close().await;
    let error = s.gate.write(vec![s.sample("m", &[], 20, 1.0)]).await.unwrap_err();
    assert!(error.may_pass(), "{error}");
}
