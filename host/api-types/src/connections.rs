//! Connections: configured plugins.

mod convert;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use utoipa::{IntoParams, ToSchema};

/// A configured plugin.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Connection {
    /// Its id; also the last part of its hook address.
    pub id: String,
    /// For people.
    pub name: String,
    /// Which plugin.
    pub plugin: String,
    /// The version that it runs, by digest; absent while none may run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Off: deliveries are refused and nothing is pulled.
    pub enabled: bool,
    /// Its settings.
    #[schema(value_type = Object)]
    pub settings: serde_json::Value,
    /// Which credentials are filled in, by name; secrets are never shown.
    pub credentials: BTreeMap<String, CredentialState>,
    /// What it may reach beyond its manifest.
    pub grants: Grants,
    /// Where the upstream should deliver: a path on this host's public address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hook_path: Option<String>,
    /// The webhook secret, shown only in the answer that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook_secret: Option<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
    /// What it takes and gives.
    pub status: ConnectionStatus,
}

/// How a connection is doing.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct ConnectionStatus {
    /// "unknown", "ok" or "failing": the last health check.
    pub health: String,
    /// What the last check said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// When it was checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checked_at: Option<DateTime<Utc>>,
    /// When the newest delivery came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_delivery_at: Option<DateTime<Utc>>,
    /// Deliveries waiting to be processed.
    pub pending: u64,
    /// Deliveries that failed for good and can be replayed.
    pub failed: u64,
    /// Each feed.
    pub feeds: Vec<FeedStatus>,
}

/// How a feed is doing.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct FeedStatus {
    /// Its name.
    pub name: String,
    /// When it last succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_success_at: Option<DateTime<Utc>>,
    /// When it is due next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_at: Option<DateTime<Utc>>,
    /// The last error, until a success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Items that it brought in.
    pub items: u64,
}

/// A filled-in credential without its secrets.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CredentialState {
    /// The chosen scheme.
    pub scheme: String,
    /// The inputs that are not secret.
    pub inputs: BTreeMap<String, String>,
    /// Names of the secret inputs that are set.
    pub secrets: Vec<String>,
}

/// A credential as it is filled in.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CredentialInput {
    /// The chosen scheme.
    pub scheme: String,
    /// Its inputs by name.
    pub inputs: BTreeMap<String, String>,
}

/// What a connection may reach beyond its manifest.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Grants {
    /// Private networks, as CIDR.
    pub networks: Vec<String>,
    /// Plain http, to those networks only.
    pub insecure_http: bool,
    /// Keys of abilities that the plugin asks for and the connection does not give; in force from the next call on.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub withheld: BTreeSet<String>,
}

/// Make a connection.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewConnection {
    /// For people; unique.
    pub name: String,
    /// Which plugin.
    pub plugin: String,
    /// Settings; checked against the plugin's schema.
    #[serde(default = "empty_object")]
    #[schema(value_type = Object)]
    pub settings: serde_json::Value,
    /// Credentials by name.
    #[serde(default)]
    pub credentials: BTreeMap<String, CredentialInput>,
    /// What it may reach beyond its manifest.
    #[serde(default)]
    pub grants: Grants,
    /// The digest of the plugin's version whose abilities you saw and agree to. If another one runs by now, the answer is
    /// the conflict `consent-stale`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<String>,
}

fn empty_object() -> serde_json::Value {
    serde_json::Value::Object(serde_json::Map::new())
}

/// Change a connection; what is absent stays.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ConnectionPatch {
    /// For people.
    pub name: Option<String>,
    /// On or off.
    pub enabled: Option<bool>,
    /// All settings, replaced as a whole.
    #[schema(value_type = Option<Object>)]
    pub settings: Option<serde_json::Value>,
    /// Credentials to replace, by name.
    pub credentials: BTreeMap<String, CredentialInput>,
    /// Names of credentials to remove.
    pub remove_credentials: Vec<String>,
    /// Replaced as a whole.
    pub grants: Option<Grants>,
}

/// What a health check said.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CheckResult {
    /// "ok" or "failing".
    pub health: String,
    /// What it said, or what is wrong and how to mend it.
    pub summary: String,
    /// Whose fault, when failing: "plugin", "upstream", "policy", "host".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

/// Which connections.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ConnectionQuery {
    /// Only of this plugin.
    pub plugin: Option<String>,
    /// Where the page before ended.
    pub cursor: Option<String>,
    /// Rows on a page, 1 to 200.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<u32>,
}
