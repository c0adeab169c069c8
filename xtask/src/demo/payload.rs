//! Payloads made from recorded ones: the recorded payload is the template, and only what tells a story (ids, names,
//! times, states) is replaced. Everything else stays as GitHub sent it.

use super::Delivery;
use anyhow::{Context, Result};
use chrono::{DateTime, SecondsFormat};
use serde_json::{Value, json};

/// Seconds since the Unix epoch.
pub(super) type Seconds = i64;

/// Recorded payloads, as text.
pub(super) struct Templates {
    run: String,
    job: String,
    deployment: String,
    status: String,
    change: String,
}

/// A run of a workflow.
#[derive(Clone)]
pub(super) struct Run {
    pub(super) service: &'static str,
    pub(super) id: u64,
    pub(super) attempt: u32,
    pub(super) number: u64,
    pub(super) workflow: &'static str,
    pub(super) title: String,
    pub(super) trigger: &'static str,
    pub(super) branch: String,
    pub(super) commit: String,
    pub(super) actor: &'static str,
    pub(super) change: Option<u64>,
    pub(super) created: Seconds,
    pub(super) started: Seconds,
}

/// A job of it.
#[derive(Clone)]
pub(super) struct Job {
    pub(super) id: u64,
    pub(super) name: &'static str,
    pub(super) conclusion: &'static str,
    pub(super) created: Seconds,
    pub(super) started: Seconds,
    pub(super) finished: Seconds,
}

/// How far a run or job is.
#[derive(Clone, Copy)]
pub(super) enum Stage {
    Queued,
    Running,
    Finished,
}

/// A deployment.
#[derive(Clone)]
pub(super) struct Deployment {
    pub(super) id: u64,
    pub(super) environment: &'static str,
    pub(super) task: &'static str,
    pub(super) description: &'static str,
    pub(super) created: Seconds,
}

/// A pull request.
#[derive(Clone)]
pub(super) struct Change {
    pub(super) service: &'static str,
    pub(super) number: u64,
    pub(super) title: String,
    pub(super) author: &'static str,
    pub(super) branch: String,
    pub(super) commit: String,
    pub(super) created: Seconds,
    pub(super) closed: Option<Seconds>,
    pub(super) merged: bool,
}

impl Templates {
    /// Choose them from what was recorded: of each event the fullest example, so that nothing is missing to replace.
    pub(super) fn choose(recorded: &[Delivery]) -> Result<Self> {
        let choose = |event: &str, has: &str| {
            recorded
                .iter()
                .filter(|delivery| delivery.event == event && delivery.body.contains(has))
                .max_by_key(|delivery| delivery.body.len())
                .map(|delivery| delivery.body.clone())
                .with_context(|| format!("no recorded {event} can serve as a template"))
        };
        Ok(Self {
            run: choose("workflow_run", "\"run_attempt\"")?,
            job: choose("workflow_job", "\"workflow_name\"")?,
            deployment: choose("deployment", "\"run_attempt\"")?,
            status: choose("deployment_status", "\"run_attempt\"")?,
            change: choose("pull_request", "\"merged\"")?,
        })
    }

    /// A `workflow_run` delivery. `conclusion` counts once it is finished.
    pub(super) fn run(&self, run: &Run, stage: Stage, conclusion: &str, at: Seconds) -> Result<Value> {
        let mut payload = template(&self.run, run.service)?;
        let action = [("requested", "queued"), ("in_progress", "in_progress"), ("completed", "completed")];
        let (action, status) = stage.of(action);
        set(&mut payload, "/action", json!(action))?;
        let base = format!("https://github.com/{}", run.service);
        let facts = json!({
            "id": run.id, "run_attempt": run.attempt, "run_number": run.number, "name": run.workflow,
            "display_title": run.title, "event": run.trigger, "head_branch": run.branch, "head_sha": run.commit,
            "status": status, "conclusion": finished(stage, conclusion),
            "created_at": time(run.created), "run_started_at": time(run.started), "updated_at": time(at),
            "html_url": format!("{base}/actions/runs/{}", run.id),
            "pull_requests": run.change.map(|number| json!({ "number": number })).into_iter().collect::<Vec<_>>(),
        });
        merge(&mut payload, "/workflow_run", facts)?;
        set(&mut payload, "/workflow_run/head_commit/id", json!(run.commit))?;
        set(&mut payload, "/workflow_run/head_commit/message", json!(run.title))?;
        set(&mut payload, "/workflow_run/actor/login", json!(run.actor))?;
        set(&mut payload, "/workflow_run/triggering_actor/login", json!(run.actor))?;
        merge(&mut payload, "/workflow", json!({ "name": run.workflow }))?;
        Ok(payload)
    }

