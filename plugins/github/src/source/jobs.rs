//! Jobs, and the attempts before the latest, of the runs for which they say something.
//!
//! One request per run would be what a backfill is made of, so jobs are asked for only where somebody will look: runs
//! that did not succeed or are under way, and runs that were run again (the same commit with another result is how a
//! flaky job is known). Deliveries bring the jobs of all other runs for nothing.

use super::Pull;
use super::walk::Errand;
use crate::client::{is_refused, read};
use crate::parse::jobs::Job;
use crate::parse::runs::Run;
use crate::parse::value::List;
use opssight_plugin::items::{RunResult, RunState};
use opssight_plugin::{Failure, log};
use serde::{Deserialize, Serialize};

/// Attempts before the latest that are asked for.
const ATTEMPTS: u32 = 3;

/// Something more to ask for about one run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Fetch {
    service: String,
    path: String,
    what: What,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum What {
    Jobs,
    Attempt,
}

#[derive(Deserialize)]
struct JobsPage<'a> {
    #[serde(borrow, default)]
    jobs: List<Job<'a>>,
}

/// What more to ask for about a run: nothing for most.
pub(super) fn wanted(service: &str, run: &Run<'_>, per_page: usize) -> Vec<Fetch> {
    let Some(id) = run.id else { return Vec::new() };
    let attempt = run.attempt();
    let unhappy = matches!(
        run.result(),
        Some(RunResult::Failure | RunResult::Timeout | RunResult::Error | RunResult::Cancellation)
    );
    if !(unhappy || run.state() == Some(RunState::Running) || attempt > 1) {
        return Vec::new();
    }
    let runs = format!("/repos/{service}/actions/runs/{id}");
    let which = if attempt > 1 { "all" } else { "latest" };
    let fetch = |path: String, what: What| Fetch { service: service.to_owned(), path, what };
    let mut fetches = vec![fetch(format!("{runs}/jobs?filter={which}&per_page={per_page}"), What::Jobs)];
    fetches.extend(
        (attempt.saturating_sub(ATTEMPTS).max(1)..attempt)
            .rev()
            .map(|attempt| fetch(format!("{runs}/attempts/{attempt}"), What::Attempt)),
    );
    fetches
}

impl Errand for Fetch {
    /// Ask for it. What is left to ask for: the next page of a run with more than a hundred jobs.
    fn run(&self, pull: &mut Pull) -> Result<Option<Self>, Failure> {
        let response = match pull.client.get(&self.path) {
            Ok(response) => response,
            // Runs are deleted upstream, and logs expire; the run itself is stored already.
            Err(failure) if is_refused(&failure) => {
                log::debug("a run's jobs are gone", &[("because", &failure.message)]);
                return Ok(None);
            }
            Err(failure) => return Err(failure),
        };
        match self.what {
            What::Attempt => {
                let run: Run<'_> = read(&self.path, &response)?;
                pull.push(run.item("workflow_run", &self.service));
                Ok(None)
            }
            What::Jobs => {
                let page: JobsPage<'_> = read(&self.path, &response)?;
                for job in &page.jobs.0 {
                    let item = job.item("workflow_job", &self.service, &pull.context);
                    pull.push(item);
                }
                Ok(pull.client.next(&response).map(|path| Self { path, ..self.clone() }))
            }
        }
    }
}
