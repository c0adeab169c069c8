//! What the read model must hold, worked out from the raw payloads alone.
//!
//! This is a second reading of GitHub's payloads that shares no code with the plugin or the host, so that a mistake
//! of theirs shows up as a difference instead of being expected. The rules it knows are those that GitHub and the
//! plugin document: a run is keyed by `(run_id, run_attempt)`; a job brings its run along; other CI systems' check
//! suites are runs and their check runs jobs, while GitHub Actions' own are told by `workflow_run` and
//! `workflow_job`; of what is said about one thing the newest counts, and where several things are said of the same
//! moment, any of them may.

pub(super) mod dora;

use super::Delivery;
use anyhow::{Context, Result};
use chrono::DateTime;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Milliseconds since the Unix epoch.
pub(super) type Millis = i64;

/// Everything expected.
#[derive(Debug, Default)]
pub(super) struct Expected {
    /// By the upstream's id and the attempt.
    pub(super) runs: BTreeMap<(String, u64), Work>,
    /// By the upstream's id.
    pub(super) jobs: BTreeMap<String, Job>,
    /// By the upstream's id.
    pub(super) deployments: BTreeMap<String, Deployment>,
    /// By service and number.
    pub(super) changes: BTreeMap<(String, u64), Change>,
}

/// A run, or the part of a job that is alike.
#[derive(Debug, Default)]
pub(super) struct Work {
    pub(super) service: String,
    stage: u8,
    result: Newest<&'static str>,
}

/// A job.
#[derive(Debug, Default)]
pub(super) struct Job {
    pub(super) run: (String, u64),
    pub(super) work: Work,
}

/// A deployment.
#[derive(Debug, Default)]
pub(super) struct Deployment {
    pub(super) service: String,
    pub(super) environment: Newest<String>,
    created: Newest<Millis>,
    words: Newest<String>,
    task: Newest<String>,
    verdicts: Newest<bool>,
    inactive: bool,
}

/// A change.
#[derive(Debug, Default)]
pub(super) struct Change {
    state: Newest<&'static str>,
    created: Newest<Millis>,
    merged: Newest<Millis>,
}

/// What was said of the newest moment: more than one thing, if upstream contradicts itself.
#[derive(Debug)]
pub(super) struct Newest<T>(Option<(Millis, BTreeSet<T>)>);

impl<T> Default for Newest<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Ord> Newest<T> {
    fn say(&mut self, at: Millis, value: Option<T>) {
        let Some(value) = value else { return };
        match &mut self.0 {
            Some((newest, _)) if *newest > at => {}
            Some((newest, values)) if *newest == at => {
                values.insert(value);
            }
            _ => self.0 = Some((at, BTreeSet::from([value]))),
        }
    }

    fn any(&self) -> impl Iterator<Item = &T> {
        self.0.iter().flat_map(|(_, values)| values)
    }

    /// Whether a value may be shown. Where nothing was said, only nothing may be.
    pub(super) fn allows(&self, shown: Option<&T>) -> bool {
        match shown {
            Some(shown) => self.any().any(|value| value == shown),
            None => self.0.is_none(),
        }
    }

    fn at(&self) -> Option<Millis> {
        self.0.as_ref().map(|(at, _)| *at)
    }
}

