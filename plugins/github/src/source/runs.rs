//! Workflow runs of now: what deliveries tell already, for where there are none, and for those that got lost.
//!
//! One conditional request per repository: while nothing happens GitHub answers 304, which costs nothing.

use super::jobs::{Fetch, wanted};
use super::{DAY_MS, Pull, Step, walk};
use crate::client::{Fetched, read};
use crate::parse::runs::Run;
use crate::parse::value::List;
use opssight_plugin::{Failure, state, time};
use serde::{Deserialize, Serialize};

/// A repository in the middle of being read.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Visit {
    service: String,
    /// The page to ask for.
    page: String,
    /// The first page, and its ETag once it has come.
    first: String,
    etag: Option<String>,
    /// Newest `updated_at` seen in this visit.
    newest: i64,
}

/// What is remembered of a repository from visit to visit.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Seen {
    /// The first page that was asked for, and its ETag.
    path: String,
    etag: Option<String>,
    /// Runs that were updated before this have been told.
    since: i64,
    /// The last visit happened on this day, so that the next one begins the day before.
    day: i64,
}

/// A page of `GET .../actions/runs`.
#[derive(Deserialize)]
pub(super) struct RunsPage<'a> {
    #[serde(default)]
    pub(super) total_count: Option<u64>,
    #[serde(borrow, default)]
    pub(super) workflow_runs: List<Run<'a>>,
}

impl walk::Visit for Visit {
    type Errand = Fetch;

    fn begin(service: String, pull: &Pull) -> Result<Self, Failure> {
        let seen = seen(&service)?;
        // The day before covers runs that were under way; after a longer pause the window begins where it ended. What
        // does not fit into one list then is found by the feed `run-history`.
        let today = pull.now_ms.div_euclid(DAY_MS);
        let day = if seen.day == 0 { today } else { seen.day.min(today) } - 1;
        let from = (day * DAY_MS).max(pull.horizon_ms().min((today - 1) * DAY_MS));
        let date: String = time::format(from).chars().take(10).collect();
        let per_page = pull.per_page;
        let first = format!("/repos/{service}/actions/runs?created=%3E%3D{date}&per_page={per_page}");
        Ok(Self { service, page: first.clone(), first, etag: None, newest: seen.since })
    }

    fn page(&mut self, pull: &mut Pull) -> Result<(Vec<Fetch>, Step), Failure> {
        let seen = seen(&self.service)?;
        let is_first = self.page == self.first;
        let known = if is_first && seen.path == self.first { seen.etag.as_deref() } else { None };
        let response = match pull.client.get_if_changed(&self.page, known)? {
            Fetched::Changed(response) => response,
            Fetched::Unchanged => {
                self.remember(pull, seen.etag.clone(), &seen)?;
                return Ok((Vec::new(), Step::Done));
            }
        };
        let page: RunsPage<'_> = read(&self.page, &response)?;
        let mut fetches = Vec::new();
        let mut news = false;
        for run in &page.workflow_runs.0 {
            // Equal times count as news: GitHub's clock has whole seconds, and two things happen in one.
            if run.updated_at.0.is_none_or(|at| at >= seen.since) {
                news = true;
                pull.push(run.item("workflow_run", &self.service));
                fetches.extend(wanted(&self.service, run, pull.per_page));
            }
            self.newest = self.newest.max(run.updated_at.0.unwrap_or_default());
        }
        if is_first {
            self.etag = response.header("etag").map(str::to_owned);
        }
        if let Some(next) = pull.client.next(&response)
            && news
        {
            self.page = next;
            return Ok((fetches, Step::More));
        }
        self.remember(pull, self.etag.clone(), &seen)?;
        Ok((fetches, Step::Done))
    }
}

impl Visit {
    fn remember(&self, pull: &Pull, etag: Option<String>, before: &Seen) -> Result<(), Failure> {
        let day = pull.now_ms.div_euclid(DAY_MS);
        if etag == before.etag && self.first == before.path && day == before.day {
            return Ok(());
        }
        let seen = Seen { path: self.first.clone(), etag, since: self.newest, day };
        state::set(&key(&self.service), &seen)
    }
}

fn seen(service: &str) -> Result<Seen, Failure> {
    Ok(state::get(&key(service))?.unwrap_or_default())
}

fn key(service: &str) -> String {
    format!("runs/{service}")
}
