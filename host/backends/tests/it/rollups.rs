//! Roll-ups of the embedded store: they are used by themselves, answer as the points do, and survive a kill.

use opssight_backends::{EmbeddedOptions, EmbeddedSeries};
use opssight_core::metrics::{
    Answer, InstantQuery, Point, RangeQuery, Sample, Series, SeriesQuery, SeriesStore, Window,
};
use opssight_core::time::{Clock, Timestamp};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

const SECOND: i64 = 1_000_000;
const HOUR: i64 = 3_600 * SECOND;
const DAY: i64 = 24 * HOUR;
const CHILD: &str = "OPSSIGHT_TEST_ROLLUPS_CHILD";

/// A clock that stands where it is put. What a store drops it drops by the clock of the machine, so that cases begin there.
struct Stood(AtomicI64);

impl Clock for Stood {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::Relaxed))
    }
}

/// The begin of today.
fn today() -> i64 {
    let now = opssight_backends::SystemClock.now().0;
    now - now.rem_euclid(DAY)
}

fn days(raw: u64, rolled: [u64; 3]) -> EmbeddedOptions {
    let days = |days: u64| Duration::from_secs(days * 86_400);
    EmbeddedOptions { raw: days(raw), rolled: rolled.map(days), ..EmbeddedOptions::default() }
}

async fn open(folder: &Path, options: EmbeddedOptions, now: i64) -> EmbeddedSeries {
    EmbeddedSeries::open(folder, options, Arc::new(Stood(AtomicI64::new(now)))).await.unwrap()
}

fn sample(metric: &str, host: &str, at: i64, value: f64) -> Sample {
    Sample { series: Series::new(metric, [("host", host)]).unwrap(), point: Point { at: Timestamp(at), value } }
}

async fn at(store: &EmbeddedSeries, query: &str, at: i64) -> Answer {
    store.query(&InstantQuery { query: query.to_owned(), at: Timestamp(at) }).await.unwrap()
}

async fn value(store: &EmbeddedSeries, query: &str, time: i64) -> Option<f64> {
    at(store, query, time).await.first().and_then(|row| row.points.first()).map(|(_, value)| *value)
}

async fn range(store: &EmbeddedSeries, query: &str, (start, end, step): (i64, i64, i64)) -> Answer {
    let (start, end) = (Timestamp(start), Timestamp(end));
    store.query_range(&RangeQuery { query: query.to_owned(), start, end, step }).await.unwrap()
}

/// All points of a case at once.
async fn write(store: &EmbeddedSeries, samples: Vec<Sample>) {
    for samples in samples.chunks(10_000) {
        store.write(samples.to_vec()).await.unwrap();
    }
}

async fn roll_up(store: &EmbeddedSeries) {
    store.roll_up().await.unwrap();
    assert_eq!(store.roll_up().await.unwrap(), 0, "what was rolled up is not rolled up again");
}

#[tokio::test]
async fn what_is_over_is_rolled_up_and_late_points_are_taken_up() {
    let folder = tempfile::tempdir().unwrap();
    let begin = today() - 3 * DAY;
    // Nothing is over yet: the task of the store makes nothing of it.
    let options = days(30, [60, 90, 120]);
    let store = open(folder.path(), options.clone(), begin).await;
    write(&store, (1..=120).map(|minute| sample("m", "a", begin + minute * 60 * SECOND, 1.0)).collect()).await;
    assert_eq!(store.roll_up().await.unwrap(), 0);
    store.close().await;
    drop(store);
    // Two hours are over, the day is not.
    let store = open(folder.path(), options.clone(), begin + 3 * HOUR).await;
    roll_up(&store).await;
    store.close().await;
    drop(store);
    // The day is over, and a late point came into the second hour.
    let store = open(folder.path(), options, begin + DAY + HOUR).await;
    roll_up(&store).await;
    assert_eq!(value(&store, "sum_over_time(m[1d])", begin + DAY).await, Some(120.0));
    write(&store, vec![sample("m", "a", begin + HOUR + 61 * SECOND, 10.0)]).await;
    assert_eq!(value(&store, "sum_over_time(m[1d])", begin + DAY).await, Some(130.0), "before it is rolled up again");
    store.roll_up().await.unwrap();
    assert_eq!(value(&store, "sum_over_time(m[1d])", begin + DAY).await, Some(130.0));
    assert_eq!(value(&store, "count_over_time(m[1h])", begin + 2 * HOUR).await, Some(61.0));
    assert_eq!(value(&store, "max_over_time(m[1m])", begin + HOUR + 120 * SECOND).await, Some(10.0));
    store.close().await;
    drop(store);
    // A minute, its hour and its day were made again, behind what was made first, and nothing else was.
    assert_eq!(kept(folder.path(), "1m").len(), 120 + 1);
    assert_eq!(kept(folder.path(), "1h"), [begin + 1, begin + HOUR + 1, begin + HOUR + 2]);
    assert_eq!(kept(folder.path(), "1d"), [begin + 1, begin + 2]);
}

