//! The producer of the pipelines' points: it follows the event log with a place of its own, which moves only after the
//! points are durable. After a crash the same events give the same points at the same times again, which changes
//! nothing.

use super::{MetricsError, SeriesStore, samples_of_run};
use crate::error::StoreError;
use crate::events::{Event, EventLog, Places};
use crate::id::RunId;
use crate::pipelines::RunStore;
use crate::time::Clock;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Its name among the subscribers of the log.
const SUBSCRIBER: &str = "metrics";
/// Events taken in at once.
const BATCH: u32 = 500;

/// Follows the log.
#[derive(Clone)]
pub struct Producer {
    /// What happened.
    pub events: Arc<dyn EventLog>,
    /// How far it is.
    pub places: Arc<dyn Places>,
    /// Runs and their jobs.
    pub runs: Arc<dyn RunStore>,
    /// Where points go.
    pub metrics: Arc<dyn SeriesStore>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// How long points are kept, seconds. What is older is not told.
    pub kept_secs: i64,
}

/// How much was taken in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Followed {
    /// Events.
    pub events: usize,
    /// Points written.
    pub points: usize,
    /// Points that may not be kept, and never will be.
    pub refused: usize,
}

/// Why the producer cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// The log or the runs cannot be read.
    #[error("follow the event log")]
    Store(#[from] StoreError),
    /// The points cannot be kept now.
    #[error("say what happened as points")]
    Metrics(#[from] MetricsError),
}

impl Producer {
    /// Take in what is new, up to a few hundred events; call again while there was something.
    pub async fn follow(&self) -> Result<Followed, FollowError> {
        let place = self.places.place(SUBSCRIBER).await?;
        let events = self.events.after(place, BATCH).await?;
        let Some(last) = events.last().map(|event| event.seq) else { return Ok(Followed::default()) };
        let mut followed = Followed { events: events.len(), ..Followed::default() };
        let now = self.clock.now();
        let oldest = now.plus_secs(-self.kept_secs);
        let mut samples = Vec::new();
        for run in runs_of(&events) {
            // Retention may have taken it since.
            let Some(detail) = self.runs.run(&run).await? else { continue };
            for sample in samples_of_run(&detail) {
                match sample.admit(oldest, now) {
                    Ok(()) => samples.push(sample),
                    Err(_) => followed.refused += 1,
                }
            }
        }
        let (points, refused) = self.write(samples).await?;
        (followed.points, followed.refused) = (points, followed.refused + refused);
        self.places.advance(SUBSCRIBER, last).await?;
        Ok(followed)
    }

    /// Write them; where the store refuses the lot for good, one by one, so that one bad point takes no other with it.
    async fn write(&self, samples: Vec<super::Sample>) -> Result<(usize, usize), MetricsError> {
        let count = samples.len();
        if count == 0 {
            return Ok((0, 0));
        }
        match self.metrics.write(samples.clone()).await {
            Ok(()) => return Ok((count, 0)),
            Err(error) if error.may_pass() => return Err(error),
            Err(_) => {}
        }
        let mut refused = 0;
        for sample in samples {
            match self.metrics.write(vec![sample]).await {
                Ok(()) => {}
                Err(error) if error.may_pass() => return Err(error),
                Err(_) => refused += 1,
            }
        }
        Ok((count - refused, refused))
    }
}

/// The runs that ended, or of which a job did.
fn runs_of(events: &[Event]) -> BTreeSet<RunId> {
    let run = |event: &Event| match event.kind.as_str() {
        kind if kind.starts_with("dev.cdevents.pipelinerun.finished.") => Some(RunId(event.subject.clone())),
        kind if kind.starts_with("dev.cdevents.taskrun.finished.") => {
            Some(RunId(event.data.get("run")?.as_str()?.to_owned()))
        }
        _ => None,
    };
    events.iter().filter_map(run).collect()
}

#[cfg(test)]
mod tests;
