//! Installing plugins and what comes after: what a package is, which versions are kept, what happened.

mod convert;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One thing that a plugin can do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Ability {
    /// The same in every version that can do it: "send GET https://api.example.com with api".
    pub key: String,
    /// A sentence that fits after "It ...".
    pub says: String,
    /// How loudly to say it: "safe", "caution" or "danger".
    pub risk: String,
    /// Whether a connection can withhold it.
    pub can_be_withheld: bool,
}

/// What a newer version can do that the older could not, and the other way round.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AbilityChange {
    /// Somebody has to agree to it.
    pub wider: bool,
    /// New abilities.
    pub added: Vec<Ability>,
    /// Abilities that it gave up.
    pub removed: Vec<Ability>,
    /// Budgets that became larger.
    pub raised: Vec<RaisedBudget>,
}

/// A budget that became larger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RaisedBudget {
    /// "webhook.cpu_ms".
    pub budget: String,
    /// What it was; absent: the kind's own limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<u32>,
    /// What it would be; absent: the kind's own limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<u32>,
}

/// Who signed a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Signer {
    /// For whom.
    pub publisher: String,
    /// "ed25519:" and 64 hexadecimal digits.
    pub key: String,
}

/// Why a package would be refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RefusedPackage {
    /// Machine readable: "wrong-key", "downgrade", "import".
    pub code: String,
    /// What is wrong and how to mend it.
    pub message: String,
}

/// What a package is and would mean here, before anything is kept.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Inspection {
    /// `sha256:...` of the package: agreeing to it is agreeing to this digest.
    pub digest: String,
    /// "github".
    pub id: String,
    /// "GitHub".
    pub name: String,
    /// Semantic version.
    pub version: String,
    /// Whose it claims to be.
    pub publisher: String,
    /// One sentence.
    pub description: String,
    /// SPDX expression.
    pub licence: String,
    /// Size in bytes.
    pub size: u64,
    /// What it is: "source", "webhook", ...
    pub kinds: Vec<String>,
    /// Who signed it; absent: nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signer: Option<Signer>,
    /// The signer's key is new here: installing the package pins it to the publisher.
    pub pins_key: bool,
    /// All that it can do.
    pub abilities: Vec<Ability>,
    /// What it cannot do, in one sentence.
    pub cannot: String,
    /// The version that runs now; absent for a new plugin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update_from: Option<String>,
    /// What would change; absent for a new plugin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<AbilityChange>,
    /// It is what runs already.
    pub is_active: bool,
    /// Things to know that do not refuse it.
    pub remarks: Vec<String>,
    /// Why it would be refused, if it would.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<RefusedPackage>,
}

/// How an installation went.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct InstallAnswer {
    /// "active": it runs; "unchanged": it ran already; "waiting": it wants more than the version that runs, and waits
    /// for approval; "shadow": it is compared with the version that runs.
    pub approval: String,
    /// What was installed.
    pub inspection: Inspection,
}

/// A package of the catalogue.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FromCatalogue {
    /// Which plugin.
    pub id: String,
    /// A version, a requirement ("^1.2") or a digest; absent: the newest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// How to install.
#[derive(Debug, Clone, Default, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct InstallQuery {
    /// The digest whose abilities were agreed to. Needed for a new plugin, and for an update that wants more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consent: Option<String>,
    /// The name may look like that of another plugin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_similar_name: Option<bool>,
    /// Compare it with the version that runs for so many calls before it takes over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shadow_calls: Option<u64>,
    /// Take over if at most so many of them differ.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shadow_differences: Option<u64>,
}

/// One version of a plugin that this host keeps.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PluginVersion {
    /// `sha256:...` of the package.
    pub digest: String,
    /// Semantic version.
    pub version: String,
    /// "active", "waiting", "shadow", "kept" or "withdrawn".
    pub state: String,
    /// Why it was withdrawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// It may not be used again until the revocation is lifted.
    pub revoked: bool,
    /// Who signed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signer: Option<Signer>,
    /// Where it came from: "upload", a path or a reference.
    pub source: String,
    /// Size in bytes.
    pub size: u64,
    /// When it came.
    pub installed_at: DateTime<Utc>,
    /// When it was activated last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activated_at: Option<DateTime<Utc>>,
    /// What would change if it took the place of the active version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<AbilityChange>,
}

