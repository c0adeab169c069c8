//! What only the embedded store of series promises: nothing acknowledged is lost when the process is killed.

use crate::series::{DAY, KEPT, Stores};
use opssight_backends::{EmbeddedOptions, EmbeddedSeries, SystemClock};
use opssight_core::metrics::{InstantQuery, MetricsError, Point, Sample, Series, SeriesStore};
use opssight_core::time::{Clock, Timestamp};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

const CHILD: &str = "OPSSIGHT_TEST_SERIES_CHILD";

fn options() -> EmbeddedOptions {
    EmbeddedOptions { raw: Duration::from_secs(KEPT.unsigned_abs()), ..EmbeddedOptions::default() }
}

/// A store in a folder of a test's own.
pub(crate) async fn open() -> Stores {
    let folder = tempfile::tempdir().unwrap();
    let store = EmbeddedSeries::open(folder.path(), options(), Arc::new(SystemClock)).await.unwrap();
    Stores::new(Arc::new(store), Some(folder))
}

fn sample(n: i64, at: Timestamp) -> Sample {
    let series = Series::new("crash", [("lane", (n % 7).to_string())]).unwrap();
    // Neighbouring points lie days apart, so that many parts of the store are open at once.
    let at = at.plus_secs(-((n * 31) % 200) * DAY - n);
    Sample { series, point: Point { at, value: n as f64 } }
}

async fn count(folder: &Path, at: Timestamp) -> (f64, f64) {
    let store = EmbeddedSeries::open(folder, options(), Arc::new(SystemClock)).await.unwrap();
    let ask = |query: &str| InstantQuery { query: query.to_owned(), at };
    let value = |answer: opssight_core::metrics::Answer| answer.first().map_or(0.0, |row| row.points[0].1);
    let points = value(store.query(&ask("sum(count_over_time(crash[250d]))")).await.unwrap());
    let sum = value(store.query(&ask("sum(sum_over_time(crash[250d]))")).await.unwrap());
    store.close().await;
    (points, sum)
}

/// What the killed process does: it writes, and says so only after the write returned.
#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "its parent, a test, says what to do and reads it")]
async fn the_child_of_the_crash_test() {
    let Ok(told) = std::env::var(CHILD) else { return };
    let (folder, at, from) = {
        let mut parts = told.split('|');
        let mut next = || parts.next().unwrap().to_owned();
        (PathBuf::from(next()), Timestamp(next().parse().unwrap()), next().parse::<i64>().unwrap())
    };
    let store = EmbeddedSeries::open(&folder, options(), Arc::new(SystemClock)).await.unwrap();
    for batch in from / 10.. {
        let samples = (batch * 10..batch * 10 + 10).map(|n| sample(n, at)).collect();
        store.write(samples).await.unwrap();
        println!("kept {}", batch * 10 + 10);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_points_survive_kill_nine() {
    let folder = tempfile::tempdir().unwrap();
    let at = SystemClock.now();
    let mut kept = 0_i64;
    for round in 1..=5 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "embedded_series::the_child_of_the_crash_test", "--nocapture"])
            .env(CHILD, format!("{}|{}|{kept}", folder.path().display(), at.0))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let said = lines.map_while(Result::ok).filter_map(|line| line.rsplit_once("kept ")?.1.parse::<i64>().ok());
        // Killed in the middle of its work, later each time.
        for n in said {
            kept = n;
            if n % 10 == 0 && n >= round * 400 {
                child.kill().unwrap();
                // What it still said before it died counts as well: the pipe is read to its end.
            }
        }
        child.wait().unwrap();
        let (points, sum) = count(folder.path(), at).await;
        // One more write may have been durable without being acknowledged.
        assert!(points >= kept as f64 && points <= (kept + 10) as f64, "round {round}: {points} of {kept}");
        let whole = |n: f64| n * (n - 1.0) / 2.0;
        assert_eq!(sum, whole(points), "round {round}");
    }
    assert!(kept >= 2000);
}

#[tokio::test]
async fn a_folder_is_one_process() {
    let folder = tempfile::tempdir().unwrap();
    let store = EmbeddedSeries::open(folder.path(), options(), Arc::new(SystemClock)).await.unwrap();
    let second = EmbeddedSeries::open(folder.path(), options(), Arc::new(SystemClock)).await.err().unwrap().to_string();
    assert!(second.contains("locked"), "{second}");
    store.close().await;
    drop(store);
    EmbeddedSeries::open(folder.path(), options(), Arc::new(SystemClock)).await.unwrap().close().await;
}

#[tokio::test]
async fn what_was_closed_well_is_there_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let at = SystemClock.now();
    for round in 0..3 {
        let store = EmbeddedSeries::open(folder.path(), options(), Arc::new(SystemClock)).await.unwrap();
        store.write((round * 100..round * 100 + 100).map(|n| sample(n, at)).collect()).await.unwrap();
        // The same again, across a restart.
        store.write((0..round * 100).map(|n| sample(n, at)).collect()).await.unwrap();
        store.close().await;
    }
    assert_eq!(count(folder.path(), at).await, (300.0, 44_850.0));
}

