//! What stands before every store of series: the rules for points, the limit on the number of series, and the queue
//! that makes few large writes of many small ones.
//!
//! A write returns when its points are durable. Nothing is dropped in silence: a point that may not be kept, or for which
//! there is no room, is an error of whoever wrote it, at once. What a remote store refuses for good is counted, logged,
//! and an error as well.

mod writer;

use async_trait::async_trait;
use opssight_core::metrics::{
    Answer, Census, InstantQuery, LabelsQuery, Limits, MetricsError, RangeQuery, Sample, Series, SeriesQuery,
    SeriesStore, Window,
};
use opssight_core::time::{Clock, Timestamp};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use writer::{Job, Writer};

/// How long what waits may still be written when the door is closed. The host has waited for whoever wrote already.
const CLOSING: Duration = Duration::from_secs(5);

/// The door of a store.
pub struct Gate {
    store: Arc<dyn SeriesStore>,
    clock: Arc<dyn Clock>,
    limits: Limits,
    kept_secs: i64,
    census: Mutex<Census>,
    waiting: Arc<AtomicUsize>,
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl Gate {
    /// Before this store, which keeps points for `kept_secs`. Must be made inside of a runtime.
    pub fn new(store: Arc<dyn SeriesStore>, clock: Arc<dyn Clock>, limits: Limits, kept_secs: i64) -> Self {
        // A job is at least one point, so the room for points is never less than that for jobs.
        let (sender, jobs) = mpsc::channel(limits.queue_points.max(1));
        let waiting = Arc::new(AtomicUsize::new(0));
        let writer = Writer { store: Arc::clone(&store), waiting: Arc::clone(&waiting) };
        Self {
            store,
            clock,
            limits,
            kept_secs,
            census: Mutex::default(),
            waiting,
            jobs: Mutex::new(Some(sender)),
            writer: Mutex::new(Some(tokio::spawn(writer.run(jobs)))),
        }
    }

    /// Count the series of these metrics that the store holds from before, once for each metric.
    async fn recall(&self, metrics: BTreeSet<&str>) -> Result<(), MetricsError> {
        for metric in metrics {
            if self.census().knows(metric) {
                continue;
            }
            let now = self.clock.now();
            let window = Window { start: now.plus_secs(-self.kept_secs).max(Timestamp(0)), end: now.plus_secs(86_400) };
            // One more than there may be is enough to know that there is no room.
            let limit = self.limits.series_per_metric.saturating_add(1);
            let query = SeriesQuery { selector: metric.to_owned(), window, limit };
            let held = self.store.series(&query).await.map_err(|error| uncounted(metric, error))?;
            self.census().recall(metric, &held);
        }
        Ok(())
    }

    fn census(&self) -> std::sync::MutexGuard<'_, Census> {
        self.census.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether these points may be kept: their numbers, their times, and how many series there would be.
    async fn let_in(&self, samples: &[Sample]) -> Result<(), MetricsError> {
        let now = self.clock.now();
        let oldest = now.plus_secs(-self.kept_secs);
        samples.iter().try_for_each(|sample| sample.admit(oldest, now))?;
        self.recall(samples.iter().map(|sample| sample.series.metric()).collect()).await?;
        self.census().admit(samples.iter().map(|sample| &sample.series), &self.limits)
    }

    /// Room for so many points more. More than there is ever room for go alone, when nothing else waits: refused, they
    /// would be refused for ever.
    fn reserve(&self, points: usize) -> Result<(), MetricsError> {
        let most = self.limits.queue_points;
        let fits = |waiting: usize| waiting.checked_add(points).filter(|all| waiting == 0 || *all <= most);
        let reserved = self.waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits);
        reserved.map(|_| ()).map_err(|waiting| overloaded(points, waiting))
    }

    fn send(&self, job: Job) -> Result<(), MetricsError> {
        let points = job.samples.len();
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let sent = match jobs.as_ref() {
            Some(jobs) => jobs.try_send(job).map_err(|error| refused_job(points, &error)),
            None => Err(closed()),
        };
        if sent.is_err() {
            self.waiting.fetch_sub(points, Ordering::Relaxed);
        }
        sent
    }
}

fn overloaded(points: usize, waiting: usize) -> MetricsError {
    metrics::counter!("opssight_metrics_points_total", "outcome" => "overloaded").increment(points as u64);
    MetricsError::Overloaded { points, waiting }
}

/// Without the series that the store holds there is no telling whether one more may be. Nothing is wrong with the points,
/// even where the store says so of the question: they wait.
fn uncounted(metric: &str, error: MetricsError) -> MetricsError {
    if error.may_pass() {
        return error;
    }
    let problem = format!("it does not tell which series of {metric} it holds: {error}");
    MetricsError::Unavailable { doing: "keep the points", place: "the store of the metrics".to_owned(), problem }
}

fn refused_job(points: usize, error: &TrySendError<Job>) -> MetricsError {
    match error {
        TrySendError::Full(_) => overloaded(points, points),
        TrySendError::Closed(_) => closed(),
    }
}

fn closed() -> MetricsError {
    let problem = "this host is being stopped".to_owned();
    MetricsError::Unavailable { doing: "keep the points", place: "the metrics".to_owned(), problem }
}

#[async_trait]
impl SeriesStore for Gate {
    async fn write(&self, samples: Vec<Sample>) -> Result<(), MetricsError> {
        if samples.is_empty() {
            return Ok(());
        }
        self.let_in(&samples).await.inspect_err(|error| writer::count(samples.len(), Err(error)))?;
        self.reserve(samples.len())?;
        let (done, ended) = oneshot::channel();
        self.send(Job { samples, done })?;
        ended.await.unwrap_or_else(|_| Err(closed()))
    }

    async fn query(&self, query: &InstantQuery) -> Result<Answer, MetricsError> {
        self.store.query(query).await
    }

    async fn query_range(&self, query: &RangeQuery) -> Result<Answer, MetricsError> {
        query.steps()?;
        self.store.query_range(query).await
    }

    async fn series(&self, query: &SeriesQuery) -> Result<Vec<Series>, MetricsError> {
        self.store.series(query).await
    }

    async fn labels(&self, query: &LabelsQuery) -> Result<Vec<String>, MetricsError> {
        self.store.labels(query).await
    }

    async fn close(&self) {
        // Without a sender the writer ends when it has written what waits.
        drop(self.jobs.lock().unwrap_or_else(PoisonError::into_inner).take());
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut writer) = writer {
            match tokio::time::timeout(CLOSING, &mut writer).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::error!(%error, "the writer of the metrics ended early"),
                Err(_) => {
                    // Whoever waits is told that its points are not kept, and writes them again one day.
                    writer.abort();
                    tracing::warn!("points still wait to be written; they are told again after the next start");
                }
            }
        }
        if tokio::time::timeout(2 * CLOSING, self.store.close()).await.is_err() {
            tracing::warn!("the store of the metrics takes too long to close; what it acknowledged is kept");
        }
    }
}
