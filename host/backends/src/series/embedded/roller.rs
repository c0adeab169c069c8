//! Making roll-ups: of hours and days that are over, from their raw points, each as a whole. What is made again and comes
//! to the same is not written again; what comes to something else is written behind it. So a pass that a crash ended, or
//! that a late point calls for, may be repeated as often as one likes.

use super::journal::{Due, Span};
use super::stores::Stores;
use super::{record, unavailable, wrong};
use opssight_core::metrics::rollups::{Class, Kept, Rollup};
use opssight_core::metrics::{MetricsError, Point};
use opssight_core::time::Timestamp;
use std::collections::{BTreeMap, HashMap};
use tsink::{DataPoint, MetricSeries, Row, SeriesSelection};

/// How long after its end an hour or a day is rolled up: most of what is late has come by then. Microseconds.
const GRACE: i64 = 60_000_000;

/// Records of one write.
const BATCH: usize = 5_000;

/// Make what is due. Answers with the number of records that were written.
pub(super) fn pass(stores: &Stores, now: Timestamp) -> Result<usize, MetricsError> {
    let mut written = 0;
    for (day, due) in stores.journal.due(now.0.saturating_sub(GRACE)) {
        written += Day::new(stores, &due).make().map_err(|error| {
            let problem = format!("{error}; it is tried again");
            unavailable("make the roll-ups", format!("of day {day} since 1970: {problem}"))
        })?;
        if stores.is_closed() {
            break;
        }
        stores.journal.done(&due)?;
    }
    stores.forget(now)?;
    Ok(written)
}

/// A day of which something is made.
struct Day<'s> {
    stores: &'s Stores,
    due: &'s Due,
    /// From the begin of the first to the end of the last of what is due.
    from: i64,
    to: i64,
    rows: HashMap<Class, Vec<Row>>,
    written: usize,
}

impl<'s> Day<'s> {
    fn new(stores: &'s Stores, due: &'s Due) -> Self {
        let ends = due.spans.iter().map(|(span, _)| span.ends());
        let (from, to) = ends.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))).unwrap_or_default();
        Self { stores, due, from, to, rows: HashMap::new(), written: 0 }
    }

    fn make(mut self) -> Result<usize, MetricsError> {
        let all = self.stores.series(Kept::Raw, &SeriesSelection::new());
        for series in all.map_err(|error| wrong("list the series", &error))? {
            if self.stores.is_closed() {
                return Ok(self.written);
            }
            self.series(&series)?;
        }
        for class in Class::ALL {
            self.write(class)?;
        }
        Ok(self.written)
    }

    fn series(&mut self, series: &MetricSeries) -> Result<(), MetricsError> {
        let points = self.stores.points(&series.name, &series.labels, self.from, self.to);
        let points = points.map_err(|error| wrong("read the points", &error))?;
        let since = self.stores.journal.since();
        for (class, since) in Class::ALL.into_iter().zip(since.rolled) {
            // It would go at once.
            if Class::Day.bucket(self.to) < since {
                continue;
            }
            let made = self.rolled(class, &points);
            if !made.is_empty() {
                self.keep(class, series, made)?;
            }
        }
        Ok(())
    }

    /// Of all buckets of a class that lie in what is due.
    fn rolled(&self, class: Class, points: &[DataPoint]) -> BTreeMap<i64, Rollup> {
        let is_due = |at: i64| {
            let span = match class {
                Class::Day => Span::Day(Class::Day.bucket(at)),
                Class::Minute | Class::Hour => Span::Hour(Class::Hour.bucket(at)),
            };
            self.due.spans.iter().any(|(due, _)| *due == span)
        };
        let mut made: BTreeMap<i64, Rollup> = BTreeMap::new();
        for point in points.iter().filter(|point| is_due(point.timestamp)) {
            let Some(value) = point.value.as_f64() else { continue };
            let one = Rollup::of(Point { at: Timestamp(point.timestamp), value });
            let bucket = made.entry(class.bucket(point.timestamp));
            bucket.and_modify(|all| all.append(&one)).or_insert(one);
        }
        made
    }

    fn keep(&mut self, class: Class, series: &MetricSeries, made: BTreeMap<i64, Rollup>) -> Result<(), MetricsError> {
        let known = self.stores.records(class, &series.name, &series.labels, (self.from, self.to));
        let known = known.map_err(|error| wrong("read the roll-ups", &error))?;
        let known: HashMap<i64, (i64, Vec<u8>)> =
            known.into_iter().map(|(at, bytes, _)| (class.bucket(at), (at, bytes))).collect();
        let rows = self.rows.entry(class).or_default();
        for (bucket, rollup) in made {
            let start = bucket.saturating_mul(class.width());
            let bytes = record::encode(&rollup, start);
            let at = match known.get(&bucket) {
                Some((_, same)) if *same == bytes => continue,
                Some((at, _)) => at.saturating_add(1),
                None => start.saturating_add(1),
            };
            rows.push(Row::with_labels(series.name.clone(), series.labels.clone(), DataPoint::new(at, bytes)));
        }
        if rows.len() >= BATCH { self.write(class) } else { Ok(()) }
    }

    fn write(&mut self, class: Class) -> Result<(), MetricsError> {
        let rows = self.rows.remove(&class).unwrap_or_default();
        for rows in rows.chunks(BATCH) {
            let written = self.stores.insert(Kept::Rolled(class), rows);
            written.map_err(|error| wrong("keep the roll-ups", &error))?;
            metrics::counter!("opssight_metrics_rollups_total", "class" => class.name()).increment(rows.len() as u64);
            self.written += rows.len();
        }
        Ok(())
    }
}
