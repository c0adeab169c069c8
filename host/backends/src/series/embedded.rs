//! Series in the data folder, kept by `tsink` in this process: raw points for a while, and roll-ups of them for longer.
//!
//! Its calls block, so that all of them run on threads for blocking work: one writes, a few read. A write returns after
//! its log was flushed to the disk. The crate is young: nothing of it is seen outside of this folder, and what it gets
//! wrong is put right in [`view`].

mod evaluate;
mod journal;
mod measure;
mod open;
mod pieces;
mod position;
mod record;
mod roller;
mod selectors;
mod stores;
mod view;
mod windows;

pub(super) use selectors::matchers as parse_selector;

use super::names;
use async_trait::async_trait;
use opssight_core::metrics::rollups::{Class, Kept};
use opssight_core::metrics::{
    Answer, InstantQuery, LabelsQuery, MetricsError, RangeQuery, Sample, Series, SeriesQuery, SeriesStore, Window,
};
use opssight_core::time::Clock;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;
use stores::Stores;
use tokio::sync::Semaphore;
use tokio::task::AbortHandle;
use tsink::{DataPoint, Label, MetricSeries, Row, SeriesSelection, TsinkError};

/// Expressions that are worked out at once; each may take a processor.
const READERS: u32 = 4;

/// How long those who read may go on when the store is to be closed.
const CLOSING: Duration = Duration::from_secs(5);

/// From one look for what is to be rolled up to the next.
const LOOKS: Duration = Duration::from_secs(60);

/// How an embedded store is kept.
#[derive(Debug, Clone)]
pub struct EmbeddedOptions {
    /// How long points are kept.
    pub raw: Duration,
    /// How long roll-ups are kept: of minutes, of hours, of days.
    pub rolled: [Duration; 3],
    /// What points may take in memory until they are packed, bytes. Roll-ups take less than half as much.
    pub memory: usize,
    /// How long an expression may take.
    pub patience: Duration,
}

impl Default for EmbeddedOptions {
    fn default() -> Self {
        let days = |days: u64| Duration::from_secs(days * 86_400);
        Self {
            raw: days(90),
            rolled: [days(180), days(730), days(3_650)],
            memory: 256 << 20,
            patience: Duration::from_secs(30),
        }
    }
}

/// A store of series in a folder, for one process.
pub struct EmbeddedSeries {
    stores: Arc<Stores>,
    clock: Arc<dyn Clock>,
    readers: Arc<Semaphore>,
    /// Roll-ups are made by one at a time.
    roller: Arc<Semaphore>,
    /// Looks for what is to be rolled up.
    looks: AbortHandle,
    patience: Duration,
}

impl EmbeddedSeries {
    /// Open the store of a folder, or make one. What was acknowledged before a crash is there. Must be called inside of a
    /// runtime: from now on it makes roll-ups of what is over.
    pub async fn open(folder: &Path, options: EmbeddedOptions, clock: Arc<dyn Clock>) -> Result<Self, MetricsError> {
        let (at, time, patience) = (folder.to_owned(), Arc::clone(&clock), options.patience);
        let stores = Arc::new(blocking(move || Stores::open(&at, &options, time.as_ref())).await?);
        let roller = Arc::new(Semaphore::new(1));
        let looks = look(folder.to_owned(), Arc::downgrade(&stores), Arc::clone(&clock), Arc::clone(&roller));
        let looks = tokio::spawn(looks).abort_handle();
        Ok(Self { stores, clock, readers: Arc::new(Semaphore::new(READERS as usize)), roller, looks, patience })
    }

    /// Roll up the hours and days that are over and were not yet, as happens every minute anyway. Answers with the number
    /// of records that were written.
    pub async fn roll_up(&self) -> Result<usize, MetricsError> {
        roll_up(Arc::clone(&self.stores), &self.clock, &self.roller).await
    }

    /// Read on a thread for blocking work, when it is this reader's turn.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(Arc<Stores>) -> Result<T, MetricsError> + Send + 'static,
    ) -> Result<T, MetricsError> {
        let turn = Arc::clone(&self.readers).acquire_owned().await.map_err(|_| closed())?;
        let stores = Arc::clone(&self.stores);
        blocking(move || {
            let _turn = turn;
            read(stores)
        })
        .await
    }
}

impl Drop for EmbeddedSeries {
    fn drop(&mut self) {
        self.stores.stop();
        self.looks.abort();
    }
}

/// Until the store is gone.
async fn look(folder: PathBuf, stores: Weak<Stores>, clock: Arc<dyn Clock>, roller: Arc<Semaphore>) {
    let mut ticks = tokio::time::interval(LOOKS);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(now) = stores.upgrade() else { return };
        if let Err(error) = roll_up(Arc::clone(&now), &clock, &roller).await {
            tracing::warn!(%error, "roll-ups of the metrics wait; questions are answered from the points until then");
        }
        let folder = folder.clone();
        let told = blocking(move || {
            measure::tell(&now, &folder);
            Ok(())
        });
        if told.await.is_err() {
            return;
        }
    }
}