/// What two stores with the same points say, one with roll-ups and one without.
struct Pair {
    _folders: [tempfile::TempDir; 2],
    rolled: EmbeddedSeries,
    raw: EmbeddedSeries,
    /// What `$` in a question stands for.
    pinned: i64,
}

impl Pair {
    async fn of(samples: Vec<Sample>, now: i64) -> Self {
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let rolled = open(folders[0].path(), days(30, [60, 90, 120]), now).await;
        // Nothing is ever over here.
        let raw = open(folders[1].path(), days(30, [60, 90, 120]), 0).await;
        for store in [&rolled, &raw] {
            write(store, samples.clone()).await;
        }
        rolled.roll_up().await.unwrap();
        Self { _folders: folders, rolled, raw, pinned: now - 2 * DAY }
    }

    async fn check(&self, query: &str, asked: (i64, i64, i64)) -> Result<(), TestCaseError> {
        let query = &query.replace('$', &(self.pinned / SECOND).to_string());
        let [rolled, raw] = [range(&self.rolled, query, asked).await, range(&self.raw, query, asked).await];
        prop_assert_eq!(&rolled.notes, &Vec::<String>::new());
        prop_assert_eq!(rolled.len(), raw.len(), "{} {:?}", query, asked);
        for (one, other) in rolled.iter().zip(raw.iter()) {
            prop_assert_eq!((&one.metric, &one.labels), (&other.metric, &other.labels), "{}", query);
            prop_assert_eq!(one.points.len(), other.points.len(), "{} {:?}", query, asked);
            for ((at, a), (other_at, b)) in one.points.iter().zip(&other.points) {
                prop_assert_eq!(at, other_at);
                prop_assert!((a - b).abs() <= b.abs().max(1.0) * 1e-9, "{}: {} and not {}", query, a, b);
            }
        }
        Ok(())
    }
}

const QUERIES: [&str; 16] = [
    "avg_over_time(m[1h])",
    "sum_over_time(m[90m])",
    "min_over_time(m[1d])",
    "max_over_time(m{host=\"a\"}[6h])",
    "count_over_time(m[7m])",
    "last_over_time(m[2h] offset 1h)",
    "present_over_time(m[1h])",
    "rate(m[1h])",
    "increase(m[1d])",
    "delta(m[3h])",
    "sum by (host) (rate(m[2h])) / count(count_over_time(m[2h]))",
    "max_over_time(rate(m[1h])[1d:1h])",
    "avg_over_time(m[1h]) + avg_over_time(m[1d])",
    "quantile_over_time(0.5, m[1h])",
    "m",
    "sum_over_time(m[1d] @ $)",
];

#[test]
fn roll_ups_answer_as_the_points_do() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let begin = today() - 6 * DAY;
    let mut runner = TestRunner::new(Config { cases: 12, failure_persistence: None, ..Config::default() });
    // Values of a counter that begins anew now and then, at times that no bucket knows of, and at the ends of buckets.
    let points = prop::collection::vec((0..4 * 86_400_i64, 0..3_u8, 0..2_u8), 1..1_500);
    let asked = prop::collection::vec(
        (
            0..QUERIES.len(),
            0..5 * 86_400_i64,
            prop::sample::select(vec![1, 60, 3_600, 86_400_i64]),
            1..80_i64,
            prop::sample::select(vec![60, 600, 3_600, 5_400, 86_400_i64]),
        ),
        40,
    );
    runner
        .run(&(points, asked), |(points, asked)| {
            runtime.block_on(async {
                let of = |&(secs, sub, host): &(i64, u8, u8)| {
                    let at = begin + secs.div_euclid(60) * 60 * SECOND + [0, 1, 37 * SECOND][usize::from(sub)];
                    // The same time has the same value.
                    sample("m", ["a", "b"][usize::from(host)], at, (at / SECOND).rem_euclid(5_000) as f64)
                };
                let pair = Pair::of(points.iter().map(of).collect(), begin + 4 * DAY + 12 * HOUR).await;
                for (query, start, align, steps, step) in asked {
                    let start = begin + start.div_euclid(align) * align * SECOND;
                    let step = step * SECOND;
                    pair.check(QUERIES[query], (start, start + steps * step, step)).await?;
                }
                Ok(())
            })
        })
        .unwrap();
}

