//! The read model as the API shows it, against what is expected of it.

use super::expect::{self, Expected, Millis};
use crate::host::{Api, escape, text};
use anyhow::{Context, Result};
use chrono::DateTime;
use serde_json::Value;
use std::collections::BTreeSet;

/// What the API shows.
#[derive(Debug, Default)]
pub(super) struct Shown {
    /// How many runs (attempts).
    pub(super) runs: usize,
    /// How many jobs.
    pub(super) jobs: usize,
    /// How many deployments.
    pub(super) deployments: usize,
    /// How many changes.
    pub(super) changes: usize,
    /// Where it is not what was expected.
    pub(super) differences: Vec<String>,
}

/// A window of time, whole UTC days.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    pub(super) from: Millis,
    pub(super) to: Millis,
}

impl Window {
    /// The `days` days that end with the day of a moment.
    pub(super) fn ending(at: Millis, days: i64) -> Self {
        const DAY: Millis = 86_400_000;
        let to = (at.div_euclid(DAY) + 1) * DAY;
        Self { from: to - days * DAY, to }
    }

    fn query(self) -> String {
        let text = |at: Millis| escape(&DateTime::from_timestamp_millis(at).unwrap_or_default().to_rfc3339());
        format!("from={}&to={}", text(self.from), text(self.to))
    }
}

/// Look at everything.
pub(super) fn compare(api: &Api, expected: &Expected) -> Result<Shown> {
    let mut shown = Shown::default();
    shown.runs(api, expected)?;
    shown.deployments(api, expected)?;
    shown.changes(api, expected)?;
    Ok(shown)
}

impl Shown {
    fn differ(&mut self, difference: String) {
        self.differences.push(difference);
    }

    /// Keys that are expected and not shown, or shown and not expected.
    fn keys<K: Ord + std::fmt::Debug>(&mut self, what: &str, expected: BTreeSet<K>, shown: &BTreeSet<K>) {
        for missing in expected.difference(shown) {
            self.differ(format!("{what} {missing:?} is missing"));
        }
        for surplus in shown.difference(&expected) {
            self.differ(format!("{what} {surplus:?} is shown, but no delivery tells of it"));
        }
    }

    fn runs(&mut self, api: &Api, expected: &Expected) -> Result<()> {
        let runs = api.list("/api/v1/runs")?;
        self.runs = runs.len();
        let (mut keys, mut jobs) = (BTreeSet::new(), BTreeSet::new());
        for run in &runs {
            let key = (need(run, "/upstream_id")?, run.pointer("/attempt").and_then(Value::as_u64).unwrap_or_default());
            if let Some(wanted) = expected.runs.get(&key) {
                self.work(&format!("run {key:?}"), wanted, run);
                if need(run, "/service")? != wanted.service {
                    self.differ(format!("run {key:?} belongs to {}", wanted.service));
                }
            }
            let detail = api.get(&format!("/api/v1/runs/{}", need(run, "/id")?))?;
            for job in detail.pointer("/jobs").and_then(Value::as_array).into_iter().flatten() {
                self.jobs += 1;
                let id = need(job, "/upstream_id")?;
                if let Some(wanted) = expected.jobs.get(&id) {
                    self.work(&format!("job {id}"), &wanted.work, job);
                    if wanted.run != key {
                        self.differ(format!("job {id} belongs to run {:?}, not to {key:?}", wanted.run));
                    }
                }
                jobs.insert(id);
            }
            keys.insert(key);
        }
        if keys.len() != runs.len() {
            self.differ(format!("{} runs are shown more than once", runs.len() - keys.len()));
        }
        self.keys("run", expected.runs.keys().cloned().collect(), &keys);
        self.keys("job", expected.jobs.keys().cloned().collect(), &jobs);
        Ok(())
    }

    fn work(&mut self, what: &str, wanted: &expect::Work, shown: &Value) {
        let (state, result) = (text(shown, "/state"), text(shown, "/result"));
        if state.as_deref() != Some(wanted.state()) {
            self.differ(format!("{what} must be {}, but is shown as {state:?}", wanted.state()));
        }
        if !wanted.allows_result(result.as_deref()) {
            self.differ(format!("{what} is shown with the result {result:?}; expected {wanted:?}"));
        }
    }

