//! The stores as one expression sees them: they are read once for all steps, at most so much of them, and for so long.
//!
//! Two things that the evaluator gets wrong are put right by what it is shown. It takes `m{a="1"}` for the one series
//! with just these labels, if there is such a one, and forgets all others: so it never hears of such a one. And where a
//! point was written twice it would count two: it sees one.

use super::pieces::Pieces;
use super::selectors::Selectors;
use super::stores::Stores;
use super::windows;
use opssight_core::metrics::rollups::{Edges, Held, Kept, Plan, Rollup, plan};
use opssight_core::time::Timestamp;
use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tsink::{DataPoint, Label, MetricSeries, QueryOptions, Result, Row, SeriesSelection, Storage, TsinkError};

/// Most points that one expression reads.
const MOST_READ: usize = 5_000_000;

/// A series' labels and its points, by time.
type Points = (Vec<Label>, Vec<DataPoint>);

/// A series' labels and what answers for its windows.
type Windows = (Vec<Label>, Pieces);

/// What was read of a name, from the first of these times to the last.
struct Read<T> {
    start: i64,
    end: i64,
    series: Arc<Vec<T>>,
}

/// By name.
type Known<T> = Mutex<HashMap<String, Read<T>>>;

pub(super) struct View {
    stores: Arc<Stores>,
    /// As it was when the expression began.
    held: Held,
    selectors: Selectors,
    /// From the first step to the last: what is read for the first, and for all that its subqueries ask, serves them all.
    span: i64,
    points: Known<Points>,
    windows: Known<Windows>,
    weight: AtomicUsize,
    notes: Mutex<BTreeSet<String>>,
    begun: Instant,
    patience: Duration,
}

impl View {
    pub(super) fn new(stores: Arc<Stores>, selectors: Selectors, span: i64, patience: Duration) -> Self {
        let (held, begun, weight) = (stores.journal.held(), Instant::now(), AtomicUsize::new(0));
        let (points, windows, notes) = (Mutex::default(), Mutex::default(), Mutex::default());
        Self { stores, held, selectors, span, points, windows, weight, notes, begun, patience }
    }

    /// Whether there is time left.
    pub(super) fn check(&self) -> Result<()> {
        if self.begun.elapsed() > self.patience {
            return Err(refused(format!("it takes more than {} s", self.patience.as_secs())));
        }
        Ok(())
    }

    /// What whoever asked should know.
    pub(super) fn notes(&self) -> Vec<String> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// What is known of a name from `start` to `end`; if too little is, it is read for all steps.
    fn known<T>(
        &self,
        known: &Known<T>,
        name: &str,
        (start, end): (i64, i64),
        read: impl FnOnce(i64, i64) -> Result<Vec<T>>,
    ) -> Result<Arc<Vec<T>>> {
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        let last = end.saturating_add(self.span).saturating_add(self.selectors.reach(name));
        let (mut from, mut to) = (start, last);
        if let Some(known) = known.get(name) {
            if known.start <= start && end <= known.end {
                return Ok(Arc::clone(&known.series));
            }
            (from, to) = (from.min(known.start), to.max(known.end));
        }
        let series = Arc::new(read(from, to)?);
        known.insert(name.to_owned(), Read { start: from, end: to, series: Arc::clone(&series) });
        Ok(series)
    }

    /// Points of a metric from `start` to before `end`: raw ones, and where none are kept any more the last of each record.
    fn points_of(&self, metric: &str, start: i64, end: i64) -> Result<Arc<Vec<Points>>> {
        self.known(&self.points, metric, (start, end), |start, end| {
            let plan = plan(start.saturating_sub(1), end.saturating_sub(1), &Edges::Anywhere, &self.held);
            let mut found = Vec::new();
            let mut coarse = false;
            for labels in self.series_of(metric, metric, &plan)? {
                self.check()?;
                let mut points = Vec::new();
                for stretch in &plan.stretches {
                    match stretch.kept {
                        Kept::Raw => points.extend(self.stores.points(metric, &labels, stretch.from, stretch.to)?),
                        Kept::Rolled(class) => {
                            let records =
                                self.stores.records(class, metric, &labels, (stretch.from, stretch.to))?.into_iter();
                            let last =
                                |(.., rollup): (_, _, Rollup)| DataPoint::new(rollup.last.at.0, rollup.last.value);
                            points.extend(records.map(last));
                            coarse |= !points.is_empty();
                        }
                    }
                }
                self.weigh(points.len())?;
                if !points.is_empty() {
                    found.push((labels, points));
                }
            }
            if coarse {
                self.note(&plan, "of what lies before, its last point stands for each roll-up");
            }
            Ok(found)
        })
    }