    /// A `workflow_job` delivery.
    pub(super) fn job(&self, run: &Run, job: &Job, stage: Stage) -> Result<Value> {
        let mut payload = template(&self.job, run.service)?;
        let action = [("queued", "queued"), ("in_progress", "in_progress"), ("completed", "completed")];
        let (action, status) = stage.of(action);
        set(&mut payload, "/action", json!(action))?;
        let begun = if matches!(stage, Stage::Queued) { job.created } else { job.started };
        let facts = json!({
            "id": job.id, "run_id": run.id, "run_attempt": run.attempt, "name": job.name,
            "workflow_name": run.workflow, "head_branch": run.branch, "head_sha": run.commit,
            "status": status, "conclusion": finished(stage, job.conclusion),
            "created_at": time(job.created), "started_at": time(begun),
            "completed_at": if matches!(stage, Stage::Finished) { json!(time(job.finished)) } else { Value::Null },
            "html_url": format!("https://github.com/{}/actions/runs/{}/job/{}", run.service, run.id, job.id),
            "runner_name": if matches!(stage, Stage::Queued) { Value::Null } else { json!(format!("runner-{}", job.id % 7)) },
            "steps": steps(job, stage),
        });
        merge(&mut payload, "/workflow_job", facts)?;
        Ok(payload)
    }

    /// A `deployment` delivery, or with a state a `deployment_status` delivery.
    pub(super) fn deployment(
        &self,
        run: &Run,
        deployment: &Deployment,
        state: Option<(&str, Seconds)>,
    ) -> Result<Value> {
        let text = if state.is_some() { &self.status } else { &self.deployment };
        let mut payload = template(text, run.service)?;
        let facts = json!({
            "id": deployment.id, "environment": deployment.environment, "original_environment": deployment.environment,
            "production_environment": deployment.environment == "production",
            "task": deployment.task, "description": deployment.description, "sha": run.commit, "ref": run.branch,
            "created_at": time(deployment.created),
            "updated_at": time(state.map_or(deployment.created, |(_, at)| at)),
        });
        merge(&mut payload, "/deployment", facts)?;
        set(&mut payload, "/deployment/creator/login", json!(run.actor))?;
        merge(&mut payload, "/workflow_run", json!({ "id": run.id, "run_attempt": run.attempt }))?;
        if let Some((state, at)) = state {
            let log = format!("https://github.com/{}/actions/runs/{}", run.service, run.id);
            let facts = json!({
                "id": deployment.id * 10 + u64::try_from(state.len()).unwrap_or(0), "state": state,
                "environment": deployment.environment, "log_url": log, "target_url": log,
                "created_at": time(at), "updated_at": time(at),
            });
            merge(&mut payload, "/deployment_status", facts)?;
        }
        Ok(payload)
    }

