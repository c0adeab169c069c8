//! Series: the embedded store beside VictoriaMetrics, both through the port.
//!
//! A million points, one a minute in each of a thousand series, come in writes of 10,000. VictoriaMetrics gets them as line
//! protocol over HTTP, and answers once it has read them; the embedded store answers once they are on the disk. Both are
//! asked with the same PromQL: VictoriaMetrics over HTTP, its cache off, and the embedded store in this process, after it
//! has made its roll-ups. What lies on the disk is counted after both were told to write it all.

use crate::Figures;
use opssight_backends::{EmbeddedOptions, EmbeddedSeries, InfluxSeries, PrometheusSeries, SystemClock};
use opssight_core::metrics::{Point, RangeQuery, Sample, Series, SeriesStore};
use opssight_core::time::{Clock, Timestamp};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

const SERIES: i64 = 1_000;
const POINTS: i64 = 1_000;
const BATCH: usize = 10_000;
/// How often each question is asked.
const ROUNDS: usize = 50;
const MINUTE: i64 = 60_000_000;

/// The variable that has the address of an empty VictoriaMetrics.
const VICTORIA: &str = "OPSSIGHT_TEST_VICTORIA";

/// A name, what is asked, and the step in minutes.
const QUESTIONS: [(&str, &str, i64); 3] = [
    ("one", "avg_over_time(bench_value{host=\"host-7\"}[5m])", 5),
    ("rate", "sum by (job) (rate(bench_value[10m]))", 10),
    ("hours", "max_over_time(bench_value{job=\"job-3\"}[1h])", 60),
];

pub(crate) fn measure(figures: &mut Figures) {
    #[expect(clippy::disallowed_methods, reason = "the chore that starts a bench says where its server is")]
    let victoria = std::env::var(VICTORIA).expect("cargo xtask bench --series starts a VictoriaMetrics");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let dir = tempfile::tempdir().expect("a folder");
        let now = SystemClock.now().0;
        // The newest whole hour whose roll-ups are due.
        let end = (now - 2 * MINUTE).div_euclid(60 * MINUTE) * 60 * MINUTE;
        println!("{SERIES} series of {POINTS} points in VictoriaMetrics ...");
        against_victoria(figures, &victoria, end).await;
        println!("the same in the embedded store ...");
        embedded(figures, dir.path(), end).await;
    });
    for (name, over, under) in [
        ("series_ingest_over_victoria", "series_points_per_s", "series_points_per_s_victoria"),
        ("series_bytes_over_victoria", "series_bytes_per_point", "series_bytes_per_point_victoria"),
    ] {
        figures.put(name, figures.get(over) / figures.get(under));
    }
    for (question, ..) in QUESTIONS {
        for part in ["p50", "p99"] {
            let of = |store: &str| figures.get(&format!("series_{question}_{part}_ms{store}"));
            figures.put(&format!("series_{question}_{part}_over_victoria"), of("") / of("_victoria"));
        }
    }
}

async fn against_victoria(figures: &mut Figures, address: &str, end: i64) {
    let url = |scheme: &str, path: &str| {
        let text = format!("{}{path}", address.replacen("http", scheme, 1));
        text.parse::<url::Url>().expect("an address")
    };
    let lines = InfluxSeries::new(&url("influxdb+http", "/bench/bench")).expect("an address");
    let queries = PrometheusSeries::new(&url("http", "")).expect("an address");
    figures.put("series_points_per_s_victoria", written(&lines, end).await);
    let get = async |path: &str| {
        let answer = reqwest::get(format!("{address}{path}")).await.expect("an answer");
        answer.text().await.expect("a text")
    };
    get("/internal/force_flush").await;
    asked(figures, &queries, end, "_victoria").await;
    get("/internal/force_merge").await;
    // It merges in the background.
    tokio::time::sleep(Duration::from_secs(5)).await;
    let sizes = get("/metrics").await;
    let sizes = sizes.lines().filter(|line| line.starts_with("vm_data_size_bytes"));
    let bytes = sizes.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum::<f64>();
    figures.put("series_bytes_per_point_victoria", bytes / all());
}

