//! A change (pull or merge request) and its reviews: how observations of them add up.

use crate::fact::{Known, clean, clean_option, clean_url};
use crate::id::{ChangeId, ConnectionId};
use crate::pipelines::derived_id;
use crate::time::Timestamp;
use opssight_items::{Change as Seen, ChangeState, Review, ReviewState};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Everything ever learnt about one change, as it is stored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ChangeDoc {
    service: String,
    number: u64,
    title: Known<String>,
    url: Known<String>,
    state: Known<ChangeState>,
    draft: Known<bool>,
    author: Known<String>,
    base: Known<String>,
    head: Known<String>,
    head_commit: Known<String>,
    merge_commit: Known<String>,
    additions: Known<u64>,
    deletions: Known<u64>,
    commits: Known<u64>,
    first_commit_at: Known<Timestamp>,
    created_at: Known<Timestamp>,
    merged_at: Known<Timestamp>,
    closed_at: Known<Timestamp>,
    /// When commits known to belong to it were written: the earliest of its head's that we saw.
    head_commit_at: Option<Timestamp>,
    reviews: BTreeMap<String, ReviewDoc>,
}

/// One review, as it is stored inside of its change.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ReviewDoc {
    /// When it was seen so.
    pub at: Timestamp,
    /// What was said.
    pub state: ReviewState,
    /// When.
    pub submitted_at: Timestamp,
}

/// What is known now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Our id.
    pub id: ChangeId,
    /// Seen through.
    pub connection: ConnectionId,
    /// "owner/name".
    pub service: String,
    /// Number people quote.
    pub number: u64,
    /// Title.
    pub title: Option<String>,
    /// Its page upstream.
    pub url: Option<String>,
    /// Stage of life.
    pub state: ChangeState,
    /// Not ready for review.
    pub draft: bool,
    /// Author.
    pub author: Option<String>,
    /// Lands on.
    pub base: Option<String>,
    /// Comes from.
    pub head: Option<String>,
    /// Newest commit.
    pub head_commit: Option<String>,
    /// Commit that landed.
    pub merge_commit: Option<String>,
    /// First commit written, as far as known.
    pub first_commit_at: Option<Timestamp>,
    /// Proposed.
    pub created_at: Option<Timestamp>,
    /// First reviewed.
    pub first_review_at: Option<Timestamp>,
    /// First approved.
    pub approved_at: Option<Timestamp>,
    /// Landed.
    pub merged_at: Option<Timestamp>,
    /// Closed, landed or not.
    pub closed_at: Option<Timestamp>,
}

impl ChangeId {
    /// The id follows from what it is, so that every order of arrival gives the same one.
    pub fn of(connection: &ConnectionId, service: &str, number: u64) -> ChangeId {
        ChangeId(derived_id("chg", &[connection.as_str(), service, &number.to_string()]))
    }
}

impl ChangeDoc {
    /// A change that nothing is known about yet but that it exists.
    pub fn new(service: &str, number: u64) -> Self {
        Self { service: clean(service), number, ..Self::default() }
    }

    /// Take in one observation.
    pub fn learn(&mut self, seen: &Seen, at: Timestamp) {
        self.title.learn(clean_option(seen.title.as_ref()), at);
        self.url.learn(clean_url(seen.url.as_ref()), at);
        self.state.learn(seen.state, at);
        self.draft.learn(seen.draft, at);
        self.author.learn(clean_option(seen.author.as_ref()), at);
        self.base.learn(clean_option(seen.base.as_ref()), at);
        self.head.learn(clean_option(seen.head.as_ref()), at);
        self.head_commit.learn(clean_option(seen.head_commit.as_ref()), at);
        self.merge_commit.learn(clean_option(seen.merge_commit.as_ref()), at);
        self.additions.learn(seen.additions, at);
        self.deletions.learn(seen.deletions, at);
        self.commits.learn(seen.commits, at);
        self.first_commit_at.learn(seen.first_commit_at.map(Timestamp::from_millis), at);
        self.created_at.learn(seen.created_at.map(Timestamp::from_millis), at);
        self.merged_at.learn(seen.merged_at.map(Timestamp::from_millis), at);
        self.closed_at.learn(seen.closed_at.map(Timestamp::from_millis), at);
    }

    /// Take in a review of it.
    pub fn learn_review(&mut self, seen: &Review, at: Timestamp) {
        let review =
            ReviewDoc { at, state: seen.state, submitted_at: seen.submitted_at.map_or(at, Timestamp::from_millis) };
        let id = clean(&seen.id);
        match self.reviews.get_mut(&id) {
            Some(known) if *known >= review => {}
            Some(known) => *known = review,
            None => {
                self.reviews.insert(id, review);
            }
        }
    }

    /// One of its commits was written at that time.
    pub fn learn_commit(&mut self, committed_at: Timestamp) {
        self.head_commit_at = Some(self.head_commit_at.map_or(committed_at, |known| known.min(committed_at)));
    }

    /// What is known now.
    pub fn view(&self, connection: &ConnectionId) -> Change {
        let first = |wanted: &dyn Fn(ReviewState) -> bool| {
            self.reviews.values().filter(|review| wanted(review.state)).map(|review| review.submitted_at).min()
        };
        Change {
            id: ChangeId::of(connection, &self.service, self.number),
            connection: connection.clone(),
            service: self.service.clone(),
            number: self.number,
            title: self.title.cloned(),
            url: self.url.cloned(),
            // Nothing undoes a landing, whatever a late observation says.
            state: if self.merged_at.is_unknown() {
                self.state.cloned().unwrap_or(ChangeState::Open)
            } else {
                ChangeState::Merged
            },
            draft: self.draft.cloned().unwrap_or(false),
            author: self.author.cloned(),
            base: self.base.cloned(),
            head: self.head.cloned(),
            head_commit: self.head_commit.cloned(),
            merge_commit: self.merge_commit.cloned(),
            first_commit_at: self.first_commit_at.cloned().into_iter().chain(self.head_commit_at).min(),
            created_at: self.created_at.cloned(),
            first_review_at: first(&|_| true),
            approved_at: first(&|state| state == ReviewState::Approved),
            merged_at: self.merged_at.cloned(),
            closed_at: self.closed_at.cloned(),
        }
    }
}

impl Change {
    /// When work on it is first known to have begun: its first known commit, or its proposal if that was earlier
    /// or no commit is known.
    pub fn begun_at(&self) -> Option<Timestamp> {
        self.first_commit_at.into_iter().chain(self.created_at).min()
    }

    /// The time by which lists are ordered.
    pub fn sort_at(&self) -> Timestamp {
        self.created_at.or(self.merged_at).or(self.first_review_at).unwrap_or_default()
    }

    /// CDEvents' word for what happened.
    pub fn event_type(&self) -> &'static str {
        match self.state {
            ChangeState::Merged => "dev.cdevents.change.merged.0.3.0",
            ChangeState::Closed => "dev.cdevents.change.abandoned.0.3.0",
            ChangeState::Open if self.first_review_at.is_some() => "dev.cdevents.change.reviewed.0.3.0",
            ChangeState::Open => "dev.cdevents.change.created.0.4.0",
        }
    }
}
