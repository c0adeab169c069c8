//! Kept versions of a plugin, its shadow, and what happened to it.

use super::installs::{Ability, RaisedBudget, Signer};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A version that this host keeps.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
// The host's own version has the short name.
#[schema(as = PluginVersion)]
pub struct Version {
    /// `sha256:...` of the package.
    pub digest: String,
    /// Semantic version.
    pub version: String,
    /// "active", "waiting" (for approval), "shadow", "kept" or "withdrawn".
    pub state: String,
    /// Why it was withdrawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// It is revoked: not even by hand can it be used again, until the revocation is lifted.
    pub revoked: bool,
    /// One goes back to this one when nothing else is said.
    pub is_fallback: bool,
    /// Who signed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signer: Option<Signer>,
    /// Size in bytes.
    pub size: u64,
    /// Where it came from: "upload", "folder: FILE" or the catalogue's reference.
    pub source: String,
    /// When it came.
    pub installed_at: DateTime<Utc>,
    /// When it was activated last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activated_at: Option<DateTime<Utc>>,
    /// What it can do.
    pub abilities: Vec<Ability>,
    /// Budgets that are larger than those of the active version.
    pub raised: Vec<RaisedBudget>,
}

/// A version in short.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct VersionName {
    /// Semantic version.
    pub version: String,
    /// `sha256:...` of the package.
    pub digest: String,
}

/// A version that is compared with the active one.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Shadow {
    /// Semantic version.
    pub version: String,
    /// `sha256:...` of the package.
    pub digest: String,
    /// Since when.
    pub since: DateTime<Utc>,
    /// It is decided after so many compared calls.
    pub calls: u64,
    /// So many of them may differ.
    pub differences: u64,
    /// Somebody agreed to all that it wants: it becomes active by the rule alone.
    pub agreed: bool,
    /// Calls compared so far.
    pub compared: u64,
    /// Of them, how many differed.
    pub different: u64,
    /// The last differences.
    pub samples: Vec<Difference>,
}

/// One call that the shadow answered differently.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Difference {
    /// The active version's call.
    pub call: String,
    /// "webhook", "source", ...
    pub kind: String,
    /// Where the answers differ, in words.
    pub difference: String,
}

/// Something that happened to a plugin.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PluginEvent {
    /// Its place; grows.
    pub seq: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// Which plugin, or what else it is about: "key:...", "publisher:...", "file:...".
    pub plugin: String,
    /// Which version, when it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// "installed", "updated", "waiting", "approved", "rolled-back", "revoked", ...
    pub what: String,
    /// Who: an admin, or "host".
    pub actor: String,
    /// One sentence.
    pub detail: String,
}

/// Which events.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EventQuery {
    /// Where the page before ended.
    pub cursor: Option<String>,
    /// Rows on a page, 1 to 200.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<u32>,
}
