//! Check suites and check runs: how other CI systems report to GitHub. A suite is a run, its check runs are its jobs.
//! GitHub Actions reports its own work here a second time; that is left to `workflow_run` and `workflow_job`.

use super::runs::{result, state};
use super::value::{List, Numbered, Text, When, numbers};
use super::{Context, Repository, need, owned, read, service};
use opssight_plugin::items::{Job, PipelineRun, RunState};
use opssight_plugin::{Failure, Item, Reception};
use serde::Deserialize;

#[derive(Deserialize)]
struct SuitePayload<'a> {
    #[serde(borrow)]
    check_suite: Option<Suite<'a>>,
    #[serde(borrow)]
    repository: Option<Repository<'a>>,
}

#[derive(Deserialize)]
struct RunPayload<'a> {
    #[serde(borrow)]
    check_run: Option<Run<'a>>,
    #[serde(borrow)]
    repository: Option<Repository<'a>>,
}

#[derive(Deserialize)]
struct Suite<'a> {
    id: Option<u64>,
    #[serde(borrow)]
    app: Option<App<'a>>,
    #[serde(borrow)]
    head_branch: Option<Text<'a>>,
    #[serde(borrow)]
    head_sha: Option<Text<'a>>,
    #[serde(borrow)]
    status: Option<Text<'a>>,
    #[serde(borrow)]
    conclusion: Option<Text<'a>>,
    #[serde(default)]
    pull_requests: List<Numbered>,
    #[serde(default)]
    created_at: When,
    #[serde(default)]
    updated_at: When,
}

#[derive(Deserialize)]
struct Run<'a> {
    id: Option<u64>,
    #[serde(borrow)]
    app: Option<App<'a>>,
    #[serde(borrow)]
    check_suite: Option<Suite<'a>>,
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(borrow)]
    details_url: Option<Text<'a>>,
    #[serde(borrow)]
    html_url: Option<Text<'a>>,
    #[serde(borrow)]
    head_sha: Option<Text<'a>>,
    #[serde(borrow)]
    status: Option<Text<'a>>,
    #[serde(borrow)]
    conclusion: Option<Text<'a>>,
    #[serde(default)]
    started_at: When,
    #[serde(default)]
    completed_at: When,
}

#[derive(Deserialize)]
struct App<'a> {
    #[serde(borrow)]
    slug: Option<Text<'a>>,
    #[serde(borrow)]
    name: Option<Text<'a>>,
}

pub(super) fn suite(body: &[u8], context: &Context) -> Result<Reception, Failure> {
    const EVENT: &str = "check_suite";
    let payload: SuitePayload<'_> = read(EVENT, body)?;
    let suite = need(EVENT, "check_suite", payload.check_suite)?;
    if is_actions(suite.app.as_ref()) {
        return Ok(told_by("check suite", "workflow_run"));
    }
    let id = need(EVENT, "check_suite.id", suite.id)?;
    let service = service(EVENT, payload.repository)?;
    let at = suite.updated_at.0.or(suite.created_at.0).unwrap_or(context.received_at);
    Ok(Reception::of([suite.item(id, &service, suite.app.as_ref(), at)]))
}

pub(super) fn run(body: &[u8], context: &Context) -> Result<Reception, Failure> {
    const EVENT: &str = "check_run";
    let payload: RunPayload<'_> = read(EVENT, body)?;
    let run = need(EVENT, "check_run", payload.check_run)?;
    let app = run.app.as_ref().or_else(|| run.check_suite.as_ref()?.app.as_ref());
    if is_actions(app) {
        return Ok(told_by("check run", "workflow_job"));
    }
    let id = need(EVENT, "check_run.id", run.id)?;
    let suite = need(EVENT, "check_run.check_suite", run.check_suite.as_ref())?;
    let suite_id = need(EVENT, "check_run.check_suite.id", suite.id)?;
    let service = service(EVENT, payload.repository)?;
    let state = state(run.status.as_ref());
    let url = owned(run.details_url.as_ref()).or_else(|| owned(run.html_url.as_ref()));
    let job = Job {
        id: format!("check-run:{id}"),
        run_id: format!("check-suite:{suite_id}"),
        run_attempt: 1,
        service: service.as_ref().to_owned(),
        name: owned(run.name.as_ref()),
        url: url.clone(),
        state,
        result: result(run.conclusion.as_ref()),
        created_at: None,
        started_at: if state == Some(RunState::Queued) { None } else { run.started_at.0 },
        finished_at: run.completed_at.0,
        ..Job::default()
    };
    let at = run.completed_at.max(run.started_at).0.unwrap_or(context.received_at);
    let title = job.name.clone().unwrap_or_else(|| job.id.clone());
    let item = Item::of(&job, job.id.clone(), at, title).maybe_url(url);
    // The suite inside a check run is as old as the suite, not as the check: it must not win over a later one.
    let suite_at = suite.updated_at.0.or(suite.created_at.0).unwrap_or(at);
    let mut suite_item = suite.item(suite_id, &service, app, suite_at);
    if suite.head_sha.is_none()
        && let (Some(commit), Some(mut run)) = (owned(run.head_sha.as_ref()), suite_item.payload_as::<PipelineRun>())
    {
        run.commit = Some(commit);
        suite_item = Item::of(&run, suite_item.id, suite_at, suite_item.title);
    }
    Ok(Reception::of([suite_item, item]))
}

impl Suite<'_> {
    fn item(&self, id: u64, service: &str, app: Option<&App<'_>>, at: i64) -> Item {
        let state = state(self.status.as_ref());
        let run = PipelineRun {
            id: format!("check-suite:{id}"),
            attempt: 1,
            service: service.to_owned(),
            pipeline: app.and_then(|app| owned(app.name.as_ref())),
            pipeline_id: app.and_then(|app| owned(app.slug.as_ref())),
            state,
            result: result(self.conclusion.as_ref()),
            branch: owned(self.head_branch.as_ref()),
            commit: owned(self.head_sha.as_ref()),
            changes: numbers(&self.pull_requests),
            created_at: self.created_at.0,
            finished_at: if state == Some(RunState::Finished) { self.updated_at.0 } else { None },
            ..PipelineRun::default()
        };
        let title = run.pipeline.clone().unwrap_or_else(|| run.id.clone());
        Item::of(&run, format!("{}/1", run.id), at, title)
    }
}

fn is_actions(app: Option<&App<'_>>) -> bool {
    app.and_then(|app| app.slug.as_deref()) == Some("github-actions")
}

fn told_by(what: &str, event: &str) -> Reception {
    Reception::note(format!("this {what} is GitHub Actions' own, which {event} tells more about"))
}