/// Expressions that the parser, the evaluator, or what shows or drops them, goes into as deep as `words` allow.
fn deep(words: usize) -> Vec<String> {
    let nested = |begin: &str, core: &str, end: &str, each: usize| {
        let levels = words.saturating_sub(6) / each;
        format!("{}{core}{}", begin.repeat(levels), end.repeat(levels))
    };
    let functions = ["abs", "sum", "scalar", "vector", "sort", "timestamp", "absent", "histogram_count"];
    let functions = functions.map(|name| nested(&format!("{name}("), "m", ")", 3));
    let others = [
        nested("(", "1", "", 1),
        nested("(", "1", ")", 2),
        nested("(", "1", "", 1) + "[5m]",
        nested("(", "1", ")", 2) + "[5m]",
        nested("-", "1", "", 1),
        nested("-abs(", "m", ")", 4),
        nested("+", "m", "", 1),
        nested("1^", "1", "", 2),
        nested("1+", "1", "", 2),
        nested("m or ", "m", "", 2),
        nested("m + on (a) group_left ", "m", "", 7),
        nested("topk(1, ", "m", ")", 5),
        nested("clamp_max(", "m", ", 1)", 5),
        nested("label_replace(", "m", ", \"a\", \"b\", \"c\", \"d\")", 11),
        nested("max_over_time(", "m", "[0s:1s])", 8),
        nested("", "m", "[0s:1s]", 5),
    ];
    functions.into_iter().chain(others).collect()
}

#[tokio::test]
async fn an_expression_of_any_depth_leaves_the_process_alive() {
    // What an expression is worked out on has the stack that a thread has unless it is told otherwise: the host's do.
    let s = open().await;
    for query in deep(500) {
        let told = s.query(&query).await.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(!told.contains("words") && told.len() < 700, "{told}");
    }
    for query in deep(1_200) {
        let MetricsError::Query { problem, at: Some(_) } = s.query(&query).await.unwrap_err() else {
            panic!("{query}")
        };
        assert!(problem.contains("at most 500 are read"), "{problem}");
    }
}

#[tokio::test]
async fn a_long_expression_that_is_wrong_is_refused_at_once() {
    let s = open().await;
    let begun = std::time::Instant::now();
    // A regular expression of many states, over and over, and an error at the very end.
    let query = format!("{}1)", "{a=~\"x{20}{20}\"} or ".repeat(70));
    let error = s.query(&query).await.unwrap_err();
    assert!(matches!(error, MetricsError::Query { at: Some(at), .. } if at == query.len() - 1), "{error:?}");
    // Texts of which none ends.
    let query = format!("m{{a=\"{}", "\\\"".repeat(4_000));
    let error = s.query(&query).await.unwrap_err();
    assert!(matches!(error, MetricsError::Query { at: Some(4), .. }), "{error:?}");
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn subqueries_are_answered_and_those_that_never_end_are_refused() {
    let s = open().await;
    s.gate.write((0..120).map(|n| s.sample("m", &[("a", "1")], n * 60, n as f64)).collect()).await.unwrap();
    s.gate.write(vec![s.sample("m", &[("a", "2")], 0, 1000.0)]).await.unwrap();
    let value = async |query: &str| s.query(query).await.unwrap()[0].points[0].1;
    assert_eq!(value("max_over_time(sum($m)[1h:1m])").await, 1000.0);
    // Whether the step at the very beginning belongs to the hour, Prometheus 2 and 3 see differently.
    let steps = value("count_over_time(vector(1)[1h:])").await;
    assert!((60.0..=61.0).contains(&steps), "{steps}");
    // A part that names no metric sees all series, whatever another part selects.
    assert_eq!(value("count($m{a=\"1\"}) + count({__name__=\"$m\"})").await, 3.0);
    for query in [
        "count_over_time(vector(1)[100y:1ms])",
        "max_over_time(max_over_time($m[10h:1m])[10h:1m])",
        "max_over_time($m[100h:1m]) + max_over_time($m[100h:1m])",
        "max_over_time($m[1y:])",
        "max_over_time(max_over_time(vector(1)[100y:100y])[100y:1ms])",
    ] {
        for error in [s.query(query).await.unwrap_err(), s.range(query, 600, 60).await.unwrap_err()] {
            let error = (error.to_string(), error);
            assert!(matches!(&error, (told, MetricsError::TooLarge(_)) if told.contains("11000 steps")), "{error:?}");
        }
    }
    // Asked for as a range, a subquery that tells no step has the one of the range.
    assert!(s.range("count_over_time(vector(1)[1y:] @ end())", 86_400 * 2, 86_400).await.is_ok());
}

#[tokio::test]
async fn a_subquery_reads_its_points_once() {
    let s = open().await;
    // Read anew for each of its steps they would be more than an expression may read.
    let samples = (0..20_000).map(|n| s.sample("m", &[], n, 1.0)).collect();
    s.gate.write(samples).await.unwrap();
    for query in [
        "max_over_time(count_over_time($m[4h])[1h:10s])",
        "max_over_time(max_over_time(count_over_time($m[2h])[1h:10m])[1h:1m])",
    ] {
        let answer = s.query(query).await.unwrap();
        assert!(answer[0].points[0].1 >= 7_200.0, "{query}: {answer:?}");
    }
}

#[tokio::test]
async fn a_wrong_query_says_where() {
    let s = open().await;
    let check = async |query: &str, expect: Option<usize>| match s.query(query).await.unwrap_err() {
        MetricsError::Query { at, .. } => assert_eq!(at, expect, "{query}"),
        other => panic!("{query}: {other:?}"),
    };
    check("sum(m))", Some(6)).await;
    check("1 + nonsense(m)", Some(4)).await;
    check("\"text\"", Some(0)).await;
    assert!(matches!(s.query("rate(m)").await, Err(MetricsError::Query { .. })));
}