/// Raw points of one minute in each of ten days, and hours and days of which roll-ups only are left.
async fn aged(folder: &Path) -> (EmbeddedSeries, i64) {
    let begin = today() - 20 * DAY;
    let store = open(folder, days(40, [50, 60, 70]), today() + HOUR).await;
    let of = |n: i64| sample("m", "a", begin + n * 600 * SECOND, n as f64);
    write(&store, (1..=20 * 144).map(of).collect()).await;
    roll_up(&store).await;
    store.close().await;
    drop(store);
    // Opened for less it lets go what is too old by now.
    (open(folder, days(3, [6, 10, 70]), today() + HOUR).await, begin)
}

#[tokio::test]
async fn older_questions_are_answered_from_what_is_still_kept() {
    let folder = tempfile::tempdir().unwrap();
    let (store, begin) = aged(folder.path()).await;
    // Whole days are exact for as long as days are kept, and say nothing.
    let answer = range(&store, "count_over_time(m[1d])", (begin + DAY, begin + 20 * DAY, DAY)).await;
    assert_eq!(answer[0].points.len(), 20);
    assert!(answer[0].points.iter().all(|(_, count)| *count == 144.0), "{answer:?}");
    assert!(answer.notes.is_empty(), "{:?}", answer.notes);
    // Hours are exact where they are kept.
    let answer = range(&store, "count_over_time(m[1h])", (begin + 11 * DAY, begin + 12 * DAY, HOUR)).await;
    assert!(answer[0].points.iter().all(|(_, count)| *count == 6.0) && answer.notes.is_empty(), "{answer:?}");
    // Hours of a time of which only days are left: each lies where its last point does, and the answer says so.
    let answer = range(&store, "count_over_time(m[1h])", (begin + 2 * DAY, begin + 3 * DAY, HOUR)).await;
    assert_eq!(answer[0].points.iter().map(|(_, count)| *count).collect::<Vec<_>>(), [144.0, 144.0]);
    assert!(answer.notes.len() == 1 && answer.notes[0].contains("1d at the coarsest"), "{:?}", answer.notes);
    // What needs the points sees the last of each record, and says so.
    let answer = range(&store, "quantile_over_time(1, m[1d])", (begin + 5 * DAY, begin + 5 * DAY, DAY)).await;
    assert_eq!(answer[0].points[0].1, 5.0 * 144.0);
    assert!(answer.notes.len() == 1 && answer.notes[0].contains("its last point stands for"), "{:?}", answer.notes);
    assert!(at(&store, "quantile_over_time(1, m[1d])", begin + 20 * DAY).await.notes.is_empty());
    // A series of which no raw point is left is still listed, once.
    let window = Window { start: Timestamp(begin), end: Timestamp(begin + DAY) };
    let found = store.series(&SeriesQuery { selector: "m".to_owned(), window, limit: 10 }).await.unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
}

/// When the points or records of a class are, sorted, as its own store has them.
fn kept(folder: &Path, class: &str) -> Vec<i64> {
    let storage = tsink::StorageBuilder::new()
        .with_data_path(folder.join(class))
        .with_timestamp_precision(tsink::TimestampPrecision::Microseconds)
        .with_retention_enforced(false)
        .build()
        .unwrap();
    let label = tsink::Label::new("host", "a");
    let points = storage.select("m", &[label], 0, i64::MAX).unwrap();
    storage.close().unwrap();
    let mut times: Vec<i64> = points.iter().map(|point| point.timestamp).collect();
    times.sort_unstable();
    times
}

#[tokio::test]
async fn each_class_goes_when_its_time_is_over() {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, _) = aged(folder.path()).await;
    // Two days more than told are kept, so that the oldest day is whole. How long the oldest is kept too long, in days:
    let over = |class: &str, kept: i64| {
        let oldest = self::kept(folder.path(), class)[0];
        (opssight_backends::SystemClock.now().0 - oldest).div_euclid(DAY) - (kept + 2)
    };
    // What is too old goes in the background.
    for _ in 0..100 {
        store.close().await;
        drop(store);
        let over = [("raw", 3), ("1m", 6), ("1h", 10)].map(|(class, kept)| over(class, kept));
        assert!(over.iter().all(|days| *days >= -1), "something went too early: {over:?}");
        if over.iter().all(|days| *days <= 0) {
            assert_eq!(self::kept(folder.path(), "1d").len(), 20);
            return;
        }
        store = open(folder.path(), days(3, [6, 10, 70]), today() + HOUR).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    panic!("what is too old stays");
}