async fn embedded(figures: &mut Figures, folder: &Path, end: i64) {
    let clock = Arc::new(SystemClock);
    let store = EmbeddedSeries::open(folder, EmbeddedOptions::default(), clock).await.expect("a store");
    figures.put("series_points_per_s", written(&store, end).await);
    let begun = Instant::now();
    store.roll_up().await.expect("roll-ups");
    figures.put("series_roll_up_s", begun.elapsed().as_secs_f64());
    asked(figures, &store, end, "").await;
    store.close().await;
    figures.put("series_bytes_per_point", bytes(&folder.join("raw")) / all());
    figures.put("series_bytes_per_point_rolled", (bytes(folder) - bytes(&folder.join("raw"))) / all());
}

/// Points a second, one write after the other.
async fn written(store: &dyn SeriesStore, end: i64) -> f64 {
    let series: Vec<Series> = (0..SERIES).map(named).collect();
    let mut all_samples = (0..POINTS).flat_map(|n| series.iter().enumerate().map(move |(s, series)| (n, s, series)));
    let mut took = Duration::ZERO;
    loop {
        // Making them is not counted.
        let samples: Vec<Sample> = all_samples
            .by_ref()
            .take(BATCH)
            .map(|(n, s, series)| {
                #[expect(clippy::cast_precision_loss, reason = "small numbers")]
                let value = (n * 7 + s as i64 % 13) as f64 / 4.0;
                let at = Timestamp(end - (POINTS - 1 - n) * MINUTE);
                Sample { series: series.clone(), point: Point { at, value } }
            })
            .collect();
        if samples.is_empty() {
            return all() / took.as_secs_f64();
        }
        let begun = Instant::now();
        store.write(samples).await.expect("written");
        took += begun.elapsed();
    }
}

fn named(n: i64) -> Series {
    let labels = [("host", format!("host-{n}")), ("job", format!("job-{}", n % 10)), ("zone", "a".to_owned())];
    Series::new("bench_value", labels).expect("a name")
}

/// How long each question takes over all points, half of the time and in the worst of fifty.
async fn asked(figures: &mut Figures, store: &dyn SeriesStore, end: i64, which: &str) {
    for (name, query, step) in QUESTIONS {
        let (start, step) = (Timestamp(end - 960 * MINUTE), step * MINUTE);
        let query = RangeQuery { query: query.to_owned(), start, end: Timestamp(end), step };
        let mut took = Vec::new();
        for _ in 0..ROUNDS {
            let begun = Instant::now();
            let answer = store.query_range(&query).await.expect("an answer");
            took.push(begun.elapsed().as_secs_f64() * 1000.0);
            assert!(!answer.is_empty() && answer.notes.is_empty(), "{}: {:?}", query.query, answer.notes);
        }
        took.sort_by(f64::total_cmp);
        figures.put(&format!("series_{name}_p50_ms{which}"), took[ROUNDS / 2]);
        figures.put(&format!("series_{name}_p99_ms{which}"), took[ROUNDS * 99 / 100]);
    }
}

fn all() -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a million")]
    let all = (SERIES * POINTS) as f64;
    all
}

fn bytes(folder: &Path) -> f64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    #[expect(clippy::cast_precision_loss, reason = "some megabytes")]
    let of = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(found) if found.is_dir() => bytes(&entry.path()),
        Ok(found) => found.len() as f64,
        Err(_) => 0.0,
    };
    entries.map(of).sum()
}

pub(crate) fn print(figures: &Figures) {
    figures.row("series_points_per_s", "", "points written a second, embedded, each write on the disk");
    figures.row("series_points_per_s_victoria", "", "the same as line protocol to VictoriaMetrics");
    figures.row("series_ingest_over_victoria", "", "embedded / VictoriaMetrics");
    figures.row("series_roll_up_s", "", "rolling all of them up");
    for (name, query, step) in QUESTIONS {
        for part in ["p50", "p99"] {
            let of = |end: &str| format!("series_{name}_{part}{end}");
            figures.row(&of("_ms"), "", &format!("{query}, 16 h by {step} min"));
            figures.row(&of("_ms_victoria"), "", "");
            figures.row(&of("_over_victoria"), "", "embedded / VictoriaMetrics");
        }
    }
    figures.row("series_bytes_per_point", "", "on the disk, raw points");
    figures.row("series_bytes_per_point_rolled", "", "and their roll-ups");
    figures.row("series_bytes_per_point_victoria", "", "VictoriaMetrics, merged, with its index");
    figures.row("series_bytes_over_victoria", "", "raw points / VictoriaMetrics");
}
