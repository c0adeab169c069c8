//! The store as one expression sees it: it is read once for all steps, at most so much of it, and for so long.
//!
//! Two things that the evaluator gets wrong are put right by what it is shown. It takes `m{a="1"}` for the one series
//! with just these labels, if there is such a one, and forgets all others: so it never hears of such a one. And where a
//! point was written twice it would count two: it sees one.

use super::selectors::Selectors;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tsink::{DataPoint, Label, MetricSeries, QueryOptions, Result, Row, SeriesSelection, Storage, TsinkError};

/// Most points that one expression reads.
const MOST_READ: usize = 5_000_000;

/// A series' labels and its points, by time.
type Points = (Vec<Label>, Vec<DataPoint>);

/// What was read of a metric.
struct Read {
    start: i64,
    end: i64,
    series: Arc<Vec<Points>>,
}

pub(super) struct View {
    storage: Arc<dyn Storage>,
    selectors: Selectors,
    /// From the first step to the last: what is read for the first, and for all that its subqueries ask, serves them all.
    span: i64,
    read: Mutex<HashMap<String, Read>>,
    points: AtomicUsize,
    begun: Instant,
    patience: Duration,
}

impl View {
    pub(super) fn new(storage: Arc<dyn Storage>, selectors: Selectors, span: i64, patience: Duration) -> Self {
        let (read, points, begun) = (Mutex::default(), AtomicUsize::new(0), Instant::now());
        Self { storage, selectors, span, read, points, begun, patience }
    }

    /// Whether there is time left.
    pub(super) fn check(&self) -> Result<()> {
        if self.begun.elapsed() > self.patience {
            return Err(refused(format!("it takes more than {} s", self.patience.as_secs())));
        }
        Ok(())
    }

    fn points_of(&self, metric: &str, start: i64, end: i64) -> Result<Arc<Vec<Points>>> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let last = end.saturating_add(self.span).saturating_add(self.selectors.reach(metric));
        let (mut from, mut to) = (start, last);
        if let Some(known) = read.get(metric) {
            if known.start <= start && end <= known.end {
                return Ok(Arc::clone(&known.series));
            }
            (from, to) = (from.min(known.start), to.max(known.end));
        }
        let series = Arc::new(self.fetch(metric, from, to)?);
        read.insert(metric.to_owned(), Read { start: from, end: to, series: Arc::clone(&series) });
        Ok(series)
    }

    fn fetch(&self, metric: &str, start: i64, end: i64) -> Result<Vec<Points>> {
        let selection = self.selectors.selection(metric).with_time_range(start, end);
        let mut found = Vec::new();
        for series in self.storage.select_series(&selection)? {
            self.check()?;
            let mut points = match self.storage.select(&series.name, &series.labels, start, end) {
                Ok(points) => points,
                Err(TsinkError::NoDataPoints { .. }) => continue,
                Err(error) => return Err(error),
            };
            once(&mut points);
            if self.points.fetch_add(points.len(), Ordering::Relaxed) + points.len() > MOST_READ {
                return Err(refused(format!("it reads more than {MOST_READ} points")));
            }
            if !points.is_empty() {
                found.push((series.labels, points));
            }
        }
        Ok(found)
    }
}

/// Sorted, and of points of the same time the one that comes last.
fn once(points: &mut Vec<DataPoint>) {
    points.sort_by_key(|point| point.timestamp);
    points.reverse();
    points.dedup_by_key(|point| point.timestamp);
    points.reverse();
}

fn between(points: &[DataPoint], start: i64, end: i64) -> &[DataPoint] {
    let from = points.partition_point(|point| point.timestamp < start);
    let to = points.partition_point(|point| point.timestamp < end);
    points.get(from..to).unwrap_or_default()
}

fn refused(why: String) -> TsinkError {
    TsinkError::Other(format!("{why}: ask for less at once"))
}

impl Storage for View {
    fn insert_rows(&self, _: &[Row]) -> Result<()> {
        Err(TsinkError::Other("an expression writes nothing".to_owned()))
    }

    fn select(&self, metric: &str, labels: &[Label], start: i64, end: i64) -> Result<Vec<DataPoint>> {
        let series = self.points_of(metric, start, end)?;
        let found = series.iter().find(|(of, _)| of == labels);
        Ok(found.map(|(_, points)| between(points, start, end).to_vec()).unwrap_or_default())
    }

    fn select_with_options(&self, metric: &str, options: QueryOptions) -> Result<Vec<DataPoint>> {
        self.storage.select_with_options(metric, options)
    }

    fn select_all(&self, metric: &str, start: i64, end: i64) -> Result<Vec<Points>> {
        self.check()?;
        let all = self.points_of(metric, start, end)?;
        let some = all.iter().filter_map(|(labels, points)| {
            let points = between(points, start, end);
            (!points.is_empty()).then(|| (labels.clone(), points.to_vec()))
        });
        Ok(some.collect())
    }

    fn select_series(&self, selection: &SeriesSelection) -> Result<Vec<MetricSeries>> {
        // Asked with a metric it is the question whether just these labels are a series.
        if selection.metric.is_some() {
            return Ok(Vec::new());
        }
        self.storage.select_series(selection)
    }

    fn close(&self) -> Result<()> {
        Ok(())
    }
}
