//! Installing plugins: what a package is and can do, and how an installation went.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// One thing that a plugin can do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Ability {
    /// The same in every version: "send GET https://api.example.com with api". What `withheld` of a connection names.
    pub key: String,
    /// On what terms, where they are part of what is agreed to: "for the role operator". An update that can do the same
    /// on other terms must be agreed to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms: Option<String>,
    /// A sentence that fits after "It ...".
    pub says: String,
    /// "safe", "caution" or "danger".
    pub risk: String,
    /// Whether a connection can withhold it.
    pub can_be_withheld: bool,
}

/// A budget that an update would raise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RaisedBudget {
    /// "webhook.cpu_ms".
    pub name: String,
    /// What it asks for now; absent is the limit of its kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub then: Option<u32>,
    /// What it would ask for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub now: Option<u32>,
}

/// What an update would change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AbilityChange {
    /// The version that runs now.
    pub from: String,
    /// It can do more, or use more: somebody must agree.
    pub wider: bool,
    /// New abilities.
    pub added: Vec<Ability>,
    /// Abilities that it gives up.
    pub removed: Vec<Ability>,
    /// Budgets that become larger.
    pub raised: Vec<RaisedBudget>,
}

/// Who signed a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Signer {
    /// For whom.
    pub publisher: String,
    /// The public key: "ed25519:...".
    pub key: String,
}

/// Why a package would be refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Refused {
    /// Stable and machine readable: "downgrade", "similar-name", ...
    pub code: String,
    /// What is wrong and how to mend it.
    pub message: String,
}

/// What a package is and would mean here. Nothing of it was kept or compiled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Inspection {
    /// The plugin's id.
    pub plugin: String,
    /// For people.
    pub name: String,
    /// Semantic version.
    pub version: String,
    /// Who publishes it.
    pub publisher: String,
    /// One sentence.
    pub description: String,
    /// SPDX expression.
    pub licence: String,
    /// `sha256:...` of the package: what consent is given to.
    pub digest: String,
    /// Size in bytes.
    pub size: u64,
    /// "source", "webhook", "actions", "health".
    pub kinds: Vec<String>,
    /// Interfaces that it imports.
    pub imports: Vec<String>,
    /// Who signed it; absent when nobody did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signer: Option<Signer>,
    /// The key is new here: installing pins it for the publisher.
    pub new_key: bool,
    /// What it can do.
    pub abilities: Vec<Ability>,
    /// What it cannot do, in one sentence.
    pub cannot: String,
    /// For an update: what changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update: Option<AbilityChange>,
    /// It is what runs already.
    pub is_active: bool,
    /// Things to know that do not refuse it.
    pub remarks: Vec<String>,
    /// Why it would be refused, if it would.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Refused>,
}

/// How an installation went.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Installed {
    /// "active": it runs. "unchanged": nothing changed. "waiting": it wants more than what runs, and somebody must agree.
    /// "shadow": it is compared with what runs.
    pub approval: String,
    /// What it is.
    pub inspection: Inspection,
}

/// A package that a catalogue offers, instead of its bytes.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CataloguePackage {
    /// The plugin.
    pub id: String,
    /// A version, a requirement ("^1.2") or a digest ("sha256:..."); the newest release without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// The bytes of a package.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(value_type = String, format = Binary)]
pub struct PackageBytes(pub Vec<u8>);

/// How to install.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct InstallQuery {
    /// The digest of the package whose abilities somebody saw and agreed to.
    pub consent: Option<String>,
    /// Install it although its name looks like another one.
    pub allow_similar_name: Option<bool>,
    /// Compare it with the active version for so many calls first.
    pub shadow_calls: Option<u64>,
    /// Calls that may differ and it is promoted all the same.
    pub shadow_differences: Option<u64>,
}