    /// What answers for windows of a metric after `from`, up to `to`.
    fn windows_of(&self, name: &str, metric: &str, from: i64, to: i64) -> Result<Arc<Vec<Windows>>> {
        self.known(&self.windows, name, (from, to), |from, to| {
            let plan = plan(from, to, &self.selectors.edges(name), &self.held);
            let (mut found, mut coarse) = (Vec::new(), false);
            for labels in self.series_of(name, metric, &plan)? {
                self.check()?;
                let mut pieces = Pieces::default();
                for stretch in &plan.stretches {
                    match stretch.kept {
                        Kept::Raw => {
                            pieces.push_points(&self.stores.points(metric, &labels, stretch.from, stretch.to)?);
                        }
                        Kept::Rolled(class) => {
                            let records = self.stores.records(class, metric, &labels, (stretch.from, stretch.to))?;
                            coarse |=
                                !records.is_empty() && plan.inexact.is_some_and(|(until, _)| stretch.from < until);
                            pieces.push_records(records.into_iter().map(|(.., rollup)| rollup).collect());
                        }
                    }
                }
                self.weigh(pieces.weight())?;
                if pieces.weight() > 0 {
                    found.push((labels, pieces));
                }
            }
            if coarse {
                self.note(
                    &plan,
                    "of what lies before, a window takes each roll-up as a whole, where its last point lies",
                );
            }
            Ok(found)
        })
    }

    /// The series that a name selects, in any of the stores that a plan reads.
    fn series_of(&self, name: &str, metric: &str, plan: &Plan) -> Result<BTreeSet<Vec<Label>>> {
        let mut found = BTreeSet::new();
        let stores: BTreeSet<Kept> = plan.stretches.iter().map(|stretch| stretch.kept).collect();
        for kept in stores {
            self.check()?;
            let series = self.stores.series(kept, &self.selectors.selection(name, metric))?;
            found.extend(series.into_iter().map(|series| series.labels));
        }
        Ok(found)
    }

    fn weigh(&self, points: usize) -> Result<()> {
        if self.weight.fetch_add(points, Ordering::Relaxed) + points > MOST_READ {
            return Err(refused(format!("it reads more than {MOST_READ} points")));
        }
        Ok(())
    }

    fn note(&self, plan: &Plan, what: &str) {
        let Some((until, class)) = plan.inexact else { return };
        let time = Timestamp(until).to_utc().map(|at| at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true));
        let note = format!(
            "what this needs to be exact is kept since {}: {what}, of {} at the coarsest",
            time.unwrap_or_default(),
            class.name(),
        );
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).insert(note);
    }
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
        self.stores.raw().select_with_options(metric, options)
    }

    fn select_all(&self, name: &str, start: i64, end: i64) -> Result<Vec<Points>> {
        self.check()?;
        // A window begins after its first time.
        if let Some((function, metric)) = windows::read(name) {
            let (from, to) = (start, end.saturating_sub(1));
            let value = |pieces: &Pieces| function.value(&pieces.window(from, to)?, from, to);
            let all = self.windows_of(name, metric, from, to)?;
            let some = all.iter().filter_map(|(labels, pieces)| {
                value(pieces).map(|value| (labels.clone(), vec![DataPoint::new(to, value)]))
            });
            return Ok(some.collect());
        }
        let all = self.points_of(name, start, end)?;
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
        let mut found = Vec::new();
        for (_, storage) in self.stores.all() {
            found.extend(storage.select_series(selection)?);
        }
        Ok(found)
    }

    fn close(&self) -> Result<()> {
        Ok(())
    }
}
