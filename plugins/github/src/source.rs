//! Pull: one file per feed.
//!
//! A feed is a small state machine whose state *is* its checkpoint: the host stores it with the items of the page, so
//! that a crash repeats a page and never skips one. A step makes about one request; a call makes as many steps as its
//! requests and items allow, then hands back what it has. A feed over many repositories steps over those that it may
//! not see, and fails only when it may see none.

mod changes;
mod deliveries;
mod deployments;
mod history;
mod jobs;
mod repositories;
mod runs;
mod walk;
mod window;

use crate::client::Client;
use crate::config::Settings;
use crate::parse::Context;
use opssight_plugin::{Batch, Failure, FailureClass, Item, PageRequest, log, time};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use walk::Walk;

/// Requests that one call may make. Few, so that a call is short and a crash repeats little.
const REQUESTS: u32 = 10;
/// GitHub's largest page.
const PAGE: usize = 100;
const DAY_MS: i64 = 86_400_000;

/// One page of a feed.
pub(crate) fn pull(feed: &str, checkpoint: Option<&str>, page: &PageRequest) -> Result<Batch, Failure> {
    let progress = page.cursor.as_deref().or(checkpoint);
    let pull = Pull::new(page.limit)?;
    match feed {
        "repositories" => drive::<repositories::Repositories>(pull, progress),
        "runs" => drive::<Walk<runs::Visit>>(pull, progress),
        "run-history" => drive::<history::History>(pull, progress),
        "deployments" => drive::<Walk<deployments::Visit>>(pull, progress),
        "changes" => drive::<Walk<changes::Visit>>(pull, progress),
        "deliveries" => drive::<deliveries::Deliveries>(pull, progress),
        _ => Err(Failure::unsupported("github.no-feed", format!("there is no feed called {feed}"))),
    }
}

trait Feed: Default + Serialize + DeserializeOwned {
    /// Do a little and say whether there is more. Changes itself only after what it asked for has arrived.
    fn step(&mut self, pull: &mut Pull) -> Result<Step, Failure>;
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    More,
    Done,
}

fn drive<F: Feed>(mut pull: Pull, progress: Option<&str>) -> Result<Batch, Failure> {
    // A checkpoint of an older version that does not read any more starts the feed afresh, which only costs requests.
    let mut feed: F = progress.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let mut worked = false;
    while pull.has_room() {
        match feed.step(&mut pull) {
            Ok(Step::More) => worked |= pull.client.left() < REQUESTS,
            Ok(Step::Done) => return pull.batch(&feed, Step::Done),
            // What was done so far is kept; the next call meets the same trouble first and reports it.
            Err(failure) if worked && is_passing(&failure) => {
                log::info("a page ends early", &[("because", &failure.message)]);
                break;
            }
            Err(failure) => return Err(failure),
        }
    }
    pull.batch(&feed, Step::More)
}

fn is_passing(failure: &Failure) -> bool {
    matches!(failure.class, FailureClass::RateLimited | FailureClass::Upstream)
}

/// What one call works with and what it has gathered.
struct Pull {
    client: Client,
    settings: Settings,
    context: Context,
    now_ms: i64,
    items: Vec<Item>,
    limit: usize,
    per_page: usize,
    /// The repositories to visit, in order, once they are known.
    names: Option<Vec<String>>,
}

impl Pull {
    fn new(limit: u32) -> Result<Self, Failure> {
        let settings = Settings::read()?;
        let now_ms = time::now_ms();
        let limit = usize::try_from(limit).unwrap_or(usize::MAX).max(1);
        Ok(Self {
            client: Client::new(&settings.base_url, REQUESTS),
            context: Context { received_at: now_ms, production: settings.production_environments.clone() },
            settings,
            now_ms,
            items: Vec::new(),
            limit,
            per_page: limit.min(PAGE),
            names: None,
        })
    }

    /// Whether one more full page may be asked for and would fit.
    fn has_room(&self) -> bool {
        self.client.left() > 0 && self.items.len() + self.per_page <= self.limit
    }

    /// One object that does not read costs that object and a line in the log, not the feed.
    fn push(&mut self, item: Result<Item, Failure>) {
        match item {
            Ok(item) => self.items.push(item),
            Err(failure) => log::warn("GitHub sent something that cannot be stored", &[("problem", &failure.message)]),
        }
    }

    /// Where history begins.
    fn horizon_ms(&self) -> i64 {
        self.now_ms - i64::from(self.settings.backfill_days) * DAY_MS
    }

    /// The repository after `last`, in alphabetical order.
    fn repository_after(&mut self, last: Option<&str>) -> Result<Option<String>, Failure> {
        let names = match self.names.take() {
            Some(names) => names,
            None => repositories::known(self)?,
        };
        let next = names.iter().find(|name| last.is_none_or(|last| name.as_str() > last)).cloned();
        self.names = Some(names);
        Ok(next)
    }

    fn batch<F: Feed>(self, feed: &F, step: Step) -> Result<Batch, Failure> {
        let progress = serde_json::to_string(feed).map_err(|error| {
            Failure::internal("github.checkpoint", format!("the checkpoint cannot be written: {error}"))
        })?;
        let next = (step == Step::More).then(|| progress.clone());
        Ok(Batch { items: self.items, next, checkpoint: Some(progress) })
    }
}

/// One round over all repositories, in alphabetical order.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Round {
    /// The last one visited.
    last: Option<String>,
    visited: u32,
    refused: u32,
}

impl Round {
    /// The next repository to visit; none at the end of the round, after which it begins anew.
    fn next(&mut self, pull: &mut Pull) -> Result<Option<String>, Failure> {
        let next = pull.repository_after(self.last.as_deref())?;
        if next.is_some() {
            self.visited += 1;
            self.last.clone_from(&next);
        } else {
            *self = Self::default();
        }
        Ok(next)
    }

    /// The repository that is being visited may not be seen. When that was so for all of them, it is the failure of
    /// the whole feed; failing before anything is remembered makes the next call ask again.
    fn refuse(&mut self, pull: &mut Pull, failure: &Failure) -> Result<(), Failure> {
        self.refused += 1;
        if self.refused == self.visited && pull.repository_after(self.last.as_deref())?.is_none() {
            return Err(Failure::auth(
                "github.all-refused",
                format!("none of the repositories can be read for this; the last one said: {}", failure.message),
            ));
        }
        log::warn("a repository is left out", &[("because", &failure.message)]);
        Ok(())
    }
}
