//! The stores of a folder: raw points, and a store for the roll-ups of each class. Each drops what is too old by itself.

use super::journal::{Journal, Since};
use super::open::{Keep, at_once, make, open};
use super::{EmbeddedOptions, record, roller, wrong};
use opssight_core::metrics::MetricsError;
use opssight_core::metrics::rollups::{Class, Kept, Rollup};
use opssight_core::time::{Clock, Timestamp};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tsink::{DataPoint, Label, MetricSeries, Row, SeriesSelection, Storage, TsinkError};

const DAY: Duration = Duration::from_secs(86_400);
const DAY_MICROS: i64 = 86_400_000_000;

/// The part of the memory that the roll-ups of one class have.
const ROLLED: usize = 8;

pub(super) struct Stores {
    raw: Arc<dyn Storage>,
    rolled: [Arc<dyn Storage>; 3],
    pub(super) journal: Journal,
    kept: [Duration; 4],
    memory: usize,
    closed: AtomicBool,
}

impl Stores {
    pub(super) fn open(folder: &Path, options: &EmbeddedOptions, clock: &dyn Clock) -> Result<Self, MetricsError> {
        make(folder)?;
        let [minutes, hours, days] = options.rolled;
        // What lies together has about a thousand records. Whoever has opened the first one has the folder.
        let of = |class: Class, time: Duration, part: Duration| {
            let keep = Keep { time, enforced: true, part, memory: options.memory / ROLLED };
            open(&folder.join(class.name()), &keep)
        };
        let day = of(Class::Day, days, 1_000 * DAY)?;
        let (journal, known) = Journal::open(folder)?;
        let kept = [options.raw, minutes, hours, days];
        let now = clock.now();
        journal.keep_since(since(now, kept))?;
        let rolled = [of(Class::Minute, minutes, DAY)?, of(Class::Hour, hours, 40 * DAY)?, day];
        let raw = |enforced| {
            let keep = Keep { time: options.raw, enforced, part: DAY, memory: options.memory };
            open(&folder.join("raw"), &keep)
        };
        // After a long rest there may be points that are too old by now, and in no roll-up yet.
        let late = journal.oldest().is_some_and(|oldest| oldest < since(now, kept).raw.saturating_mul(DAY_MICROS));
        let (memory, closed) = (options.memory, AtomicBool::new(false));
        let mut stores = Self { raw: raw(!late)?, rolled, journal, kept, memory, closed };
        if late {
            roller::pass(&stores, now)?;
            stores.raw.close().map_err(|error| wrong("open the metrics", &error))?;
            // The old one has the folder until it is dropped.
            stores.raw = Arc::clone(stores.rolled(Class::Minute));
            stores.raw = raw(true)?;
        }
        if !known {
            stores.mark_all(now)?;
        }
        Ok(stores)
    }

    /// Points that were kept before there were roll-ups.
    fn mark_all(&self, now: Timestamp) -> Result<(), MetricsError> {
        let last = Class::Day.bucket(now.0).saturating_add(1);
        for day in self.journal.since().raw.saturating_sub(2)..=last {
            let (from, to) = (day.saturating_mul(DAY_MICROS), day.saturating_add(1).saturating_mul(DAY_MICROS));
            let any = SeriesSelection::new().with_time_range(from.saturating_add(1), to.saturating_add(1));
            let found = self.raw.select_series(&any).map_err(|error| wrong("open the metrics", &error))?;
            if !found.is_empty() {
                drop(self.journal.mark((0..24).map(|hour| from + hour * Class::Hour.width() + 1))?);
            }
        }
        Ok(())
    }

    pub(super) fn raw(&self) -> &Arc<dyn Storage> {
        &self.raw
    }

    pub(super) fn rolled(&self, class: Class) -> &Arc<dyn Storage> {
        let [minute, hour, day] = &self.rolled;
        match class {
            Class::Minute => minute,
            Class::Hour => hour,
            Class::Day => day,
        }
    }

