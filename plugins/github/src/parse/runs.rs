//! Workflow runs, from deliveries and from `GET /repos/{owner}/{repo}/actions/runs`, which have the same object.

use super::value::{List, Numbered, Text, User, When, login, numbers};
use super::{Repository, need, owned, read, service};
use opssight_plugin::items::{PipelineRun, RunResult, RunState};
use opssight_plugin::{Failure, Item, Reception};
use serde::Deserialize;

const EVENT: &str = "workflow_run";

#[derive(Deserialize)]
struct Payload<'a> {
    #[serde(borrow)]
    workflow_run: Option<Run<'a>>,
    #[serde(borrow)]
    repository: Option<Repository<'a>>,
}

/// One attempt of a workflow run.
#[derive(Debug, Deserialize)]
pub(crate) struct Run<'a> {
    pub(crate) id: Option<u64>,
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(borrow)]
    display_title: Option<Text<'a>>,
    #[serde(borrow)]
    head_branch: Option<Text<'a>>,
    #[serde(borrow)]
    head_sha: Option<Text<'a>>,
    #[serde(borrow)]
    head_commit: Option<HeadCommit<'a>>,
    run_number: Option<u64>,
    run_attempt: Option<u32>,
    #[serde(borrow)]
    event: Option<Text<'a>>,
    #[serde(borrow)]
    status: Option<Text<'a>>,
    #[serde(borrow)]
    conclusion: Option<Text<'a>>,
    workflow_id: Option<u64>,
    #[serde(borrow)]
    html_url: Option<Text<'a>>,
    #[serde(default)]
    pull_requests: List<Numbered>,
    #[serde(borrow)]
    actor: Option<User<'a>>,
    #[serde(borrow)]
    triggering_actor: Option<User<'a>>,
    #[serde(default)]
    pub(crate) created_at: When,
    #[serde(default)]
    pub(crate) updated_at: When,
    #[serde(default)]
    run_started_at: When,
}

#[derive(Debug, Deserialize)]
struct HeadCommit<'a> {
    #[serde(borrow)]
    message: Option<Text<'a>>,
}

pub(super) fn delivery(body: &[u8]) -> Result<Reception, Failure> {
    let payload: Payload<'_> = read(EVENT, body)?;
    let run = need(EVENT, "workflow_run", payload.workflow_run)?;
    let service = service(EVENT, payload.repository)?;
    Ok(Reception::of([run.item(EVENT, &service)?]))
}

impl Run<'_> {
    /// Servers from before reruns had numbers do not send one; all their runs are first attempts.
    pub(crate) fn attempt(&self) -> u32 {
        self.run_attempt.unwrap_or(1).max(1)
    }

    pub(crate) fn state(&self) -> Option<RunState> {
        state(self.status.as_ref())
    }

    pub(crate) fn result(&self) -> Option<RunResult> {
        result(self.conclusion.as_ref())
    }

    /// The name of the workflow, which one newest failure is interesting of.
    pub(crate) fn pipeline(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }

    pub(crate) fn item(&self, event: &str, service: &str) -> Result<Item, Failure> {
        let id = need(event, "workflow_run.id", self.id)?;
        let attempt = self.attempt();
        let state = self.state();
        // A rerun keeps the run's `created_at`; only `run_started_at` says when this attempt was asked for.
        let created_at = if attempt == 1 { self.created_at.0 } else { self.run_started_at.0 };
        let subject = self.head_commit.as_ref().and_then(|commit| commit.message.as_deref()?.lines().next());
        let title = self.display_title.as_deref().or(subject).map(str::to_owned);
        let run = PipelineRun {
            id: id.to_string(),
            attempt,
            service: service.to_owned(),
            pipeline: owned(self.name.as_ref()),
            pipeline_id: self.workflow_id.map(|id| id.to_string()),
            number: self.run_number,
            title,
            url: owned(self.html_url.as_ref()),
            state,
            result: self.result(),
            trigger: owned(self.event.as_ref()),
            branch: owned(self.head_branch.as_ref()),
            commit: owned(self.head_sha.as_ref()),
            actor: login(self.triggering_actor.as_ref().or(self.actor.as_ref())),
            changes: numbers(&self.pull_requests),
            created_at,
            started_at: self.run_started_at.0,
            finished_at: if state == Some(RunState::Finished) { self.updated_at.0 } else { None },
        };
        let at = self.updated_at.0.or(self.run_started_at.0).or(self.created_at.0).unwrap_or_default();
        let title = run.title.clone().or_else(|| run.pipeline.clone()).unwrap_or_else(|| run.id.clone());
        let url = run.url.clone();
        Ok(Item::of(&run, format!("{id}/{attempt}"), at, title).maybe_url(url))
    }
}

/// GitHub's `status` of runs, jobs, steps, check suites and check runs.
pub(super) fn state(status: Option<&Text<'_>>) -> Option<RunState> {
    match status?.as_ref() {
        "requested" | "queued" | "pending" => Some(RunState::Queued),
        "waiting" => Some(RunState::Waiting),
        "in_progress" => Some(RunState::Running),
        "completed" => Some(RunState::Finished),
        _ => None,
    }
}

/// GitHub's `conclusion` of the same. What a later GitHub may add is not known, not a failure.
pub(super) fn result(conclusion: Option<&Text<'_>>) -> Option<RunResult> {
    match conclusion?.as_ref() {
        "success" => Some(RunResult::Success),
        "failure" => Some(RunResult::Failure),
        "timed_out" => Some(RunResult::Timeout),
        // Stale: GitHub gave up on a check that nobody finished in two weeks.
        "cancelled" | "stale" => Some(RunResult::Cancellation),
        "skipped" => Some(RunResult::Skip),
        "neutral" => Some(RunResult::Neutral),
        "action_required" => Some(RunResult::ActionRequired),
        "startup_failure" => Some(RunResult::Error),
        _ => None,
    }
}
