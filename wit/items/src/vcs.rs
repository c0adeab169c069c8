//! Version control: changes (pull or merge requests), reviews, pushes, repositories.

use serde::{Deserialize, Serialize};

/// Stage of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ChangeState {
    /// Under way.
    Open,
    /// Given up.
    Closed,
    /// Landed; nothing undoes it.
    Merged,
}

/// A change proposed to a repository (OpenTelemetry `vcs.change`). Keyed by `(service, number)`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Change {
    /// The repository.
    pub service: String,
    /// The number people quote.
    pub number: u64,
    /// Its title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Its page upstream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Stage of life.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<ChangeState>,
    /// Not ready for review.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub draft: Option<bool>,
    /// Login of its author.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// Branch it should land on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// Branch it comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head: Option<String>,
    /// Newest commit of that branch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head_commit: Option<String>,
    /// The commit that landed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merge_commit: Option<String>,
    /// Lines added.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub additions: Option<u64>,
    /// Lines removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deletions: Option<u64>,
    /// Number of commits in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commits: Option<u64>,
    /// When its first commit was written, if the upstream says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_commit_at: Option<i64>,
    /// When it was proposed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<i64>,
    /// When it landed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merged_at: Option<i64>,
    /// When it was closed, landed or not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<i64>,
}

/// What a reviewer said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ReviewState {
    /// Remarks only.
    Commented,
    /// Asks for work.
    ChangesRequested,
    /// Yes.
    Approved,
    /// Taken back or overruled.
    Dismissed,
}

/// A review of a change. Keyed by `id`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Review {
    /// The upstream's id.
    pub id: String,
    /// The repository.
    pub service: String,
    /// Number of the change.
    pub change: u64,
    /// What was said.
    pub state: ReviewState,
    /// Login of the reviewer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reviewer: Option<String>,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub submitted_at: Option<i64>,
}

/// Commits that arrived on a branch. Keyed by `(service, branch, after)`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Push {
    /// The repository.
    pub service: String,
    /// Branch or tag name without "refs/heads/" or "refs/tags/".
    pub branch: String,
    /// Newest commit before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// Newest commit now.
    pub after: String,
    /// Login of who pushed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// The commits, oldest first, as far as the upstream lists them.
    pub commits: Vec<Commit>,
}

/// One commit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Commit {
    /// Its hash.
    pub id: String,
    /// When it was committed: change lead time starts here.
    pub committed_at: i64,
}

/// A repository that the connection can see. Keyed by `service`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Repository {
    /// "owner/name".
    pub service: String,
    /// The upstream's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its page upstream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Branch that changes land on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_branch: Option<String>,
    /// Nothing happens there any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archived: Option<bool>,
    /// Not for everyone's eyes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub private: Option<bool>,
    /// Gone, or taken out of the connection's sight.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub removed: Option<bool>,
}
