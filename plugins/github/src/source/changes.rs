//! Pull requests, most recently updated first, until what is known already; for those that landed, when their first
//! commit was written, which is where change lead time starts and which no list tells.

use super::walk::{self, Errand};
use super::{Pull, Step};
use crate::client::{Fetched, is_refused, read};
use crate::parse::changes::PullRequest;
use crate::parse::value::{List, When};
use opssight_plugin::items::Change;
use opssight_plugin::{Failure, Item, state};
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Visit {
    service: String,
    page: String,
    first: String,
    etag: Option<String>,
    newest: i64,
}

/// Landed, and its first commit is still to be asked for.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Landed {
    service: String,
    number: u64,
    at: i64,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Seen {
    etag: Option<String>,
    /// What was updated before this has been told.
    since: Option<i64>,
}

#[derive(Deserialize)]
struct Listed {
    commit: Option<Commit>,
}

#[derive(Deserialize)]
struct Commit {
    author: Option<Signature>,
    committer: Option<Signature>,
}

#[derive(Deserialize)]
struct Signature {
    #[serde(default)]
    date: When,
}

impl walk::Visit for Visit {
    type Errand = Landed;

    fn begin(service: String, pull: &Pull) -> Result<Self, Failure> {
        let query = format!("state=all&sort=updated&direction=desc&per_page={}", pull.per_page);
        let first = format!("/repos/{service}/pulls?{query}");
        Ok(Self { service, page: first.clone(), first, etag: None, newest: 0 })
    }

    fn page(&mut self, pull: &mut Pull) -> Result<(Vec<Landed>, Step), Failure> {
        let key = format!("changes/{}", self.service);
        let seen: Seen = state::get(&key)?.unwrap_or_default();
        let is_first = self.page == self.first;
        let known = if is_first { seen.etag.as_deref() } else { None };
        let Fetched::Changed(response) = pull.client.get_if_changed(&self.page, known)? else {
            return Ok((Vec::new(), Step::Done));
        };
        let page: List<PullRequest<'_>> = read(&self.page, &response)?;
        let since = seen.since.unwrap_or_else(|| pull.horizon_ms());
        let mut landed = Vec::new();
        let mut reached = false;
        for change in &page.0 {
            self.newest = self.newest.max(change.updated_at.0.unwrap_or_default());
            if change.updated_at.0.is_some_and(|at| at < since) {
                reached = true;
                break;
            }
            let item = change.item("pull_request", &self.service, None, &pull.context);
            pull.push(item);
            // A comment on what landed long ago moves it up here too; its first commit is known by then.
            if let (Some(number), Some(merged_at)) = (change.number, change.merged_at.0)
                && merged_at >= since
            {
                let at = change.updated_at.0.unwrap_or(merged_at);
                landed.push(Landed { service: self.service.clone(), number, at });
            }
        }
        if is_first {
            self.etag = response.header("etag").map(str::to_owned);
        }
        if let Some(next) = pull.client.next(&response)
            && !reached
        {
            self.page = next;
            return Ok((landed, Step::More));
        }
        state::set(&key, &Seen { etag: self.etag.clone(), since: Some(self.newest.max(since)) })?;
        Ok((landed, Step::Done))
    }
}

impl Errand for Landed {
    fn run(&self, pull: &mut Pull) -> Result<Option<Self>, Failure> {
        let (service, number) = (&self.service, self.number);
        let path = format!("/repos/{service}/pulls/{number}/commits?per_page=1");
        let response = match pull.client.get(&path) {
            Ok(response) => response,
            Err(failure) if is_refused(&failure) => return Ok(None),
            Err(failure) => return Err(failure),
        };
        let commits: List<Listed> = read(&path, &response)?;
        let date = |signature: Option<Signature>| signature.and_then(|signature| signature.date.0);
        let first = commits.0.into_iter().next().and_then(|listed| listed.commit);
        let Some(first_commit_at) = first.and_then(|commit| date(commit.author).or(date(commit.committer))) else {
            return Ok(None);
        };
        let change =
            Change { service: service.clone(), number, first_commit_at: Some(first_commit_at), ..Change::default() };
        let id = format!("{service}#{number}");
        pull.items.push(Item::of(&change, id.clone(), self.at, id));
        Ok(None)
    }
}