async fn roll_up(stores: Arc<Stores>, clock: &Arc<dyn Clock>, roller: &Arc<Semaphore>) -> Result<usize, MetricsError> {
    let turn = Arc::clone(roller).acquire_owned().await.map_err(|_| closed())?;
    let now = clock.now();
    blocking(move || {
        let _turn = turn;
        roller::pass(&stores, now)
    })
    .await
}

#[async_trait]
impl SeriesStore for EmbeddedSeries {
    async fn write(&self, samples: Vec<Sample>) -> Result<(), MetricsError> {
        let stores = Arc::clone(&self.stores);
        blocking(move || {
            let _writing = stores.journal.mark(samples.iter().map(|sample| sample.point.at.0))?;
            let rows: Vec<Row> = samples.iter().map(row).collect();
            stores.insert(Kept::Raw, &rows).map_err(|error| wrong("keep the points", &error))
        })
        .await
    }

    async fn query(&self, query: &InstantQuery) -> Result<Answer, MetricsError> {
        let (query, patience) = (query.clone(), self.patience);
        self.read(move |stores| evaluate::instant(stores, &query, patience)).await
    }

    async fn query_range(&self, query: &RangeQuery) -> Result<Answer, MetricsError> {
        query.steps()?;
        let (query, patience) = (query.clone(), self.patience);
        self.read(move |stores| evaluate::range(stores, &query, patience)).await
    }

    async fn series(&self, query: &SeriesQuery) -> Result<Vec<Series>, MetricsError> {
        let query = query.clone();
        self.read(move |stores| {
            let found = select(&stores, Some(&query.selector), query.window)?;
            let mut found: Vec<Series> = found.iter().filter_map(ours).collect();
            found.sort_unstable();
            found.dedup();
            found.truncate(query.limit);
            Ok(found)
        })
        .await
    }

    async fn labels(&self, query: &LabelsQuery) -> Result<Vec<String>, MetricsError> {
        let query = query.clone();
        self.read(move |stores| {
            let found = select(&stores, query.selector.as_deref(), query.window)?;
            Ok(names(found.iter().filter_map(ours), &query))
        })
        .await
    }

    async fn close(&self) {
        self.stores.stop();
        self.looks.abort();
        // No reader may hold the folder any more when the next process opens it. Whoever comes later waits behind this,
        // and is told that the store is closed.
        let ended = async {
            let turns = self.readers.acquire_many(READERS).await;
            (turns, self.roller.acquire().await)
        };
        let turns = tokio::time::timeout(CLOSING, ended).await;
        if turns.is_err() {
            tracing::warn!("the metrics are closed while an expression is still worked out, or roll-ups are made");
        }
        self.readers.close();
        self.roller.close();
        drop(turns);
        let stores = Arc::clone(&self.stores);
        if let Err(error) = blocking(move || stores.close()).await {
            tracing::warn!(%error, "the metrics' log is read again at the next start");
        }
    }
}

/// Series with anything in a window. Those of which no raw point is kept any more have roll-ups.
fn select(stores: &Stores, selector: Option<&str>, window: Window) -> Result<Vec<MetricSeries>, MetricsError> {
    let selection = match selector {
        Some(selector) => selectors::selection(selector)?,
        None => SeriesSelection::new(),
    };
    let selection = selection.with_time_range(window.start.0, window.end.0.saturating_add(1));
    let held = stores.journal.held();
    let rolled = Class::ALL.into_iter().map(Kept::Rolled).filter(|_| window.start.0 < held.raw_since);
    let mut found = Vec::new();
    for kept in std::iter::once(Kept::Raw).chain(rolled) {
        let series = stores.series(kept, &selection);
        found.extend(series.map_err(|error| wrong("list the series", &error))?);
    }
    Ok(found)
}

fn row(sample: &Sample) -> Row {
    let labels = sample.series.labels().iter().map(|label| Label::new(&label.name, &label.value)).collect();
    Row::with_labels(sample.series.metric(), labels, DataPoint::new(sample.point.at.0, sample.point.value))
}

/// What is in the store was written by us; a name that breaks our rules is none of ours.
fn ours(series: &MetricSeries) -> Option<Series> {
    Series::new(&series.name, series.labels.iter().map(|label| (&label.name, &label.value))).ok()
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, MetricsError> + Send + 'static,
) -> Result<T, MetricsError> {
    // Blocking work ends in nothing only if it panics or the runtime goes down.
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        tracing::error!(%error, "the embedded metrics failed");
        Err(closed())
    })
}

fn closed() -> MetricsError {
    unavailable("use the metrics", "the store is closed".to_owned())
}

fn unavailable(doing: &'static str, problem: String) -> MetricsError {
    MetricsError::Unavailable { doing, place: "the metrics' folder".to_owned(), problem }
}

/// What goes wrong in the store itself is worth another try, except what the same points would do again.
fn wrong(doing: &'static str, error: &TsinkError) -> MetricsError {
    match error {
        TsinkError::OutOfRetention { .. }
        | TsinkError::InvalidLabel(_)
        | TsinkError::InvalidMetricName(_)
        | TsinkError::LateWritePartitionFanoutExceeded { .. }
        | TsinkError::ValueTypeMismatch { .. } => {
            MetricsError::Refused { place: "the metrics' folder".to_owned(), said: error.to_string() }
        }
        other => unavailable(doing, other.to_string()),
    }
}