    /// A `pull_request` delivery.
    pub(super) fn change(&self, change: &Change, at: Seconds) -> Result<Value> {
        let mut payload = template(&self.change, change.service)?;
        let closed = change.closed.filter(|closed| *closed <= at);
        let merged = closed.filter(|_| change.merged);
        set(&mut payload, "/action", json!(if closed.is_some() { "closed" } else { "opened" }))?;
        set(&mut payload, "/number", json!(change.number))?;
        let facts = json!({
            "number": change.number, "title": change.title, "draft": false,
            "state": if closed.is_some() { "closed" } else { "open" },
            "html_url": format!("https://github.com/{}/pull/{}", change.service, change.number),
            "created_at": time(change.created), "updated_at": time(at), "closed_at": closed.map(time),
            "merged": merged.is_some(), "merged_at": merged.map(time),
            "merge_commit_sha": merged.map(|_| change.commit.chars().rev().collect::<String>()),
        });
        merge(&mut payload, "/pull_request", facts)?;
        set(&mut payload, "/pull_request/user/login", json!(change.author))?;
        set(&mut payload, "/pull_request/head/ref", json!(change.branch))?;
        set(&mut payload, "/pull_request/head/sha", json!(change.commit))?;
        set(&mut payload, "/pull_request/base/ref", json!("main"))?;
        Ok(payload)
    }
}

impl Stage {
    fn of<T: Copy>(self, [queued, running, finished]: [T; 3]) -> T {
        match self {
            Self::Queued => queued,
            Self::Running => running,
            Self::Finished => finished,
        }
    }
}

/// A recorded payload of another repository, in all its addresses.
fn template(text: &str, service: &str) -> Result<Value> {
    let payload: Value = serde_json::from_str(text).context("read a recorded payload")?;
    let recorded = payload.pointer("/repository/full_name").and_then(Value::as_str).context("it has no repository")?;
    let text = text.replace(recorded, service);
    let mut payload: Value = serde_json::from_str(&text).context("read a derived payload")?;
    let (owner, name) = service.split_once('/').unwrap_or(("", service));
    merge(&mut payload, "/repository", json!({ "name": name, "full_name": service }))?;
    set(&mut payload, "/repository/owner/login", json!(owner))?;
    Ok(payload)
}

/// Set what stands at a pointer; its parent must be there, or the template is not what it was taken for.
fn set(payload: &mut Value, pointer: &str, value: Value) -> Result<()> {
    let (parent, key) = pointer.rsplit_once('/').context("a pointer has a slash")?;
    let parent = payload.pointer_mut(parent).and_then(Value::as_object_mut);
    parent.with_context(|| format!("the recorded payload has no place for {pointer}"))?.insert(key.to_owned(), value);
    Ok(())
}

/// Set several fields of the object at a pointer.
fn merge(payload: &mut Value, pointer: &str, facts: Value) -> Result<()> {
    let Value::Object(facts) = facts else { anyhow::bail!("facts are an object") };
    facts.into_iter().try_for_each(|(key, value)| set(payload, &format!("{pointer}/{key}"), value))
}

fn finished(stage: Stage, conclusion: &str) -> Value {
    if matches!(stage, Stage::Finished) { json!(conclusion) } else { Value::Null }
}

/// RFC 3339, as GitHub writes it.
pub(super) fn time(at: Seconds) -> String {
    DateTime::from_timestamp(at, 0).unwrap_or_default().to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// The steps of a job: setting up, two of work, cleaning up. What fails is the work.
fn steps(job: &Job, stage: Stage) -> Vec<Value> {
    let names = ["Set up job", "Check out", job.name, "Complete job"];
    let length = (job.finished - job.started).max(4);
    let bounds = [0, 1, 1 + length / 10, length - 1, length].map(|offset| job.started + offset);
    let skipped = job.conclusion == "skipped";
    let step = |(place, name): (usize, &str)| {
        let at = |place: usize| bounds.get(place).copied().map(time);
        let (status, conclusion) = match stage {
            Stage::Running if place == 0 => ("completed", json!("success")),
            Stage::Running if place == 1 => ("in_progress", Value::Null),
            Stage::Running | Stage::Queued => ("queued", Value::Null),
            Stage::Finished if place == 2 => ("completed", json!(job.conclusion)),
            Stage::Finished => ("completed", json!("success")),
        };
        json!({
            "name": name, "number": place + 1, "status": status, "conclusion": conclusion,
            "started_at": if status == "queued" { None } else { at(place) },
            "completed_at": if status == "completed" { at(place + 1) } else { None },
        })
    };
    if skipped || matches!(stage, Stage::Queued) {
        Vec::new()
    } else {
        names.into_iter().enumerate().map(step).collect()
    }
}
