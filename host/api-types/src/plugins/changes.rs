//! What can be asked of an installed plugin, and whom this host trusts.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Which version.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OfVersion {
    /// `sha256:...` of its package.
    pub digest: String,
}

/// Go back.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Rollback {
    /// To which version; to the one that ran before without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Why, for the record.
    pub reason: String,
}

/// Compare a kept version with the active one.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewShadow {
    /// `sha256:...` of its package.
    pub digest: String,
    /// Decide after so many compared calls.
    #[serde(default = "hundred")]
    pub calls: u64,
    /// Promote it if at most so many of them differed.
    #[serde(default)]
    pub differences: u64,
}

fn hundred() -> u64 {
    100
}

/// Let go of a shadow.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DropShadow {
    /// `sha256:...` of its package.
    pub digest: String,
    /// Why, for the record.
    #[serde(default)]
    pub reason: String,
}

/// Stop a plugin, or one version of it, for good.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Revoke {
    /// Only this version; all of them without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Why: shown wherever it is refused.
    pub reason: String,
}

/// What is revoked: one of the three.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RevocationTarget {
    /// All versions of a plugin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugin: Option<String>,
    /// One package, `sha256:...`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Everything that a key signed, `ed25519:...`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// Revoke something.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRevocation {
    /// What.
    pub target: RevocationTarget,
    /// Why: shown wherever it is refused.
    pub reason: String,
}

/// A revocation in force.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Revocation {
    /// What.
    pub target: RevocationTarget,
    /// Why.
    pub reason: String,
    /// Since when.
    pub at: DateTime<Utc>,
    /// Who.
    pub actor: String,
}

/// What a revocation did at once.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Stopped {
    /// Calls that were under way and interrupted. What they were about is tried again.
    pub interrupted: u64,
}

/// What becomes of the connections of a plugin that is uninstalled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Data {
    /// They stay, with credentials and state, and work again after a new installation.
    Keep,
    /// They are removed with everything that belongs to them.
    Remove,
}

/// How to uninstall.
#[derive(Debug, Clone, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct UninstallQuery {
    /// What becomes of its connections.
    #[param(inline)]
    pub data: Data,
}

/// A publisher whose key this host knows.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Publisher {
    /// The name.
    pub publisher: String,
    /// The public key, `ed25519:...`.
    pub key: String,
    /// "listed": the configuration says so. "pinned": an installation, or somebody by hand.
    pub how: String,
    /// Since when it is pinned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pinned_at: Option<DateTime<Utc>>,
}

/// The key to trust for a publisher.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PublisherKey {
    /// `ed25519:` and 64 hexadecimal digits.
    pub key: String,
}
