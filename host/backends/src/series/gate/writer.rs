//! The task that writes: what waits together is written together.

use opssight_core::metrics::{MetricsError, Sample, SeriesStore};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::{mpsc, oneshot};

/// Points of one write.
const BATCH: usize = 10_000;

/// Points that somebody waits for.
pub(super) struct Job {
    pub(super) samples: Vec<Sample>,
    pub(super) done: oneshot::Sender<Result<(), MetricsError>>,
}

pub(super) struct Writer {
    pub(super) store: Arc<dyn SeriesStore>,
    pub(super) waiting: Arc<AtomicUsize>,
}

impl Writer {
    /// Until nobody can send any more.
    pub(super) async fn run(self, mut jobs: mpsc::Receiver<Job>) {
        let mut held = None;
        loop {
            let Some(first) = (match held.take() {
                Some(job) => Some(job),
                None => jobs.recv().await,
            }) else {
                return;
            };
            let mut points = first.samples.len();
            let mut batch = vec![first];
            while let Ok(next) = jobs.try_recv() {
                if points + next.samples.len() > BATCH {
                    held = Some(next);
                    break;
                }
                points += next.samples.len();
                batch.push(next);
            }
            self.write(batch).await;
        }
    }

    async fn write(&self, mut batch: Vec<Job>) {
        let samples: Vec<Sample> = match batch.as_mut_slice() {
            [only] => std::mem::take(&mut only.samples),
            many => many.iter().flat_map(|job| job.samples.iter().cloned()).collect(),
        };
        let points = samples.len();
        let written = self.store.write(samples).await;
        let alone = batch.len() == 1;
        for job in batch {
            let job_points = if alone { points } else { job.samples.len() };
            let ended = match &written {
                // Somebody's bad point must not take others' with it.
                Err(error) if !alone && !error.may_pass() => self.store.write(job.samples).await,
                ended => ended.clone(),
            };
            self.waiting.fetch_sub(job_points, Ordering::Relaxed);
            count(job_points, ended.as_ref().copied());
            // Whoever wrote may have gone away; its points are as they are.
            let _gone = job.done.send(ended);
        }
    }
}

/// How points ended, where whoever operates the host looks.
pub(super) fn count(points: usize, ended: Result<(), &MetricsError>) {
    let outcome = match ended {
        Ok(()) => "written",
        Err(error) if error.may_pass() => "failed",
        Err(error) => {
            tracing::warn!(points, %error, "points are refused for good");
            "refused"
        }
    };
    metrics::counter!("opssight_metrics_points_total", "outcome" => outcome).increment(points as u64);
}