    fn deployments(&mut self, api: &Api, expected: &Expected) -> Result<()> {
        let deployments = api.list("/api/v1/deployments")?;
        self.deployments = deployments.len();
        let mut keys = BTreeSet::new();
        for deployment in &deployments {
            let id = need(deployment, "/upstream_id")?;
            if let Some(wanted) = expected.deployments.get(&id) {
                let (outcome, environment) = (need(deployment, "/outcome")?, need(deployment, "/environment")?);
                if !wanted.allows_outcome(&outcome) || !wanted.environment.allows(Some(&environment)) {
                    self.differ(format!("deployment {id} is shown as {outcome} to {environment}; expected {wanted:?}"));
                }
            }
            keys.insert(id);
        }
        self.keys("deployment", expected.deployments.keys().cloned().collect(), &keys);
        Ok(())
    }

    fn changes(&mut self, api: &Api, expected: &Expected) -> Result<()> {
        let changes = api.list("/api/v1/changes")?;
        self.changes = changes.len();
        let mut keys = BTreeSet::new();
        for change in &changes {
            let number = change.pointer("/number").and_then(Value::as_u64).unwrap_or_default();
            let key = (need(change, "/service")?, number);
            let state = need(change, "/state")?;
            if let Some(wanted) = expected.changes.get(&key)
                && !wanted.allows_state(&state)
            {
                self.differ(format!("change {key:?} is shown as {state}; expected {wanted:?}"));
            }
            keys.insert(key);
        }
        self.keys("change", expected.changes.keys().cloned().collect(), &keys);
        Ok(())
    }
}

/// The delivery metrics of a window, as shown, and where they are not what was expected.
pub(super) fn metrics(api: &Api, expected: &Expected, window: Window) -> Result<(Vec<Value>, Vec<String>)> {
    let report = api.get(&format!("/api/v1/delivery/metrics?{}", window.query()))?;
    let rows = report.pointer("/metrics").and_then(Value::as_array).cloned().context("the report has no metrics")?;
    let mut wanted = expect::dora::metrics(expected, window.from, window.to);
    let mut differences = Vec::new();
    for row in &rows {
        let scope = (need(row, "/service")?, need(row, "/environment")?);
        let Some(wanted) = wanted.remove(&scope) else {
            differences.push(format!("metrics of {scope:?} are shown, but nothing was deployed there"));
            continue;
        };
        let numbers = [
            ("deployment_frequency_per_day", Some(wanted.deployment_frequency_per_day)),
            ("change_lead_time_ms_p50", wanted.change_lead_time_ms_p50),
            ("change_fail_rate", wanted.change_fail_rate),
            ("failed_deployment_recovery_time_ms_p50", wanted.failed_deployment_recovery_time_ms_p50),
            ("deployment_rework_rate", wanted.deployment_rework_rate),
        ];
        for (name, wanted) in numbers {
            let shown = row.get(name).and_then(Value::as_f64);
            if !alike(name, wanted, shown) {
                differences.push(format!("{name} of {scope:?} is shown as {shown:?}, but is {wanted:?}"));
            }
        }
    }
    differences.extend(wanted.keys().map(|scope| format!("metrics of {scope:?} are missing")));
    Ok((rows, differences))
}

/// Times may be rounded to the millisecond, shares to what a float holds.
fn alike(name: &str, wanted: Option<f64>, shown: Option<f64>) -> bool {
    let close = if name.ends_with("_ms_p50") { 1.0 } else { 1e-6 };
    match (wanted, shown) {
        (Some(wanted), Some(shown)) => (wanted - shown).abs() <= close,
        (wanted, shown) => wanted.is_none() && shown.is_none(),
    }
}

fn need(value: &Value, pointer: &str) -> Result<String> {
    text(value, pointer).with_context(|| format!("the API answered without {pointer}: {value}"))
}
