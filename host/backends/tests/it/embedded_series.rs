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
    let store = EmbeddedSeries::open(folder.path(), options()).await.unwrap();
    Stores::new(Arc::new(store), Some(folder))
}

fn sample(n: i64, at: Timestamp) -> Sample {
    let series = Series::new("crash", [("lane", (n % 7).to_string())]).unwrap();
    // Neighbouring points lie days apart, so that many parts of the store are open at once.
    let at = at.plus_secs(-((n * 31) % 200) * DAY - n);
    Sample { series, point: Point { at, value: n as f64 } }
}

async fn count(folder: &Path, at: Timestamp) -> (f64, f64) {
    let store = EmbeddedSeries::open(folder, options()).await.unwrap();
    let ask = |query: &str| InstantQuery { query: query.to_owned(), at };
    let value = |answer: Vec<opssight_core::metrics::Row>| answer.first().map_or(0.0, |row| row.points[0].1);
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
    let store = EmbeddedSeries::open(&folder, options()).await.unwrap();
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
    let store = EmbeddedSeries::open(folder.path(), options()).await.unwrap();
    let second = EmbeddedSeries::open(folder.path(), options()).await.err().unwrap().to_string();
    assert!(second.contains("locked"), "{second}");
    store.close().await;
    drop(store);
    EmbeddedSeries::open(folder.path(), options()).await.unwrap().close().await;
}

#[tokio::test]
async fn what_was_closed_well_is_there_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let at = SystemClock.now();
    for round in 0..3 {
        let store = EmbeddedSeries::open(folder.path(), options()).await.unwrap();
        store.write((round * 100..round * 100 + 100).map(|n| sample(n, at)).collect()).await.unwrap();
        // The same again, across a restart.
        store.write((0..round * 100).map(|n| sample(n, at)).collect()).await.unwrap();
        store.close().await;
    }
    assert_eq!(count(folder.path(), at).await, (300.0, 44_850.0));
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