/// A version in the shadow of the active one: the same calls, offline, answers compared.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ShadowState {
    /// Which version.
    pub digest: String,
    /// Since when.
    pub since: DateTime<Utc>,
    /// Decide after so many compared calls.
    pub calls: u64,
    /// Take over if at most so many differ.
    pub differences: u64,
    /// Calls compared so far.
    pub compared: u64,
    /// Of them, how many differed.
    pub different: u64,
    /// The last differences.
    pub samples: Vec<ShadowDifference>,
}

/// A call whose answers differed.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ShadowDifference {
    /// The active version's call.
    pub call: String,
    /// "webhook", "source", ...
    pub kind: String,
    /// Where they differ, in words.
    pub difference: String,
}

/// An installed plugin and its versions.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Installation {
    /// Which plugin.
    pub id: String,
    /// Whose it is.
    pub publisher: String,
    /// Calls are made.
    pub enabled: bool,
    /// Digest of the version that runs; absent: none does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active: Option<String>,
    /// Digest that a rollback leads to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<String>,
    /// Kept versions, newest first.
    pub versions: Vec<PluginVersion>,
    /// The comparison that runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shadow: Option<ShadowState>,
}

/// Which version a step is about.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VersionChoice {
    /// `sha256:...`.
    pub digest: String,
}

/// Where to go back to.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RollbackRequest {
    /// `sha256:...`; absent: the version that ran before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Why, for the record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What to compare with the active version.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShadowRequest {
    /// `sha256:...` of a kept version.
    pub digest: String,
    /// Decide after so many compared calls (100 unless told).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calls: Option<u64>,
    /// Take over if at most so many differ (none unless told).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub differences: Option<u64>,
}

/// Why.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ReasonGiven {
    /// For the record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Stop something now, and never use it again until the revocation is lifted. Exactly one of the three.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NewRevocation {
    /// All versions of a plugin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugin: Option<String>,
    /// One package.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Everything that a key signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Why.
    pub reason: String,
}

/// What revoking did.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RevokedNow {
    /// Calls that were under way and were interrupted.
    pub interrupted: u64,
}

/// A revocation in force.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Revocation {
    /// "plugin:...", "digest:..." or "key:...": what lifts it again.
    pub target: String,
    /// Why.
    pub reason: String,
    /// Since when.
    pub at: DateTime<Utc>,
    /// Who.
    pub actor: String,
}

/// A publisher's pinned key.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Publisher {
    /// The namespace.
    pub name: String,
    /// Its key.
    pub key: String,
    /// Since when.
    pub pinned_at: DateTime<Utc>,
}

/// The key to trust from now on.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TrustedKey {
    /// "ed25519:" and 64 hexadecimal digits.
    pub key: String,
}

/// Something that happened to a plugin.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PluginEvent {
    /// Its place; grows.
    pub seq: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// Which plugin.
    pub plugin: String,
    /// Which version, when it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// "installed", "approved", "updated", "rolled-back", "revoked", "breaker-opened", ...
    pub what: String,
    /// Who: an admin, or "host".
    pub actor: String,
    /// One sentence.
    pub detail: String,
}

/// Which events.
#[derive(Debug, Clone, Default, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EventQuery {
    /// Where the page before ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// At most this many (50 unless told).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// What becomes of a plugin's connections.
#[derive(Debug, Clone, Default, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct UninstallQuery {
    /// "keep" (they work again after a new installation) or "remove" (with credentials and state). "keep" unless told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
}

/// Words to look for.
#[derive(Debug, Clone, Default, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CatalogueQuery {
    /// Every word must be found in id, name, publisher, description or kinds; empty finds all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// At most this many (50 unless told).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// What the catalogues offer.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CatalogueAnswer {
    /// By id.
    pub items: Vec<CatalogueEntry>,
    /// Places that could not be looked at, in words.
    pub problems: Vec<String>,
}

/// A plugin that a catalogue offers, as the catalogue describes it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CatalogueEntry {
    /// Which plugin.
    pub id: String,
    /// "GitHub".
    pub name: String,
    /// The newest version.
    pub version: String,
    /// Whose it is.
    pub publisher: String,
    /// One sentence.
    pub description: String,
    /// SPDX expression.
    pub licence: String,
    /// "webhook", "source", ...
    pub kinds: Vec<String>,
    /// `sha256:...` of the newest package.
    pub digest: String,
    /// Size in bytes.
    pub size: u64,
    /// The place that offers it.
    pub place: String,
    /// The version that is installed here, if one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub installed: Option<String>,
}

/// A version that a catalogue has.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CatalogueVersion {
    /// Which.
    pub version: String,
    /// The place that has it.
    pub place: String,
}
