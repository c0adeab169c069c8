//! The producer of the pipelines' points: a place outside, to which the event log is handed on. It takes events once
//! their points are durable. After a crash the same events give the same points at the same times again, which changes
//! nothing.

use super::pipelines::sample_of_job;
use super::{MetricsError, Sample, SeriesStore, samples_of_run};
use crate::events::{Event, EventSink, Handed, SinkError};
use crate::id::{JobId, RunId};
use crate::pipelines::{Job, Run, RunDetail, RunStore};
use crate::time::Clock;
use async_trait::async_trait;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Tells what pipelines did as points.
#[derive(Clone)]
pub struct Producer {
    /// Runs and their jobs.
    pub runs: Arc<dyn RunStore>,
    /// Where points go.
    pub metrics: Arc<dyn SeriesStore>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// How long points are kept, seconds. What is older is not told.
    pub kept_secs: i64,
    /// Who is told what was left out, so that somebody may mend it.
    pub left_out: Arc<dyn Fn(&LeftOut) + Send + Sync>,
}

/// Points that may not be kept, and never will be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// How many.
    pub points: usize,
    /// Why the first of them.
    pub why: String,
}

impl LeftOut {
    fn add(&mut self, error: &MetricsError) {
        if self.points == 0 {
            self.why = SinkError::of(error).to_string();
        }
        self.points += 1;
    }
}

#[async_trait]
impl EventSink for Producer {
    async fn hand_over(&self, events: &[Event]) -> Handed {
        match self.tell(events).await {
            Ok(left_out) => {
                if left_out.points > 0 {
                    (self.left_out)(&left_out);
                }
                Handed { kept: events.len(), failed: None }
            }
            Err(error) => Handed { kept: 0, failed: Some(error) },
        }
    }
}

impl Producer {
    async fn tell(&self, events: &[Event]) -> Result<LeftOut, SinkError> {
        let now = self.clock.now();
        let oldest = now.plus_secs(-self.kept_secs);
        let (mut runs, mut left_out) = (Vec::new(), LeftOut::default());
        for (run, ended) in runs_of(events) {
            // Retention may have taken it since.
            let Some(detail) = self.runs.run(&run).await.map_err(|error| SinkError::of(&error))? else { continue };
            let mut samples = ended.samples(&detail);
            samples.retain(|sample| match sample.admit(oldest, now) {
                Ok(()) => true,
                Err(error) => {
                    left_out.add(&error);
                    false
                }
            });
            runs.push(samples);
        }
        self.write(runs, &mut left_out).await?;
        Ok(left_out)
    }

    /// Write the points of all runs at once; where the store refuses the lot for good, run by run, and where it refuses a
    /// run's, one by one, so that one bad point takes no other with it.
    async fn write(&self, runs: Vec<Vec<Sample>>, left_out: &mut LeftOut) -> Result<(), SinkError> {
        if self.refusal(runs.concat()).await?.is_none() {
            return Ok(());
        }
        for samples in runs {
            if self.refusal(samples.clone()).await?.is_none() {
                continue;
            }
            for sample in samples {
                if let Some(error) = self.refusal(vec![sample]).await? {
                    left_out.add(&error);
                }
            }
        }
        Ok(())
    }

    /// Why the store never will keep these; none once they are durable. Fails where it may keep them later.
    async fn refusal(&self, samples: Vec<Sample>) -> Result<Option<MetricsError>, SinkError> {
        if samples.is_empty() {
            return Ok(None);
        }
        match self.metrics.write(samples).await {
            Ok(()) => Ok(None),
            Err(error) if error.may_pass() => Err(SinkError::of(&error)),
            Err(error) => Ok(Some(error)),
        }
    }
}

/// What ended of a run: the whole of it, or some of its jobs.
#[derive(Debug, Default, PartialEq, Eq)]
struct Ended {
    run: bool,
    jobs: BTreeSet<JobId>,
}

impl Ended {
    /// A run that ended tells all its jobs: some may have ended before anything was known of the run. After that, and
    /// while it goes on, each job tells itself only.
    fn samples(&self, detail: &RunDetail) -> Vec<Sample> {
        if self.run {
            return samples_of_run(detail);
        }
        let jobs = detail.jobs.iter().filter(|job| self.jobs.contains(&job.id));
        jobs.filter_map(|job| sample_of_job(&detail.run, job)).collect()
    }
}

/// The runs that ended, or of which a job did.
fn runs_of(events: &[Event]) -> BTreeMap<RunId, Ended> {
    let mut runs = BTreeMap::<RunId, Ended>::new();
    for event in events {
        if event.kind.starts_with(Run::FINISHED) {
            runs.entry(RunId(event.subject.clone())).or_default().run = true;
        } else if event.kind.starts_with(Job::FINISHED)
            && let Some(run) = event.data.get("run").and_then(|run| run.as_str())
        {
            runs.entry(RunId(run.to_owned())).or_default().jobs.insert(JobId(event.subject.clone()));
        }
    }
    runs
}

#[cfg(test)]
mod tests;
