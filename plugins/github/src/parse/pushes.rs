//! Pushes: which commits arrived on a branch or tag, and when they were written.

use super::value::{List, Text, User, When, login};
use super::{Context, need, owned, read};
use opssight_plugin::items::{Commit as CommitItem, Push};
use opssight_plugin::{Failure, Item, Reception};
use serde::Deserialize;

const EVENT: &str = "push";

#[derive(Deserialize)]
struct Payload<'a> {
    #[serde(borrow, rename = "ref")]
    reference: Option<Text<'a>>,
    #[serde(borrow)]
    before: Option<Text<'a>>,
    #[serde(borrow)]
    after: Option<Text<'a>>,
    deleted: Option<bool>,
    #[serde(borrow)]
    compare: Option<Text<'a>>,
    #[serde(borrow, default)]
    commits: List<Commit<'a>>,
    #[serde(borrow)]
    head_commit: Option<Commit<'a>>,
    #[serde(borrow)]
    sender: Option<User<'a>>,
    #[serde(borrow)]
    repository: Option<Repository<'a>>,
}

#[derive(Deserialize)]
struct Commit<'a> {
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(default)]
    timestamp: When,
}

#[derive(Deserialize)]
struct Repository<'a> {
    #[serde(borrow)]
    full_name: Option<Text<'a>>,
    #[serde(default)]
    pushed_at: When,
}

pub(super) fn delivery(body: &[u8], context: &Context) -> Result<Reception, Failure> {
    let payload: Payload<'_> = read(EVENT, body)?;
    let reference = need(EVENT, "ref", payload.reference)?;
    let after = need(EVENT, "after", payload.after)?;
    let repository = need(EVENT, "repository", payload.repository)?;
    let service = need(EVENT, "repository.full_name", repository.full_name)?;
    let branch = ["refs/heads/", "refs/tags/"].iter().find_map(|prefix| reference.strip_prefix(prefix));
    let branch = branch.unwrap_or(&reference);
    if payload.deleted == Some(true) || is_nothing(&after) {
        return Ok(Reception::note(format!("{branch} was deleted: no commit arrived")));
    }
    let mut commits: Vec<CommitItem> = payload.commits.0.iter().filter_map(Commit::item).collect();
    if commits.is_empty() {
        // A new branch or tag on a commit that GitHub knows already lists none but names its newest.
        commits.extend(payload.head_commit.as_ref().and_then(Commit::item));
    }
    let push = Push {
        service: service.as_ref().to_owned(),
        branch: branch.to_owned(),
        before: owned(payload.before.as_ref()).filter(|before| !is_nothing(before)),
        after: after.as_ref().to_owned(),
        actor: login(payload.sender.as_ref()),
        commits,
    };
    let at = repository.pushed_at.0.unwrap_or(context.received_at);
    let id = format!("{}:{}:{}", push.service, reference.as_ref(), push.after);
    let title = match push.commits.len() {
        1 => format!("1 commit to {branch}"),
        count => format!("{count} commits to {branch}"),
    };
    Ok(Reception::of([Item::of(&push, id, at, title).maybe_url(owned(payload.compare.as_ref()))]))
}

impl Commit<'_> {
    /// A commit without a time starts no lead time: it is left out.
    fn item(&self) -> Option<CommitItem> {
        Some(CommitItem { id: owned(self.id.as_ref())?, committed_at: self.timestamp.0? })
    }
}

/// The all-zero hash that Git uses for "no commit".
fn is_nothing(hash: &str) -> bool {
    hash.bytes().all(|digit| digit == b'0')
}
