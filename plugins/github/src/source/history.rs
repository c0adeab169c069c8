//! Workflow runs of before: `backfill_days` back when a repository is new, later what came since, with a day of overlap.
//!
//! Cost of 30,000 runs: 300 pages of 100, one more request per window that had to be cut, and at most [`EXTRAS`]
//! requests per page for jobs, so 2,200 at most instead of 30,000.

use super::jobs::{Fetch, wanted};
use super::runs::RunsPage;
use super::walk::Errand;
use super::window::{Window, cut, is_capped};
use super::{DAY_MS, Feed, Pull, Round, Step};
use crate::client::{is_refused, read};
use crate::parse::runs::Run;
use opssight_plugin::http::encode;
use opssight_plugin::{Failure, log, time};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Requests for jobs and earlier attempts, per page of runs.
const EXTRAS: usize = 6;

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct History {
    round: Round,
    visit: Option<Visit>,
    fetches: Vec<Fetch>,
    /// Requests for jobs that may still be made.
    allowance: usize,
    /// Until when each repository has been read, seconds since the Unix epoch.
    done: BTreeMap<String, i64>,
}

/// A repository in the middle of being read.
#[derive(Debug, Serialize, Deserialize)]
struct Visit {
    service: String,
    until: i64,
    /// Still to read; the last one is being read.
    windows: Vec<Window>,
    /// Its page to ask for, when it is not the first.
    page: Option<String>,
}

impl Feed for History {
    fn step(&mut self, pull: &mut Pull) -> Result<Step, Failure> {
        if let Some(fetch) = self.fetches.last() {
            let rest = fetch.run(pull)?;
            self.fetches.pop();
            self.allowance = self.allowance.saturating_sub(1);
            self.fetches.extend(rest);
            if self.allowance == 0 {
                self.fetches.clear();
            }
            return Ok(Step::More);
        }
        if let Some(mut visit) = self.visit.take() {
            match visit.page(pull) {
                Ok(fetches) => {
                    self.allowance = EXTRAS;
                    self.fetches = fetches;
                    if visit.windows.is_empty() {
                        self.done.insert(visit.service, visit.until);
                    } else {
                        self.visit = Some(visit);
                    }
                }
                Err(failure) if is_refused(&failure) => self.round.refuse(pull, &failure)?,
                Err(failure) => {
                    self.visit = Some(visit);
                    return Err(failure);
                }
            }
            return Ok(Step::More);
        }
        let Some(service) = self.round.next(pull)? else { return Ok(Step::Done) };
        let until = pull.now_ms.div_euclid(1000);
        let from = match self.done.get(&service) {
            Some(until) => until - DAY_MS / 1000,
            None => pull.horizon_ms().div_euclid(1000),
        };
        if from < until {
            self.visit = Some(Visit { service, until, windows: vec![(from, until)], page: None });
        } else {
            self.done.insert(service, until);
        }
        Ok(Step::More)
    }
}

impl Visit {
    /// Read one page, newest first, and say what more is worth asking for.
    fn page(&mut self, pull: &mut Pull) -> Result<Vec<Fetch>, Failure> {
        let Some(&window) = self.windows.last() else { return Ok(Vec::new()) };
        let path = self.page.clone().unwrap_or_else(|| self.first_page(window, pull.per_page));
        let response = pull.client.get(&path)?;
        let page: RunsPage<'_> = read(&path, &response)?;
        let total = page.total_count.unwrap_or_default();
        if self.page.is_none() && is_capped(total) {
            let parts = cut(window, total);
            if parts.len() > 1 {
                self.windows.pop();
                self.windows.extend(parts);
                return Ok(Vec::new());
            }
            log::warn("one second holds more runs than GitHub lists", &[("repository", &self.service)]);
        }
        for run in &page.workflow_runs.0 {
            pull.push(run.item("workflow_run", &self.service));
        }
        self.page = pull.client.next(&response);
        if self.page.is_none() {
            self.windows.pop();
        }
        Ok(chosen(&self.service, &page.workflow_runs.0, pull.per_page))
    }

    fn first_page(&self, (from, to): Window, per_page: usize) -> String {
        let created = encode(&format!("{}..{}", time::format(from * 1000), time::format(to * 1000)));
        format!("/repos/{}/actions/runs?created={created}&per_page={per_page}", self.service)
    }
}

/// Reruns first, then the newest unhappy run of each workflow, last in the list because it is taken from the end.
fn chosen(service: &str, runs: &[Run<'_>], per_page: usize) -> Vec<Fetch> {
    let reruns = runs.iter().filter(|run| run.attempt() > 1);
    let mut pipelines = BTreeSet::new();
    let first_attempts = runs.iter().filter(|run| run.attempt() == 1);
    let mut chosen: Vec<Fetch> = reruns.flat_map(|run| wanted(service, run, per_page)).collect();
    for run in first_attempts {
        let fetches = wanted(service, run, per_page);
        if !fetches.is_empty() && pipelines.insert(run.pipeline()) {
            chosen.extend(fetches);
        }
    }
    chosen.truncate(EXTRAS);
    chosen.reverse();
    chosen
}
