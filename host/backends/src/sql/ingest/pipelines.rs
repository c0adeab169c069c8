//! Runs and jobs.

use super::docs::Row;
use super::{Batch, json};
use crate::sql::error::Error;
use crate::sql::query::Values;
use crate::sql::words;
use opssight_core::id::{ConnectionId, JobId, RunId};
use opssight_core::pipelines::{Job, JobDoc, Run, RunDoc};
use opssight_core::time::Timestamp;
use opssight_core::vocabulary::{Job as SeenJob, PipelineRun as SeenRun, RunResult, RunState};
use serde_json::json;

pub(super) fn run_id(connection: &ConnectionId, seen: &SeenRun) -> String {
    RunId::of(connection, &seen.id, seen.attempt).0
}

pub(super) fn job_id(connection: &ConnectionId, seen: &SeenJob) -> String {
    JobId::of(connection, &seen.id).0
}

pub(super) struct RunRow {
    run: Run,
    search: String,
    doc: String,
}

impl Row for RunRow {
    const INSERT: &'static str = "INSERT INTO runs (id, connection, upstream_id, attempt, service, pipeline, branch, \
        commit_id, cause, actor, state, result, created_at, started_at, finished_at, sort_at, search, doc)";
    const UPDATE: &'static str = "ON CONFLICT (id) DO UPDATE SET service = excluded.service, \
        pipeline = excluded.pipeline, branch = excluded.branch, commit_id = excluded.commit_id, \
        cause = excluded.cause, actor = excluded.actor, state = excluded.state, result = excluded.result, \
        created_at = excluded.created_at, started_at = excluded.started_at, finished_at = excluded.finished_at, \
        sort_at = excluded.sort_at, search = excluded.search, doc = excluded.doc";

    fn bind(self, id: String, connection: &str, row: &mut Values<'_>) {
        let run = self.run;
        // A start that is reported before anything works is only when the run was asked for.
        let began = if run.state >= RunState::Running { run.started_at } else { None };
        let sort_at = run.sort_at().0;
        row.push_bind(id).push_bind(connection.to_owned()).push_bind(run.upstream_id);
        row.push_bind(i64::from(run.attempt)).push_bind(run.service).push_bind(run.pipeline);
        row.push_bind(run.branch).push_bind(run.commit).push_bind(run.trigger).push_bind(run.actor);
        row.push_bind(words::run_state(run.state)).push_bind(run.result.map(RunResult::as_str));
        row.push_bind(run.created_at.map(|at| at.0)).push_bind(began.map(|at| at.0));
        row.push_bind(run.finished_at.map(|at| at.0)).push_bind(sort_at);
        row.push_bind(self.search).push_bind(self.doc);
    }
}

/// What people search a run by, in one lower-case line.
fn search_text(run: &Run) -> String {
    let number = run.number.map(|number| format!("#{number}"));
    let parts = [
        run.title.as_deref(),
        Some(run.service.as_str()),
        run.pipeline.as_deref(),
        run.branch.as_deref(),
        run.commit.as_deref(),
        number.as_deref(),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ").to_lowercase()
}

pub(super) struct JobRow {
    job: Job,
    doc: String,
}

impl Row for JobRow {
    const INSERT: &'static str =
        "INSERT INTO jobs (id, run, name, state, result, started_at, finished_at, sort_at, doc)";
    const UPDATE: &'static str = "ON CONFLICT (id) DO UPDATE SET run = excluded.run, name = excluded.name, \
        state = excluded.state, result = excluded.result, started_at = excluded.started_at, \
        finished_at = excluded.finished_at, sort_at = excluded.sort_at, doc = excluded.doc";

    fn bind(self, id: String, _: &str, row: &mut Values<'_>) {
        let job = self.job;
        let sort_at = job.created_at.or(job.started_at).or(job.finished_at).unwrap_or_default();
        row.push_bind(id).push_bind(job.run.0).push_bind(job.name);
        row.push_bind(words::run_state(job.state)).push_bind(job.result.map(RunResult::as_str));
        row.push_bind(job.started_at.map(|at| at.0)).push_bind(job.finished_at.map(|at| at.0));
        row.push_bind(sort_at.0).push_bind(self.doc);
    }
}

impl Batch<'_> {
    pub(super) fn learn_run(&mut self, id: &str, seen: &SeenRun, at: Timestamp) -> Result<bool, Error> {
        let Some(doc) = self.runs.learn(id, RunDoc::default, |doc| doc.learn(seen, at)) else { return Ok(false) };
        let run = doc.view(self.connection);
        let doc = json(doc)?;
        let data = json!({
            "service": run.service, "pipeline": run.pipeline, "number": run.number, "attempt": run.attempt,
            "branch": run.branch, "state": words::run_state(run.state), "result": run.result.map(RunResult::as_str),
        });
        self.event(run.event_type(), id, &data);
        self.runs.keep(id, RunRow { search: search_text(&run), run, doc });
        Ok(true)
    }

    pub(super) fn learn_job(&mut self, id: &str, seen: &SeenJob, at: Timestamp) -> Result<bool, Error> {
        let Some(doc) = self.jobs.learn(id, JobDoc::default, |doc| doc.learn(seen, at)) else { return Ok(false) };
        let job = doc.view(self.connection);
        let doc = json(doc)?;
        let data = json!({
            "run": job.run, "service": seen.service, "name": job.name, "state": words::run_state(job.state),
            "result": job.result.map(RunResult::as_str),
        });
        self.event(job.event_type(), id, &data);
        self.jobs.keep(id, JobRow { job, doc });
        Ok(true)
    }
}