impl Expected {
    /// Read every delivery.
    pub(super) fn of<'a>(deliveries: impl IntoIterator<Item = &'a Delivery>) -> Result<Self> {
        let mut expected = Self::default();
        for delivery in deliveries {
            let payload: Value = serde_json::from_str(&delivery.body)
                .with_context(|| format!("read the {} delivery {}", delivery.event, delivery.id))?;
            expected.read(&delivery.event, &payload);
        }
        Ok(expected)
    }

    fn read(&mut self, event: &str, payload: &Value) {
        let service = text(payload, "/repository/full_name").unwrap_or_default();
        match event {
            "workflow_run" => {
                let at = when(payload, "/workflow_run/updated_at").unwrap_or(Millis::MAX);
                self.run(key(payload, "/workflow_run/id", "/workflow_run/run_attempt"), service).learn(
                    payload,
                    "/workflow_run",
                    at,
                );
            }
            "workflow_job" => self.workflow_job(payload, service),
            "check_suite" if !is_actions(payload, "/check_suite/app") => self.suite(payload, "/check_suite", service),
            "check_run" => self.check_run(payload, service),
            "deployment" | "deployment_status" => self.deployment(payload, service, event == "deployment_status"),
            "pull_request" | "pull_request_review" => self.change(payload, service),
            _ => {}
        }
    }

    fn run(&mut self, key: (String, u64), service: String) -> &mut Work {
        let run = self.runs.entry(key).or_default();
        run.service = service;
        run
    }

    fn workflow_job(&mut self, payload: &Value, service: String) {
        let run = key(payload, "/workflow_job/run_id", "/workflow_job/run_attempt");
        self.run(run.clone(), service.clone());
        let own = ["created_at", "started_at", "completed_at"].map(|name| format!("/workflow_job/{name}"));
        let steps = (0..100)
            .flat_map(|place| ["started_at", "completed_at"].map(|name| format!("/workflow_job/steps/{place}/{name}")));
        let at = own.into_iter().chain(steps).filter_map(|pointer| when(payload, &pointer)).max();
        let job = self.jobs.entry(id(payload, "/workflow_job/id")).or_default();
        job.run = run;
        job.work.service = service;
        job.work.learn(payload, "/workflow_job", at.unwrap_or(Millis::MAX));
    }

    fn suite(&mut self, payload: &Value, pointer: &str, service: String) {
        let at = when(payload, &format!("{pointer}/updated_at"));
        let at = at.or_else(|| when(payload, &format!("{pointer}/created_at")));
        let key = (format!("check-suite:{}", id(payload, &format!("{pointer}/id"))), 1);
        self.run(key, service).learn(payload, pointer, at.unwrap_or(Millis::MAX));
    }

    fn check_run(&mut self, payload: &Value, service: String) {
        let app = if payload.pointer("/check_run/app").is_some_and(Value::is_object) {
            "/check_run/app"
        } else {
            "/check_run/check_suite/app"
        };
        if is_actions(payload, app) {
            return;
        }
        self.suite(payload, "/check_run/check_suite", service.clone());
        let at = when(payload, "/check_run/completed_at").max(when(payload, "/check_run/started_at"));
        let job = self.jobs.entry(format!("check-run:{}", id(payload, "/check_run/id"))).or_default();
        job.run = (format!("check-suite:{}", id(payload, "/check_run/check_suite/id")), 1);
        job.work.service = service;
        job.work.learn(payload, "/check_run", at.unwrap_or(Millis::MAX));
    }

    fn deployment(&mut self, payload: &Value, service: String, status: bool) {
        let deployment = self.deployments.entry(id(payload, "/deployment/id")).or_default();
        deployment.service = service;
        let created = when(payload, "/deployment/created_at");
        let at = if status { when(payload, "/deployment_status/created_at") } else { created }.unwrap_or(Millis::MAX);
        deployment.environment.say(at, text(payload, "/deployment/environment"));
        deployment.created.say(at, created);
        deployment.words.say(at, text(payload, "/deployment/description").filter(|text| !text.is_empty()));
        deployment.task.say(at, text(payload, "/deployment/task"));
        match text(payload, "/deployment_status/state").as_deref() {
            Some("success") => deployment.verdicts.say(at, Some(true)),
            Some("failure" | "error") => deployment.verdicts.say(at, Some(false)),
            Some("inactive") => deployment.inactive = true,
            _ => {}
        }
    }

    fn change(&mut self, payload: &Value, service: String) {
        let number = payload.pointer("/pull_request/number").and_then(Value::as_u64).unwrap_or_default();
        let change = self.changes.entry((service, number)).or_default();
        let at = when(payload, "/pull_request/updated_at").unwrap_or(Millis::MAX);
        let state = match text(payload, "/pull_request/state").as_deref() {
            Some("open") => Some("open"),
            Some("closed") => Some("closed"),
            _ => None,
        };
        change.state.say(at, state);
        change.created.say(at, when(payload, "/pull_request/created_at"));
        change.merged.say(at, when(payload, "/pull_request/merged_at"));
    }
}

impl Work {
    fn learn(&mut self, payload: &Value, pointer: &str, at: Millis) {
        let stage = match text(payload, &format!("{pointer}/status")).as_deref() {
            Some("waiting") => 1,
            Some("in_progress") => 2,
            Some("completed") => 3,
            _ => 0,
        };
        self.stage = self.stage.max(stage);
        if stage == 3 {
            let conclusion = text(payload, &format!("{pointer}/conclusion"));
            self.result.say(at, conclusion.and_then(|conclusion| result(&conclusion)));
        }
    }

    /// What must be shown as its state.
    pub(super) fn state(&self) -> &'static str {
        match self.stage {
            0 => "queued",
            1 => "waiting",
            2 => "running",
            _ => "finished",
        }
    }

    /// Whether a result may be shown.
    pub(super) fn allows_result(&self, shown: Option<&str>) -> bool {
        match shown {
            Some(shown) => self.result.any().any(|value| *value == shown),
            None => self.result.0.is_none(),
        }
    }
}

impl Deployment {
    /// Whether an outcome may be shown.
    pub(super) fn allows_outcome(&self, shown: &str) -> bool {
        match (self.verdicts.0.is_some(), self.inactive) {
            (true, _) => self.verdicts.any().any(|good| shown == if *good { "succeeded" } else { "failed" }),
            (false, true) => shown == "superseded",
            (false, false) => shown == "pending",
        }
    }
}

impl Change {
    /// Whether a state may be shown. Nothing undoes a merge.
    pub(super) fn allows_state(&self, shown: &str) -> bool {
        if self.merged.0.is_some() { shown == "merged" } else { self.state.any().any(|state| *state == shown) }
    }
}

/// GitHub's conclusions in OpsSight's words.
fn result(conclusion: &str) -> Option<&'static str> {
    Some(match conclusion {
        "success" => "success",
        "failure" => "failure",
        "timed_out" => "timeout",
        "cancelled" | "stale" => "cancellation",
        "skipped" => "skip",
        "neutral" => "neutral",
        "action_required" => "action_required",
        "startup_failure" => "error",
        _ => return None,
    })
}

fn is_actions(payload: &Value, app: &str) -> bool {
    text(payload, &format!("{app}/slug")).as_deref() == Some("github-actions")
}

fn key(payload: &Value, id_at: &str, attempt_at: &str) -> (String, u64) {
    (id(payload, id_at), payload.pointer(attempt_at).and_then(Value::as_u64).unwrap_or(1).max(1))
}

fn id(payload: &Value, pointer: &str) -> String {
    payload.pointer(pointer).map(ToString::to_string).unwrap_or_default()
}

fn text(payload: &Value, pointer: &str) -> Option<String> {
    payload.pointer(pointer).and_then(Value::as_str).map(str::to_owned)
}

/// RFC 3339 to milliseconds.
pub(super) fn when(payload: &Value, pointer: &str) -> Option<Millis> {
    let text = payload.pointer(pointer)?.as_str()?;
    DateTime::parse_from_rfc3339(text).ok().map(|time| time.timestamp_millis())
}