    /// What was kept when it goes wrong in between may be written again.
    pub(super) fn insert(&self, kept: Kept, rows: &[Row]) -> tsink::Result<()> {
        let (storage, memory) = match kept {
            Kept::Raw => (&self.raw, self.memory),
            Kept::Rolled(class) => (self.rolled(class), self.memory / ROLLED),
        };
        rows.chunks(at_once(memory)).try_for_each(|rows| storage.insert_rows(rows))
    }

    /// By name, as metrics and folders spell them.
    pub(super) fn all(&self) -> impl Iterator<Item = (&'static str, &Arc<dyn Storage>)> {
        let rolled = Class::ALL.into_iter().map(|class| (class.name(), self.rolled(class)));
        std::iter::once(("raw", &self.raw)).chain(rolled)
    }

    /// What is older goes, and is not counted on from now on.
    pub(super) fn forget(&self, now: Timestamp) -> Result<(), MetricsError> {
        self.journal.keep_since(since(now, self.kept))
    }

    /// Series that a store has, by what their names are. Whether there is anything of one in a stretch of time only reading it
    /// tells for sure.
    pub(super) fn series(&self, kept: Kept, selection: &SeriesSelection) -> tsink::Result<Vec<MetricSeries>> {
        match kept {
            Kept::Raw => self.raw.select_series(selection),
            Kept::Rolled(class) => self.rolled(class).select_series(selection),
        }
    }

    /// Raw points of a series after `from`, up to `to`, each time once.
    pub(super) fn points(&self, metric: &str, labels: &[Label], from: i64, to: i64) -> tsink::Result<Vec<DataPoint>> {
        let mut points = select(&self.raw, metric, labels, from, to)?;
        once(&mut points);
        Ok(points)
    }

    /// Records of a series, of whole buckets: when each was written, its bytes, and what they say.
    pub(super) fn records(
        &self,
        class: Class,
        metric: &str,
        labels: &[Label],
        (from, to): (i64, i64),
    ) -> tsink::Result<Vec<(i64, Vec<u8>, Rollup)>> {
        let mut points = select(self.rolled(class), metric, labels, from, to)?;
        once(&mut points);
        // A record that was made again has a later time in the same bucket, and stands for all before it.
        points.reverse();
        points.dedup_by_key(|point| class.bucket(point.timestamp));
        points.reverse();
        points
            .into_iter()
            .map(|point| {
                let bytes = point.value.as_bytes().unwrap_or_default().to_vec();
                let start = class.bucket(point.timestamp).saturating_mul(class.width());
                let rollup = record::decode(&bytes, start).ok_or_else(|| {
                    TsinkError::Other(format!("a roll-up of {metric} cannot be read; its store may be damaged"))
                })?;
                Ok((point.timestamp, bytes, rollup))
            })
            .collect()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// Whoever works on and on stops soon.
    pub(super) fn stop(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }

    pub(super) fn close(&self) -> Result<(), MetricsError> {
        let ended: Vec<_> = self.all().map(|(_, storage)| storage.close()).collect();
        ended.into_iter().collect::<tsink::Result<()>>().map_err(|error| wrong("close the metrics", &error))
    }
}

/// The begin of the day in which the oldest of what is kept lies: the stores keep a little more than they must.
fn since(now: Timestamp, kept: [Duration; 4]) -> Since {
    let day = |time: Duration| {
        let micros = i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
        now.0.saturating_sub(micros).div_euclid(DAY_MICROS).max(0)
    };
    let [raw, rolled @ ..] = kept.map(day);
    Since { raw, rolled }
}

fn select(
    storage: &Arc<dyn Storage>,
    metric: &str,
    labels: &[Label],
    from: i64,
    to: i64,
) -> tsink::Result<Vec<DataPoint>> {
    match storage.select(metric, labels, from.saturating_add(1), to.saturating_add(1)) {
        Err(TsinkError::NoDataPoints { .. }) => Ok(Vec::new()),
        other => other,
    }
}

/// Sorted, and of points of the same time the one that comes last.
fn once(points: &mut Vec<DataPoint>) {
    points.sort_by_key(|point| point.timestamp);
    points.reverse();
    points.dedup_by_key(|point| point.timestamp);
    points.reverse();
}
