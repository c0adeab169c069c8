//! Where packages come from: places that offer plugins, looked through by name and fetched by version or digest.
//!
//! The port is implemented outside (`opssight-distribution`). What it hands over is bytes and where they came from;
//! whether to believe and to install them is decided by the desk of [`super::installs`], as for any other bytes.

use super::trust::PublisherKey;
use crate::error::Kind;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

/// One plugin that a place offers, as the place describes it. None of it is believed when a package is installed:
/// what counts then is in the package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogueEntry {
    /// Which plugin.
    pub id: String,
    /// The newest version.
    pub version: semver::Version,
    /// `sha256:...` of its package.
    pub digest: String,
    /// For people.
    pub name: String,
    /// Whose it is.
    pub publisher: String,
    /// The key that signed it, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<PublisherKey>,
    /// One sentence.
    pub description: String,
    /// SPDX expression.
    #[serde(default)]
    pub licence: String,
    /// "webhook", "source", ...
    #[serde(default)]
    pub kinds: Vec<String>,
    /// Size of the package in bytes.
    pub size: u64,
    /// The place that offers it: "oci://registry.example/plugins".
    #[serde(default)]
    pub place: String,
}

/// One version that a place has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogueVersion {
    /// Which.
    pub version: semver::Version,
    /// The place that has it.
    pub place: String,
}

/// What was found, and what could not be looked at: one place that is down does not hide the others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// By id, then by the order of places.
    pub entries: Vec<CatalogueEntry>,
    /// In words, one for each place or package that could not be read.
    pub problems: Vec<String>,
}

/// Why a place did not do what was asked. Fits after "failed to ...".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CatalogueError {
    /// No answer.
    #[error("reach {place}: {why}")]
    Unreachable {
        /// Which place.
        place: String,
        /// In words.
        why: String,
    },
    /// It wants to know who asks, or does not let them.
    #[error("{doing} at {place}: it does not let us: {why}")]
    Unauthorised {
        /// What was tried.
        doing: &'static str,
        /// Which place.
        place: String,
        /// How to mend it.
        why: String,
    },
    /// Not there.
    #[error("find {wanted} in {place}: {why}")]
    NotFound {
        /// What was asked for.
        wanted: String,
        /// Which place.
        place: String,
        /// What there is instead.
        why: String,
    },
    /// What came is not what was named.
    #[error("believe {place}: {wanted} should have the digest {expected}, but what came has {given}")]
    OtherDigest {
        /// What was asked for.
        wanted: String,
        /// Which place.
        place: String,
        /// As named.
        expected: String,
        /// As computed.
        given: String,
    },
    /// What came is no plugin, or another one.
    #[error("take {wanted} from {place}: {why}")]
    NotThePlugin {
        /// What was asked for.
        wanted: String,
        /// Which place.
        place: String,
        /// What is wrong.
        why: String,
    },
    /// It offers less than it did.
    #[error(
        "believe {place}: it offered {id} {before} before, and offers {now} as its newest now: what is newer was withdrawn or is withheld; name the version that you want"
    )]
    WentBack {
        /// Which plugin.
        id: String,
        /// Which place.
        place: String,
        /// The newest that it ever offered to this process.
        before: String,
        /// The newest that it offers now.
        now: String,
    },
    /// The version is there with other content.
    #[error(
        "publish {wanted} to {place}: this version is there with other content ({there}), and a version does not change: give the new content a new version"
    )]
    Changed {
        /// Id and version.
        wanted: String,
        /// Which place.
        place: String,
        /// The digest that is there.
        there: String,
    },
    /// Larger than anything that we read.
    #[error("read {what} from {place}: it is larger than {limit} bytes")]
    TooLarge {
        /// What.
        what: String,
        /// Which place.
        place: String,
        /// The most that is read.
        limit: u64,
    },
    /// It answered, but not as such a place does.
    #[error("understand {place}: {why}")]
    Strange {
        /// Which place.
        place: String,
        /// What is strange.
        why: String,
    },
    /// What was asked for cannot be asked for.
    #[error("{0}")]
    Request(String),
}

impl CatalogueError {
    /// The neutral kind.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Unreachable { .. } | Self::Unauthorised { .. } | Self::Strange { .. } => Kind::Upstream,
            Self::NotFound { .. } => Kind::NotFound,
            Self::Changed { .. } | Self::WentBack { .. } => Kind::Conflict,
            Self::OtherDigest { .. } | Self::NotThePlugin { .. } | Self::TooLarge { .. } | Self::Request(_) => {
                Kind::Invalid
            }
        }
    }

    /// The machine-readable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "catalogue-unreachable",
            Self::Unauthorised { .. } => "catalogue-unauthorised",
            Self::NotFound { .. } => "not-in-catalogue",
            Self::OtherDigest { .. } => "other-digest",
            Self::NotThePlugin { .. } => "not-the-plugin",
            Self::Changed { .. } => "changed-version",
            Self::TooLarge { .. } => "too-large",
            Self::Strange { .. } => "catalogue-strange",
            Self::WentBack { .. } => "catalogue-went-back",
            Self::Request(_) => "request",
        }
    }
}

/// The port: places that offer plugins, in the order in which they are asked.
#[async_trait]
pub trait Catalogue: Send + Sync {
    /// Plugins whose id, name, publisher, description or kinds hold every word of the query; all of them for an empty
    /// one. A plugin that several places offer is found once, in the first.
    async fn search(&self, query: &str, limit: usize) -> Result<Found, CatalogueError>;
    /// The versions of a plugin, newest first, in the first place that has it.
    async fn versions(&self, id: &str) -> Result<Vec<CatalogueVersion>, CatalogueError>;
    /// A package and the reference that it came from, for `Source::Catalogue`. `version` is a version, a requirement
    /// ("^1.2") or a digest ("sha256:..."); none is the newest that is not a pre-release.
    async fn fetch(&self, id: &str, version: Option<&str>) -> Result<(Vec<u8>, String), CatalogueError>;
}