#[tokio::test]
async fn points_of_before_there_were_roll_ups_are_rolled_up() {
    let folder = tempfile::tempdir().unwrap();
    let begin = today() - 5 * DAY;
    let store = open(folder.path(), days(30, [60, 90, 120]), begin).await;
    write(&store, (1..=48).map(|hour| sample("m", "a", begin + hour * HOUR, 1.0)).collect()).await;
    store.close().await;
    drop(store);
    // As an earlier version has left it.
    std::fs::remove_file(folder.path().join("rollups.journal")).unwrap();
    let store = open(folder.path(), days(30, [60, 90, 120]), today()).await;
    store.roll_up().await.unwrap();
    store.close().await;
    drop(store);
    assert_eq!(kept(folder.path(), "1d"), [begin + 1, begin + DAY + 1]);
}

#[tokio::test]
async fn points_that_grew_too_old_while_the_host_was_away_are_rolled_up_before_they_go() {
    let folder = tempfile::tempdir().unwrap();
    let begin = today() - 20 * DAY;
    let store = open(folder.path(), days(30, [60, 90, 120]), begin).await;
    write(&store, (1..=24).map(|hour| sample("m", "a", begin + hour * HOUR, 1.0)).collect()).await;
    store.close().await;
    drop(store);
    let store = open(folder.path(), days(3, [60, 90, 120]), today()).await;
    assert_eq!(value(&store, "sum_over_time(m[1d])", begin + DAY).await, Some(24.0));
    assert_eq!(value(&store, "sum_over_time(m[1h])", begin + HOUR).await, Some(1.0));
}

/// What the killed process does: it writes history of one week in any order and rolls it up at the same time.
#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::disallowed_methods, reason = "its parent, a test, says what to do and reads it")]
async fn the_child_of_the_crash_test() {
    let Ok(told) = std::env::var(CHILD) else { return };
    let (folder, from) = told.split_once('|').unwrap();
    let store = Arc::new(open(Path::new(folder), days(30, [60, 90, 120]), today() + HOUR).await);
    let roller = Arc::clone(&store);
    tokio::spawn(async move {
        loop {
            roller.roll_up().await.unwrap();
        }
    });
    for n in from.parse::<i64>().unwrap().. {
        store.write((0..10).map(|part| crashing(n * 10 + part)).collect()).await.unwrap();
        println!("kept {n}");
    }
}

/// No two at one time, and neighbours far apart.
fn crashing(n: i64) -> Sample {
    let week = 7 * 86_400;
    sample("m", "a", today() - 8 * DAY + ((n * 86_413) % week + 1) * SECOND, 1.0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_in_the_middle_neither_loses_nor_doubles_a_roll_up() {
    let folder = tempfile::tempdir().unwrap();
    let mut next = 0_i64;
    for round in 1..=4 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "rollups::the_child_of_the_crash_test", "--nocapture"])
            .env(CHILD, format!("{}|{next}", folder.path().display()))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let said = lines.map_while(Result::ok).filter_map(|line| line.rsplit_once("kept ")?.1.parse::<i64>().ok());
        for n in said {
            next = n + 1;
            if n >= round * 40 {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
    }
    let store = open(folder.path(), days(30, [60, 90, 120]), today() + HOUR).await;
    store.roll_up().await.unwrap();
    // What was written, acknowledged or not, by the points themselves: a function that only they answer.
    let raw = value(&store, "stddev_over_time(m[8d]) + count_over_time((m[8d]))", today()).await.unwrap();
    assert!(raw >= (next * 10) as f64, "{raw} of {next}");
    for (width, step) in [("1m", 60 * SECOND), ("1h", HOUR), ("1d", DAY)] {
        let query = format!("sum(sum_over_time(m[{width}]))");
        let mut sum = 0.0;
        // No more steps at once than may be asked for.
        for day in 1..=8 {
            let end = today() - (8 - day) * DAY;
            let answer = range(&store, &query, (end - DAY + step, end, step)).await;
            sum += answer.iter().flat_map(|row| &row.points).map(|(_, value)| value).sum::<f64>();
        }
        assert_eq!(sum, raw, "{width}");
    }
}

#[tokio::test]
async fn series_that_begin_together_are_kept_and_rolled_up() {
    let folder = tempfile::tempdir().unwrap();
    let begin = today() - 3 * DAY;
    let store = open(folder.path(), days(30, [60, 90, 120]), begin + 2 * DAY).await;
    let hosts: Vec<String> = (0..10_000).map(|host| format!("host-{host}")).collect();
    write(&store, hosts.iter().map(|host| sample("begun", host, begin + SECOND, 1.0)).collect()).await;
    assert_eq!(store.roll_up().await.unwrap(), 3 * hosts.len());
    assert_eq!(value(&store, "count(max_over_time(begun[1d]))", begin + DAY).await, Some(10_000.0));
    store.close().await;
}
