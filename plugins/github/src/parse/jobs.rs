//! Jobs of workflow runs, from deliveries and from `GET .../actions/runs/{id}/jobs`, which have the same object.

use super::runs::{result, state};
use super::value::{List, Text, When};
use super::{Context, Repository, need, owned, read, service};
use opssight_plugin::items::{Job as JobItem, JobStep, PipelineRun, RunState};
use opssight_plugin::{Failure, Item, Reception};
use serde::Deserialize;

const EVENT: &str = "workflow_job";

#[derive(Deserialize)]
struct Payload<'a> {
    #[serde(borrow)]
    workflow_job: Option<Job<'a>>,
    #[serde(borrow)]
    repository: Option<Repository<'a>>,
}

/// One job of one attempt.
#[derive(Debug, Deserialize)]
pub(crate) struct Job<'a> {
    id: Option<u64>,
    run_id: Option<u64>,
    run_attempt: Option<u32>,
    #[serde(borrow)]
    workflow_name: Option<Text<'a>>,
    #[serde(borrow)]
    head_branch: Option<Text<'a>>,
    #[serde(borrow)]
    head_sha: Option<Text<'a>>,
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(borrow)]
    status: Option<Text<'a>>,
    #[serde(borrow)]
    conclusion: Option<Text<'a>>,
    #[serde(borrow)]
    html_url: Option<Text<'a>>,
    #[serde(default)]
    created_at: When,
    #[serde(default)]
    started_at: When,
    #[serde(default)]
    completed_at: When,
    #[serde(borrow)]
    runner_name: Option<Text<'a>>,
    #[serde(borrow, default)]
    labels: List<Text<'a>>,
    #[serde(borrow)]
    steps: Option<List<Step<'a>>>,
}

#[derive(Debug, Deserialize)]
struct Step<'a> {
    number: Option<u32>,
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(borrow)]
    status: Option<Text<'a>>,
    #[serde(borrow)]
    conclusion: Option<Text<'a>>,
    #[serde(default)]
    started_at: When,
    #[serde(default)]
    completed_at: When,
}

pub(super) fn delivery(body: &[u8], context: &Context) -> Result<Reception, Failure> {
    let payload: Payload<'_> = read(EVENT, body)?;
    let job = need(EVENT, "workflow_job", payload.workflow_job)?;
    let service = service(EVENT, payload.repository)?;
    let item = job.item(EVENT, &service, context)?;
    // Deliveries come in any order. The run that a job belongs to is told along, with what is the same for its
    // whole life, so that a job never hangs in the air.
    let run = job.run(&service, item.at);
    Ok(Reception::of(run.into_iter().chain([item]).collect::<Vec<_>>()))
}

impl Job<'_> {
    fn attempt(&self) -> u32 {
        self.run_attempt.unwrap_or(1).max(1)
    }

    fn run(&self, service: &str, at: i64) -> Option<Item> {
        let id = self.run_id?;
        let attempt = self.attempt();
        let run = PipelineRun {
            id: id.to_string(),
            attempt,
            service: service.to_owned(),
            pipeline: owned(self.workflow_name.as_ref()),
            branch: owned(self.head_branch.as_ref()),
            commit: owned(self.head_sha.as_ref()),
            ..PipelineRun::default()
        };
        let title = run.pipeline.clone().unwrap_or_else(|| run.id.clone());
        Some(Item::of(&run, format!("{id}/{attempt}"), at, title))
    }

    pub(crate) fn item(&self, event: &str, service: &str, context: &Context) -> Result<Item, Failure> {
        let id = need(event, "workflow_job.id", self.id)?;
        let run_id = need(event, "workflow_job.run_id", self.run_id)?;
        let state = state(self.status.as_ref());
        // GitHub fills `started_at` of a job that still waits with the time at which it was asked for.
        let begun = matches!(state, Some(RunState::Running | RunState::Finished));
        let started_at = if begun { self.started_at.0 } else { None };
        let steps =
            self.steps.as_ref().map(|steps| steps.0.iter().zip(1..).map(|(step, place)| step.item(place)).collect());
        let job = JobItem {
            id: id.to_string(),
            run_id: run_id.to_string(),
            run_attempt: self.attempt(),
            service: service.to_owned(),
            name: owned(self.name.as_ref()),
            url: owned(self.html_url.as_ref()),
            state,
            result: result(self.conclusion.as_ref()),
            created_at: self.created_at.0,
            started_at,
            finished_at: self.completed_at.0,
            runner: owned(self.runner_name.as_ref()),
            labels: self.labels.0.iter().map(|label| label.as_ref().to_owned()).collect(),
            steps,
        };
        let at = self.newest().unwrap_or(context.received_at);
        let title = job.name.clone().unwrap_or_else(|| job.id.clone());
        let url = job.url.clone();
        Ok(Item::of(&job, job.id.clone(), at, title).maybe_url(url))
    }

    /// A job has no `updated_at`: the newest time in it says how fresh it is.
    fn newest(&self) -> Option<i64> {
        let steps = self.steps.iter().flat_map(|steps| &steps.0).map(|step| step.completed_at.max(step.started_at));
        [self.created_at, self.started_at, self.completed_at].into_iter().chain(steps).max().and_then(|when| when.0)
    }
}

impl Step<'_> {
    fn item(&self, place: u32) -> JobStep {
        let result = result(self.conclusion.as_ref());
        let unsaid = if result.is_some() { RunState::Finished } else { RunState::Queued };
        JobStep {
            number: self.number.unwrap_or(place),
            name: owned(self.name.as_ref()).unwrap_or_default(),
            state: state(self.status.as_ref()).unwrap_or(unsaid),
            result,
            started_at: self.started_at.0,
            finished_at: self.completed_at.0,
        }
    }
}
