//! A run: how observations of it add up.

use crate::fact::{Known, clean, clean_option, clean_url};
use crate::id::{ConnectionId, RunId};
use crate::time::Timestamp;
use opssight_items::{PipelineRun, RunResult, RunState};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Everything ever learnt about one attempt of one run, as it is stored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunDoc {
    upstream_id: String,
    attempt: u32,
    service: Known<String>,
    /// Life goes one way: the latest stage seen, whatever the order it was seen in.
    state: Option<RunState>,
    pipeline: Known<String>,
    number: Known<u64>,
    title: Known<String>,
    url: Known<String>,
    result: Known<RunResult>,
    trigger: Known<String>,
    branch: Known<String>,
    commit: Known<String>,
    actor: Known<String>,
    changes: Known<Vec<u64>>,
    created_at: Known<Timestamp>,
    started_at: Known<Timestamp>,
    finished_at: Known<Timestamp>,
}

/// What is known now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Our id.
    pub id: RunId,
    /// Seen through.
    pub connection: ConnectionId,
    /// The upstream's id.
    pub upstream_id: String,
    /// From 1.
    pub attempt: u32,
    /// "owner/name".
    pub service: String,
    /// Stage of life.
    pub state: RunState,
    /// Pipeline's name.
    pub pipeline: Option<String>,
    /// Number people quote.
    pub number: Option<u64>,
    /// What it is about.
    pub title: Option<String>,
    /// Its page upstream.
    pub url: Option<String>,
    /// How it ended.
    pub result: Option<RunResult>,
    /// What caused it.
    pub trigger: Option<String>,
    /// Branch or tag.
    pub branch: Option<String>,
    /// Commit.
    pub commit: Option<String>,
    /// Who caused it.
    pub actor: Option<String>,
    /// Changes it ran for.
    pub changes: Vec<u64>,
    /// Asked for.
    pub created_at: Option<Timestamp>,
    /// Began.
    pub started_at: Option<Timestamp>,
    /// Over.
    pub finished_at: Option<Timestamp>,
    /// The newest observation's moment.
    pub observed_at: Timestamp,
    /// Start of its first job, where jobs are known. The store fills this in.
    pub first_job_started_at: Option<Timestamp>,
}

impl RunId {
    /// The id of an attempt follows from what it is, so that every order of arrival gives the same one.
    pub fn of(connection: &ConnectionId, upstream_id: &str, attempt: u32) -> RunId {
        RunId(derived("run", &[connection.as_str(), upstream_id, &attempt.to_string()]))
    }
}

/// A short id that follows from its parts.
pub(crate) fn derived(prefix: &str, parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        // Length first, so that no two lists of parts run together to the same bytes.
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    let digest = hash.finalize();
    let hex: String = digest.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    format!("{prefix}_{hex}")
}

impl RunDoc {
    /// Take in one observation.
    pub fn learn(&mut self, seen: &PipelineRun, at: Timestamp) {
        self.upstream_id.clone_from(&seen.id);
        self.attempt = seen.attempt;
        self.service.learn(Some(clean(&seen.service)), at);
        self.state = self.state.max(seen.state);
        self.pipeline.learn(clean_option(seen.pipeline.as_ref()), at);
        self.number.learn(seen.number, at);
        self.title.learn(clean_option(seen.title.as_ref()), at);
        self.url.learn(clean_url(seen.url.as_ref()), at);
        if seen.state == Some(RunState::Finished) {
            self.result.learn(seen.result, at);
            self.finished_at.learn(seen.finished_at.map(Timestamp::from_millis), at);
        }
        self.trigger.learn(clean_option(seen.trigger.as_ref()), at);
        self.branch.learn(clean_option(seen.branch.as_ref()), at);
        self.commit.learn(clean_option(seen.commit.as_ref()), at);
        self.actor.learn(clean_option(seen.actor.as_ref()), at);
        let mut changes = seen.changes.clone();
        changes.sort_unstable();
        self.changes.learn(Some(changes).filter(|changes| !changes.is_empty()), at);
        self.created_at.learn(seen.created_at.map(Timestamp::from_millis), at);
        self.started_at.learn(seen.started_at.map(Timestamp::from_millis), at);
    }

    /// What is known now.
    pub fn view(&self, connection: &ConnectionId) -> Run {
        Run {
            id: RunId::of(connection, &self.upstream_id, self.attempt),
            connection: connection.clone(),
            upstream_id: self.upstream_id.clone(),
            attempt: self.attempt,
            service: self.service.cloned().unwrap_or_default(),
            state: self.state.unwrap_or(RunState::Queued),
            pipeline: self.pipeline.cloned(),
            number: self.number.cloned(),
            title: self.title.cloned(),
            url: self.url.cloned(),
            result: self.result.cloned(),
            trigger: self.trigger.cloned(),
            branch: self.branch.cloned(),
            commit: self.commit.cloned(),
            actor: self.actor.cloned(),
            changes: self.changes.cloned().unwrap_or_default(),
            created_at: self.created_at.cloned(),
            started_at: self.started_at.cloned(),
            finished_at: self.finished_at.cloned(),
            observed_at: self.service.at().unwrap_or_default(),
            first_job_started_at: None,
        }
    }
}

impl Run {
    /// How the event type of one that ended begins, in whatever version.
    pub const FINISHED: &str = "dev.cdevents.pipelinerun.finished.";

    /// When it took up work: its first job's start where jobs are known.
    pub fn work_started_at(&self) -> Option<Timestamp> {
        self.first_job_started_at.or(if self.state >= RunState::Running { self.started_at } else { None })
    }

    /// From asked for to work, microseconds. Clocks of different machines can disagree: never negative.
    pub fn queue_micros(&self) -> Option<i64> {
        Some(self.work_started_at()?.since(self.created_at?).max(0))
    }

    /// From work to the end, microseconds.
    pub fn execution_micros(&self) -> Option<i64> {
        Some(self.finished_at?.since(self.work_started_at()?).max(0))
    }

    /// The time by which lists are ordered. A run that is only known from one of its jobs has no time of its own yet.
    pub fn sort_at(&self) -> Timestamp {
        self.created_at.or(self.started_at).or(self.finished_at).unwrap_or(self.observed_at)
    }

    /// CDEvents' word for the stage that it is in.
    pub fn event_type(&self) -> &'static str {
        match self.state {
            RunState::Queued | RunState::Waiting => "dev.cdevents.pipelinerun.queued.0.3.0",
            RunState::Running => "dev.cdevents.pipelinerun.started.0.3.0",
            RunState::Finished => "dev.cdevents.pipelinerun.finished.0.3.0",
        }
    }
}
