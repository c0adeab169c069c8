//! A job of a run: how observations of it add up.

use super::run::derived;
use crate::fact::{Known, clean, clean_option, clean_url};
use crate::id::{ConnectionId, JobId, RunId};
use crate::time::Timestamp;
use opssight_items::{Job as Seen, JobStep, RunResult, RunState};
use serde::{Deserialize, Serialize};

/// Everything ever learnt about one job, as it is stored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct JobDoc {
    upstream_id: String,
    run_upstream_id: String,
    run_attempt: u32,
    state: Option<RunState>,
    name: Known<String>,
    url: Known<String>,
    result: Known<RunResult>,
    created_at: Known<Timestamp>,
    started_at: Known<Timestamp>,
    finished_at: Known<Timestamp>,
    runner: Known<String>,
    labels: Known<Vec<String>>,
    steps: Known<(u64, Vec<JobStep>)>,
}

/// What is known now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Our id.
    pub id: JobId,
    /// The attempt of the run it belongs to.
    pub run: RunId,
    /// Upstream id.
    pub upstream_id: String,
    /// Name.
    pub name: String,
    /// Stage of life.
    pub state: RunState,
    /// Its page upstream.
    pub url: Option<String>,
    /// How it ended.
    pub result: Option<RunResult>,
    /// Asked for.
    pub created_at: Option<Timestamp>,
    /// A runner took it.
    pub started_at: Option<Timestamp>,
    /// Over.
    pub finished_at: Option<Timestamp>,
    /// The runner.
    pub runner: Option<String>,
    /// What it asks of a runner.
    pub labels: Vec<String>,
    /// Its steps.
    pub steps: Vec<Step>,
}

/// A step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// From 1.
    pub number: u32,
    /// Name.
    pub name: String,
    /// Stage of life.
    pub state: RunState,
    /// How it ended.
    pub result: Option<RunResult>,
    /// Began.
    pub started_at: Option<Timestamp>,
    /// Over.
    pub finished_at: Option<Timestamp>,
}

impl JobId {
    /// See [`RunId::of`].
    pub fn of(connection: &ConnectionId, upstream_id: &str) -> JobId {
        JobId(derived("job", &[connection.as_str(), upstream_id]))
    }
}

impl JobDoc {
    /// Take in one observation.
    pub fn learn(&mut self, seen: &Seen, at: Timestamp) {
        self.upstream_id.clone_from(&seen.id);
        // A job never moves to another run; if a plugin says so, the later attempt is meant.
        if (seen.run_attempt, &seen.run_id) > (self.run_attempt, &self.run_upstream_id) {
            self.run_attempt = seen.run_attempt;
            self.run_upstream_id.clone_from(&seen.run_id);
        }
        self.state = self.state.max(seen.state);
        self.name.learn(clean_option(seen.name.as_ref()), at);
        self.url.learn(clean_url(seen.url.as_ref()), at);
        if seen.state == Some(RunState::Finished) {
            self.result.learn(seen.result, at);
            self.finished_at.learn(seen.finished_at.map(Timestamp::from_millis), at);
        }
        self.created_at.learn(seen.created_at.map(Timestamp::from_millis), at);
        // Until a runner takes a job, upstreams report a start that is only its creation.
        if seen.state >= Some(RunState::Running) {
            self.started_at.learn(seen.started_at.map(Timestamp::from_millis), at);
        }
        self.runner.learn(clean_option(seen.runner.as_ref()), at);
        let labels: Vec<String> = seen.labels.iter().map(|label| clean(label)).collect();
        self.labels.learn(Some(labels).filter(|labels| !labels.is_empty()), at);
        self.steps.learn(seen.steps.as_ref().map(|steps| (progress(steps), steps.clone())), at);
    }

    /// Which attempt of which run.
    pub fn run(&self, connection: &ConnectionId) -> RunId {
        RunId::of(connection, &self.run_upstream_id, self.run_attempt)
    }

    /// What is known now.
    pub fn view(&self, connection: &ConnectionId) -> Job {
        Job {
            id: JobId::of(connection, &self.upstream_id),
            run: self.run(connection),
            upstream_id: self.upstream_id.clone(),
            name: self.name.cloned().unwrap_or_else(|| self.upstream_id.clone()),
            state: self.state.unwrap_or(RunState::Queued),
            url: self.url.cloned(),
            result: self.result.cloned(),
            created_at: self.created_at.cloned(),
            started_at: self.started_at.cloned(),
            finished_at: self.finished_at.cloned(),
            runner: self.runner.cloned(),
            labels: self.labels.cloned().unwrap_or_default(),
            steps: self.steps.get().map(|(_, steps)| steps.iter().map(Step::of).collect()).unwrap_or_default(),
        }
    }
}

/// Two lists of steps from the same second are ordered by how far they got.
fn progress(steps: &[JobStep]) -> u64 {
    steps.iter().map(|step| step.state as u64).sum::<u64>() + steps.len() as u64
}

impl Step {
    fn of(step: &JobStep) -> Step {
        Step {
            number: step.number,
            name: clean(&step.name),
            state: step.state,
            result: step.result,
            started_at: step.started_at.map(Timestamp::from_millis),
            finished_at: step.finished_at.map(Timestamp::from_millis),
        }
    }
}

impl Job {
    /// How the event type of one that ended begins, in whatever version.
    pub const FINISHED: &str = "dev.cdevents.taskrun.finished.";

    /// Waiting for a runner, microseconds.
    pub fn queue_micros(&self) -> Option<i64> {
        Some(self.started_at?.since(self.created_at?).max(0))
    }

    /// Working, microseconds.
    pub fn execution_micros(&self) -> Option<i64> {
        Some(self.finished_at?.since(self.started_at?).max(0))
    }

    /// CDEvents' word for the stage that it is in; it has none for a queued task.
    pub fn event_type(&self) -> &'static str {
        match self.state {
            RunState::Queued | RunState::Waiting => "dev.opssight.taskrun.queued.0.1.0",
            RunState::Running => "dev.cdevents.taskrun.started.0.3.0",
            RunState::Finished => "dev.cdevents.taskrun.finished.0.3.0",
        }
    }
}
