//! Series in the data folder, kept by `tsink` in this process.
//!
//! Its calls block, so that all of them run on threads for blocking work: one writes, a few read. A write returns after
//! its log was flushed to the disk. The crate is young: nothing of it is seen outside of this folder, and what it gets
//! wrong is put right in [`view`].

mod evaluate;
mod open;
mod position;
mod selectors;
mod view;

pub(super) use selectors::matchers as parse_selector;

use super::names;
use async_trait::async_trait;
use opssight_core::metrics::{
    Answer, InstantQuery, LabelsQuery, MetricsError, RangeQuery, Sample, Series, SeriesQuery, SeriesStore, Window,
};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tsink::{DataPoint, Label, MetricSeries, Row, SeriesSelection, Storage, TsinkError};

/// Expressions that are worked out at once; each may take a processor.
const READERS: u32 = 4;

/// How long those who read may go on when the store is to be closed.
const CLOSING: Duration = Duration::from_secs(5);

/// How an embedded store is kept.
#[derive(Debug, Clone)]
pub struct EmbeddedOptions {
    /// How long points are kept.
    pub raw: Duration,
    /// What points may take in memory until they are packed, bytes.
    pub memory: usize,
    /// How long an expression may take.
    pub patience: Duration,
}

impl Default for EmbeddedOptions {
    fn default() -> Self {
        Self { raw: Duration::from_secs(90 * 86_400), memory: 256 << 20, patience: Duration::from_secs(30) }
    }
}

/// A store of series in a folder, for one process.
pub struct EmbeddedSeries {
    storage: Arc<dyn Storage>,
    readers: Arc<Semaphore>,
    patience: Duration,
}

impl EmbeddedSeries {
    /// Open the store of a folder, or make one. What was acknowledged before a crash is there.
    pub async fn open(folder: &Path, options: EmbeddedOptions) -> Result<Self, MetricsError> {
        let (folder, patience) = (folder.to_owned(), options.patience);
        let storage = blocking(move || open::open(&folder, &options)).await?;
        Ok(Self { storage, readers: Arc::new(Semaphore::new(READERS as usize)), patience })
    }

    /// Read on a thread for blocking work, when it is this reader's turn.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(Arc<dyn Storage>) -> Result<T, MetricsError> + Send + 'static,
    ) -> Result<T, MetricsError> {
        let turn = Arc::clone(&self.readers).acquire_owned().await.map_err(|_| closed())?;
        let storage = Arc::clone(&self.storage);
        blocking(move || {
            let _turn = turn;
            read(storage)
        })
        .await
    }
}

#[async_trait]
impl SeriesStore for EmbeddedSeries {
    async fn write(&self, samples: Vec<Sample>) -> Result<(), MetricsError> {
        let storage = Arc::clone(&self.storage);
        blocking(move || {
            let rows: Vec<Row> = samples.iter().map(row).collect();
            storage.insert_rows(&rows).map_err(|error| wrong("keep the points", &error))
        })
        .await
    }

    async fn query(&self, query: &InstantQuery) -> Result<Answer, MetricsError> {
        let (query, patience) = (query.clone(), self.patience);
        self.read(move |storage| evaluate::instant(storage, &query, patience)).await
    }

    async fn query_range(&self, query: &RangeQuery) -> Result<Answer, MetricsError> {
        query.steps()?;
        let (query, patience) = (query.clone(), self.patience);
        self.read(move |storage| evaluate::range(storage, &query, patience)).await
    }

    async fn series(&self, query: &SeriesQuery) -> Result<Vec<Series>, MetricsError> {
        let query = query.clone();
        self.read(move |storage| {
            let found = select(&storage, Some(&query.selector), query.window)?;
            let mut found: Vec<Series> = found.iter().filter_map(ours).collect();
            found.sort_unstable();
            found.truncate(query.limit);
            Ok(found)
        })
        .await
    }

    async fn labels(&self, query: &LabelsQuery) -> Result<Vec<String>, MetricsError> {
        let query = query.clone();
        self.read(move |storage| {
            let found = select(&storage, query.selector.as_deref(), query.window)?;
            Ok(names(found.iter().filter_map(ours), &query))
        })
        .await
    }

    async fn close(&self) {
        // No reader may hold the folder any more when the next process opens it. Whoever comes later waits behind this,
        // and is told that the store is closed.
        let turns = tokio::time::timeout(CLOSING, self.readers.acquire_many(READERS)).await;
        if turns.is_err() {
            tracing::warn!("the metrics are closed while an expression is still worked out");
        }
        self.readers.close();
        drop(turns);
        let storage = Arc::clone(&self.storage);
        let ended = blocking(move || storage.close().map_err(|error| wrong("close the metrics", &error))).await;
        if let Err(error) = ended {
            tracing::warn!(%error, "the metrics' log is read again at the next start");
        }
    }
}

fn select(
    storage: &Arc<dyn Storage>,
    selector: Option<&str>,
    window: Window,
) -> Result<Vec<MetricSeries>, MetricsError> {
    let selection = match selector {
        Some(selector) => selectors::selection(selector)?,
        None => SeriesSelection::new(),
    };
    let selection = selection.with_time_range(window.start.0, window.end.0.saturating_add(1));
    storage.select_series(&selection).map_err(|error| wrong("list the series", &error))
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
