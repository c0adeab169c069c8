//! Pull requests and their reviews, from deliveries and from `GET .../pulls`, which leaves out the counts.

use super::value::{Text, User, When, login};
use super::{Context, Repository, need, owned, read, service};
use opssight_plugin::items::{Change, ChangeState, Review as ReviewItem, ReviewState};
use opssight_plugin::{Failure, Item, Reception};
use serde::Deserialize;

#[derive(Deserialize)]
struct Payload<'a> {
    #[serde(borrow)]
    pull_request: Option<PullRequest<'a>>,
    #[serde(borrow)]
    review: Option<Review<'a>>,
    #[serde(borrow)]
    repository: Option<Repository<'a>>,
}

/// A pull request.
#[derive(Debug, Deserialize)]
pub(crate) struct PullRequest<'a> {
    pub(crate) number: Option<u64>,
    #[serde(borrow)]
    title: Option<Text<'a>>,
    #[serde(borrow)]
    html_url: Option<Text<'a>>,
    #[serde(borrow)]
    state: Option<Text<'a>>,
    draft: Option<bool>,
    #[serde(borrow)]
    user: Option<User<'a>>,
    #[serde(borrow)]
    base: Option<Branch<'a>>,
    #[serde(borrow)]
    head: Option<Branch<'a>>,
    #[serde(borrow)]
    merge_commit_sha: Option<Text<'a>>,
    merged: Option<bool>,
    additions: Option<u64>,
    deletions: Option<u64>,
    commits: Option<u64>,
    #[serde(default)]
    created_at: When,
    #[serde(default)]
    pub(crate) updated_at: When,
    #[serde(default)]
    pub(crate) merged_at: When,
    #[serde(default)]
    closed_at: When,
}

#[derive(Debug, Deserialize)]
struct Branch<'a> {
    #[serde(borrow, rename = "ref")]
    reference: Option<Text<'a>>,
    #[serde(borrow)]
    sha: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Review<'a> {
    id: Option<u64>,
    #[serde(borrow)]
    state: Option<Text<'a>>,
    #[serde(borrow)]
    user: Option<User<'a>>,
    #[serde(borrow)]
    html_url: Option<Text<'a>>,
    #[serde(default)]
    submitted_at: When,
    #[serde(default)]
    updated_at: When,
}

pub(super) fn change(body: &[u8], context: &Context) -> Result<Reception, Failure> {
    const EVENT: &str = "pull_request";
    let payload: Payload<'_> = read(EVENT, body)?;
    let pull_request = need(EVENT, "pull_request", payload.pull_request)?;
    let service = service(EVENT, payload.repository)?;
    Ok(Reception::of([pull_request.item(EVENT, &service, None, context)?]))
}

pub(super) fn review(body: &[u8], context: &Context) -> Result<Reception, Failure> {
    const EVENT: &str = "pull_request_review";
    let payload: Payload<'_> = read(EVENT, body)?;
    let pull_request = need(EVENT, "pull_request", payload.pull_request)?;
    let change = need(EVENT, "pull_request.number", pull_request.number)?;
    let service = service(EVENT, payload.repository)?;
    let mut items = vec![pull_request.item(EVENT, &service, None, context)?];
    if let Some(review) = payload.review
        && let Some(state) = review.state.as_ref().and_then(review_state)
    {
        let id = need(EVENT, "review.id", review.id)?;
        let payload = ReviewItem {
            id: id.to_string(),
            service: service.as_ref().to_owned(),
            change,
            state,
            reviewer: login(review.user.as_ref()),
            submitted_at: review.submitted_at.0,
        };
        // A dismissal keeps `submitted_at`; only `updated_at`, which older servers do not send, says when it happened.
        let at = review.updated_at.max(review.submitted_at).max(pull_request.updated_at);
        let title = format!("review of {service}#{change}", service = service.as_ref());
        let item = Item::of(&payload, payload.id.clone(), at.0.unwrap_or(context.received_at), title);
        items.push(item.maybe_url(owned(review.html_url.as_ref())));
    }
    Ok(Reception::of(items))
}

impl PullRequest<'_> {
    /// `first_commit_at` is known only to who asked for the commits.
    pub(crate) fn item(
        &self,
        event: &str,
        service: &str,
        first_commit_at: Option<i64>,
        context: &Context,
    ) -> Result<Item, Failure> {
        let number = need(event, "pull_request.number", self.number)?;
        // Lists have only `merged_at`; the hash of an open pull request's test merge stands in `merge_commit_sha`.
        let merged = self.merged_at.0.is_some() || self.merged == Some(true);
        let state = match self.state.as_deref() {
            _ if merged => Some(ChangeState::Merged),
            Some("open") => Some(ChangeState::Open),
            Some("closed") => Some(ChangeState::Closed),
            _ => None,
        };
        let change = Change {
            service: service.to_owned(),
            number,
            title: owned(self.title.as_ref()),
            url: owned(self.html_url.as_ref()),
            state,
            draft: self.draft,
            author: login(self.user.as_ref()),
            base: self.base.as_ref().and_then(|base| owned(base.reference.as_ref())),
            head: self.head.as_ref().and_then(|head| owned(head.reference.as_ref())),
            head_commit: self.head.as_ref().and_then(|head| owned(head.sha.as_ref())),
            merge_commit: if merged { owned(self.merge_commit_sha.as_ref()) } else { None },
            additions: self.additions,
            deletions: self.deletions,
            commits: self.commits,
            first_commit_at,
            created_at: self.created_at.0,
            merged_at: self.merged_at.0,
            closed_at: self.closed_at.0,
        };
        let at = self.updated_at.0.unwrap_or(context.received_at);
        let title = change.title.clone().unwrap_or_else(|| format!("#{number}"));
        Ok(Item::of(&change, format!("{service}#{number}"), at, title).maybe_url(owned(self.html_url.as_ref())))
    }
}

/// Deliveries write it in lower case, the REST API in upper case. A pending review is its author's draft.
fn review_state(state: &Text<'_>) -> Option<ReviewState> {
    match state.to_ascii_lowercase().as_str() {
        "commented" => Some(ReviewState::Commented),
        "changes_requested" => Some(ReviewState::ChangesRequested),
        "approved" => Some(ReviewState::Approved),
        "dismissed" => Some(ReviewState::Dismissed),
        _ => None,
    }
}
