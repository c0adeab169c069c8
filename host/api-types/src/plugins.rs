//! Installed plugins.

mod calls;
pub mod catalogue;
pub mod changes;
mod convert;
pub mod installs;
pub mod versions;

pub use calls::{Call, CallFailure, CallOutcome, CallQuery, PluginLogLine};
pub(crate) use convert::danger;

use chrono::{DateTime, Utc};
use installs::{Ability, Signer};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;
use versions::{Shadow, VersionName};

/// An installed plugin.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Plugin {
    /// "github".
    pub id: String,
    /// "GitHub".
    pub name: String,
    /// Semantic version.
    pub version: String,
    /// Who publishes it.
    pub publisher: String,
    /// One sentence.
    pub description: String,
    /// SPDX expression.
    pub licence: String,
    /// Where its documentation is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub homepage: Option<String>,
    /// `sha256:...` of the package.
    pub digest: String,
    /// Size of the package in bytes.
    pub size: u64,
    /// What it is: "source", "webhook", "actions", "health".
    pub kinds: Vec<String>,
    /// Interfaces that it imports: all it can do.
    pub imports: Vec<String>,
    /// What it can do, in words, computed from its imports and its manifest.
    pub abilities: Vec<String>,
    /// Where it may send requests.
    pub egress: Vec<Egress>,
    /// JSON Schema of a connection's settings.
    #[schema(value_type = Object)]
    pub settings_schema: serde_json::Value,
    /// What a connection signs in with.
    pub credentials: Vec<CredentialForm>,
    /// What it takes by push.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<WebhookForm>,
    /// What it pulls.
    pub feeds: Vec<Feed>,
    /// What it can be asked to do.
    pub actions: Vec<PluginAction>,
    /// Limits in force per call, by kind.
    pub budgets: BTreeMap<String, Budget>,
    /// What it did since the host started.
    pub stats: PluginStats,
    /// Calls are made; switched off, deliveries are taken and wait.
    pub enabled: bool,
    /// "active": it runs. "disabled": it is switched off. "stopped": no version of it may run. "not-loaded": its active
    /// version could not be loaded.
    pub state: String,
    /// Who signed the version; absent when nobody did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signer: Option<Signer>,
    /// A version that wants more and waits for approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<VersionName>,
    /// A version that is compared with the active one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shadow: Option<Shadow>,
    /// What it can do, one by one, with what a connection can withhold.
    pub can: Vec<Ability>,
}

/// Where requests may go.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Egress {
    /// Base URL; `{setting:name}` stands for a setting of the connection.
    pub url: String,
    /// Methods.
    pub methods: Vec<String>,
    /// Credential that the host attaches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
    /// Why.
    pub reason: String,
}

/// A credential to fill in: choose one scheme.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CredentialForm {
    /// Key in `Connection.credentials`.
    pub name: String,
    /// For people.
    pub title: String,
    /// May be left out.
    pub optional: bool,
    /// Ways to give it.
    pub schemes: Vec<CredentialSchemeForm>,
}

/// One way to give a credential.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CredentialSchemeForm {
    /// "bearer", "aws-sigv4", "hmac-sha256", ...
    pub scheme: String,
    /// For people.
    pub title: String,
    /// Fields.
    pub inputs: Vec<CredentialInputForm>,
}

/// A field of a credential.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CredentialInputForm {
    /// Its key.
    pub name: String,
    /// For people.
    pub title: String,
    /// Where to find it.
    pub help: String,
    /// Never shown again once stored.
    pub secret: bool,
    /// A text area.
    pub multiline: bool,
    /// It may stay empty.
    #[serde(default)]
    pub optional: bool,
}

/// How deliveries are set up upstream.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct WebhookForm {
    /// Credential that verifies them.
    pub credential: String,
    /// Markdown: where to paste the address and the secret.
    pub setup: String,
}

/// Something that is pulled.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Feed {
    /// Its name.
    pub name: String,
    /// For people.
    pub title: String,
    /// How often, seconds.
    pub every_secs: u32,
    /// "live", "reconcile" or "backfill".
    pub priority: String,
}

/// Something that can be done.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PluginAction {
    /// Its name.
    pub name: String,
    /// For people.
    pub title: String,
    /// What it does.
    pub description: String,
    /// What it is about: "run", "deployment", "pipeline", "connection".
    pub subject: String,
    /// Least role that may.
    pub role: String,
    /// "safe", "caution" or "danger".
    pub danger: String,
    /// JSON Schema of its input.
    #[schema(value_type = Object)]
    pub input_schema: serde_json::Value,
}

/// Limits of one call.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Budget {
    /// Thread CPU time, milliseconds.
    pub cpu_ms: u32,
    /// Wall time, milliseconds.
    pub wall_ms: u32,
    /// Linear memory, MiB.
    pub memory_mib: u32,
    /// Outbound requests.
    pub requests: u32,
    /// One response, KiB.
    pub response_kib: u32,
}

/// What a plugin did since the host started.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PluginStats {
    /// Calls made.
    pub calls: u64,
    /// Calls that failed, by whose fault: "plugin", "upstream", "policy", "host".
    pub failures: BTreeMap<String, u64>,
    /// Calls that failed, by what to do about it: "auth", "rate-limited", "trap", "budget", ...
    #[serde(default)]
    pub classes: BTreeMap<String, u64>,
    /// Calls by kind.
    #[serde(default)]
    pub kinds: BTreeMap<String, KindStats>,
    /// CPU time per call, microseconds, median.
    pub cpu_us_p50: u64,
    /// CPU time per call, microseconds, 99th percentile.
    pub cpu_us_p99: u64,
    /// CPU time of all calls together, milliseconds.
    #[serde(default)]
    pub cpu_ms_total: u64,
    /// Wall time per call, microseconds, median.
    pub wall_us_p50: u64,
    /// Wall time per call, microseconds, 99th percentile.
    pub wall_us_p99: u64,
    /// Most memory that one call used, bytes.
    pub memory_bytes_max: u64,
    /// Outbound requests let through.
    pub egress_requests: u64,
    /// Outbound requests refused.
    pub egress_denied: u64,
    /// Log lines that were too many and are gone.
    #[serde(default)]
    pub log_lines_dropped: u64,
    /// The last error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// The last failure of each connection that had one, newest first; at most a hundred.
    #[serde(default)]
    pub last_faults: Vec<ConnectionFault>,
}

/// Calls of one kind.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct KindStats {
    /// Made.
    pub calls: u64,
    /// Of them, how many failed.
    pub failed: u64,
}

/// The last failure of a connection.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ConnectionFault {
    /// Which connection.
    pub connection: String,
    /// When.
    pub at: DateTime<Utc>,
    /// The kind of call: "webhook", "source", ...
    pub kind: String,
    /// What went wrong.
    pub error: CallFailure,
}
