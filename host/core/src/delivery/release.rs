//! Releases and repositories: how observations of them add up.

use crate::fact::{Known, clean, clean_option, clean_url};
use crate::id::ConnectionId;
use crate::pipelines::derived_id;
use crate::time::Timestamp;
use opssight_items as wire;
use serde::{Deserialize, Serialize};

/// Everything ever learnt about one release, as it is stored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReleaseDoc {
    upstream_id: String,
    service: Known<String>,
    tag: Known<String>,
    name: Known<String>,
    url: Known<String>,
    author: Known<String>,
    prerelease: Known<bool>,
    draft: Known<bool>,
    deleted: Known<bool>,
    created_at: Known<Timestamp>,
    published_at: Known<Timestamp>,
}

/// What is known of a release now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// Our id.
    pub id: String,
    /// Seen through.
    pub connection: ConnectionId,
    /// "owner/name".
    pub service: String,
    /// Tag.
    pub tag: String,
    /// Name.
    pub name: Option<String>,
    /// Its page upstream.
    pub url: Option<String>,
    /// Author.
    pub author: Option<String>,
    /// Not for everyone yet.
    pub prerelease: bool,
    /// Taken back.
    pub deleted: bool,
    /// Became public, or was written.
    pub at: Timestamp,
}

impl ReleaseDoc {
    /// Take in one observation.
    pub fn learn(&mut self, seen: &wire::Release, at: Timestamp) {
        self.upstream_id.clone_from(&seen.id);
        self.service.learn(Some(clean(&seen.service)), at);
        self.tag.learn(clean_option(Some(&seen.tag)), at);
        self.name.learn(clean_option(seen.name.as_ref()), at);
        self.url.learn(clean_url(seen.url.as_ref()), at);
        self.author.learn(clean_option(seen.author.as_ref()), at);
        self.prerelease.learn(seen.prerelease, at);
        self.draft.learn(seen.draft, at);
        self.deleted.learn(seen.deleted, at);
        self.created_at.learn(seen.created_at.map(Timestamp::from_millis), at);
        self.published_at.learn(seen.published_at.map(Timestamp::from_millis), at);
    }

    /// What is known now.
    pub fn view(&self, connection: &ConnectionId) -> Release {
        Release {
            id: derived_id("rel", &[connection.as_str(), &self.upstream_id]),
            connection: connection.clone(),
            service: self.service.cloned().unwrap_or_default(),
            tag: self.tag.cloned().unwrap_or_default(),
            name: self.name.cloned(),
            url: self.url.cloned(),
            author: self.author.cloned(),
            prerelease: self.prerelease.cloned().unwrap_or(false),
            deleted: self.deleted.cloned().unwrap_or(false),
            at: self.published_at.cloned().or(self.created_at.cloned()).unwrap_or_default(),
        }
    }
}

/// Everything ever learnt about one repository, as it is stored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RepositoryDoc {
    service: String,
    url: Known<String>,
    default_branch: Known<String>,
    archived: Known<bool>,
    private: Known<bool>,
    removed: Known<bool>,
}

/// What is known of a repository now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// "owner/name".
    pub service: String,
    /// Its page upstream.
    pub url: Option<String>,
    /// Branch that changes land on.
    pub default_branch: Option<String>,
    /// Nothing happens there any more.
    pub archived: bool,
    /// Out of sight.
    pub removed: bool,
}

impl RepositoryDoc {
    /// Take in one observation.
    pub fn learn(&mut self, seen: &wire::Repository, at: Timestamp) {
        self.service = clean(&seen.service);
        self.url.learn(clean_url(seen.url.as_ref()), at);
        self.default_branch.learn(clean_option(seen.default_branch.as_ref()), at);
        self.archived.learn(seen.archived, at);
        self.private.learn(seen.private, at);
        self.removed.learn(seen.removed, at);
    }

    /// What is known now.
    pub fn view(&self) -> Repository {
        Repository {
            service: self.service.clone(),
            url: self.url.cloned(),
            default_branch: self.default_branch.cloned(),
            archived: self.archived.cloned().unwrap_or(false),
            removed: self.removed.cloned().unwrap_or(false),
        }
    }
}
