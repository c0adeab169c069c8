//! What a plugin declares about itself: `plugin.toml`, compiled into the component, readable without running it.

mod credentials;
mod schema;
mod texts;
mod webhook;

pub use credentials::{
    AwsSigv4, ClientAuth, ClientCredentials, CredentialInput, CredentialScheme, CredentialSpec, ExchangeBy, JwtBearer,
    TokenExchange,
};
pub use schema::misfits;
pub use texts::{PLAIN_NAME, is_plain_name};
pub use webhook::{SignatureEncoding, SignedTimestamp, Verification, WebhookSpec, standard};

use crate::fact::clean;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The contract version that this host speaks.
pub const CONTRACT: &str = "1.0";

/// `plugin.toml`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// A plain name ([`is_plain_name`]): "github".
    pub id: String,
    /// Semantic version.
    pub version: semver::Version,
    /// Contract version it is built for: "1.0".
    pub contract: String,
    /// For people: "GitHub".
    pub name: String,
    /// Who publishes it: a plain name as well, to which a key is pinned.
    pub publisher: String,
    /// One sentence.
    pub description: String,
    /// SPDX expression.
    pub licence: String,
    /// Where its documentation is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub homepage: Option<String>,
    /// JSON Schema (2020-12) of the settings; the form is made from it.
    #[serde(default = "empty_schema")]
    pub settings: serde_json::Value,
    /// What it signs in with.
    #[serde(default)]
    pub credentials: Vec<CredentialSpec>,
    /// Where it may send requests.
    #[serde(default)]
    pub egress: Vec<EgressRule>,
    /// What it takes by push.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<WebhookSpec>,
    /// What it can be asked for by pull.
    #[serde(default)]
    pub feeds: Vec<FeedSpec>,
    /// What it can be asked to do.
    #[serde(default)]
    pub actions: Vec<ActionSpec>,
    /// Credentials that its code reads in clear through `opssight:plugin/reveal`, by name. Nearly every plugin is better
    /// served by a credential that the host attaches.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reveal: Vec<String>,
    /// What it would like to use per call, by [kind](super::kinds::KINDS).
    #[serde(default)]
    pub budgets: BTreeMap<String, BudgetAsk>,
}

fn empty_schema() -> serde_json::Value {
    serde_json::json!({ "type": "object", "additionalProperties": false })
}

/// Where requests may go, and what the host attaches to them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EgressRule {
    /// Base URL, a template over settings: "{setting:base_url}". Scheme, host, port and path prefix must match.
    pub url: String,
    /// Methods that it may use.
    pub methods: Vec<String>,
    /// Credential that the host attaches; none for open endpoints.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
    /// Why, shown when the operator is asked to consent.
    pub reason: String,
}

/// Something to pull.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeedSpec {
    /// Its name in calls.
    pub name: String,
    /// For people.
    pub title: String,
    /// How often, seconds; at least 60.
    pub every_secs: u32,
    /// "live", "reconcile" or "backfill": who goes first where the upstream's patience is shared.
    pub priority: FeedPriority,
    /// Most items per call.
    #[serde(default = "default_page")]
    pub page: u32,
}

fn default_page() -> u32 {
    100
}

/// See [`FeedSpec::priority`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FeedPriority {
    /// Something happens now.
    Live,
    /// Looking for what was missed.
    Reconcile,
    /// History.
    Backfill,
}

/// Something that can be done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActionSpec {
    /// Its name in calls: "rerun".
    pub name: String,
    /// For people: "Run again".
    pub title: String,
    /// What it does, one sentence, shown where it is confirmed.
    pub description: String,
    /// What it is about: "run", "deployment", "pipeline", "connection".
    pub subject: String,
    /// Least role that may: "viewer", "operator", "admin".
    pub role: String,
    /// "safe", "caution" or "danger".
    pub danger: Danger,
    /// JSON Schema of its input.
    pub input: serde_json::Value,
}

/// How loudly to ask before acting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Danger {
    /// Nothing can break.
    Safe,
    /// Costs time or money.
    Caution,
    /// Stops or changes something that people rely on.
    Danger,
}

/// What a plugin would like; the host gives the least of its own default cap, this, and the operator's cap.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BudgetAsk {
    /// Thread CPU time, milliseconds.
    pub cpu_ms: Option<u32>,
    /// Wall time, milliseconds.
    pub wall_ms: Option<u32>,
    /// Linear memory, MiB.
    pub memory_mib: Option<u32>,
    /// Entries of one table.
    pub table_entries: Option<u32>,
    /// Calls of the host's functions.
    pub host_calls: Option<u32>,
    /// Data that crosses the boundary in one call of a host function, or in the answer, KiB.
    pub hostcall_kib: Option<u32>,
    /// Outbound requests.
    pub requests: Option<u32>,
    /// Body of one request, KiB.
    pub request_kib: Option<u32>,
    /// Body of one response, KiB.
    pub response_kib: Option<u32>,
    /// Items, rows, receipts or findings of one answer.
    pub result_items: Option<u32>,
    /// One answer, KiB.
    pub result_kib: Option<u32>,
    /// Log lines.
    pub log_lines: Option<u32>,
    /// All log lines together, KiB.
    pub log_kib: Option<u32>,
    /// Keys and values of the connection's state, KiB.
    pub state_kib: Option<u32>,
    /// Keys of the connection's state.
    pub state_keys: Option<u32>,
}

impl BudgetAsk {
    /// Every limit with its name, in the order in which people read them.
    pub fn limits(&self) -> [(&'static str, Option<u32>); 15] {
        [
            ("cpu_ms", self.cpu_ms),
            ("wall_ms", self.wall_ms),
            ("memory_mib", self.memory_mib),
            ("table_entries", self.table_entries),
            ("host_calls", self.host_calls),
            ("hostcall_kib", self.hostcall_kib),
            ("requests", self.requests),
            ("request_kib", self.request_kib),
            ("response_kib", self.response_kib),
            ("result_items", self.result_items),
            ("result_kib", self.result_kib),
            ("log_lines", self.log_lines),
            ("log_kib", self.log_kib),
            ("state_kib", self.state_kib),
            ("state_keys", self.state_keys),
        ]
    }
}

/// What is wrong with a manifest, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("plugin.toml: {at}: {problem}")]
pub struct ManifestError {
    /// Path of the field.
    pub at: String,
    /// What is wrong and how to mend it.
    pub problem: String,
}

impl Manifest {
    /// Settings with the schema's top-level defaults for what was left out: a plugin reads one set of settings, whoever
    /// wrote them.
    pub fn with_defaults(&self, mut settings: serde_json::Value) -> serde_json::Value {
        if let Some(settings) = settings.as_object_mut() {
            self.fill_in_defaults(settings);
        }
        settings
    }

    /// The same for what is known to be an object.
    pub fn fill_in_defaults(&self, settings: &mut serde_json::Map<String, serde_json::Value>) {
        let properties = self.settings.get("properties").and_then(|properties| properties.as_object());
        for (name, schema) in properties.into_iter().flatten() {
            if let Some(default) = schema.get("default")
                && !settings.contains_key(name)
            {
                settings.insert(name.clone(), default.clone());
            }
        }
    }

    /// The rules that types cannot say. All problems, not only the first.
    pub fn problems(&self) -> Vec<ManifestError> {
        let mut problems = texts::problems(self);
        // What is wrong may be quoted from the manifest, and whoever reads this has not agreed to anything yet.
        let mut wrong =
            |at: String, problem: &str| problems.push(ManifestError { at: clean(&at), problem: clean(problem) });
        let name_ok = |text: &str| {
            !text.is_empty()
                && text.len() <= 40
                && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_')
        };
        if self.contract != CONTRACT {
            wrong("contract".into(), "this host speaks contract 1.0");
        }
        if self.settings.get("type").and_then(|t| t.as_str()) != Some("object") {
            wrong("settings".into(), "must be a JSON Schema of type \"object\"");
        }
        let known = |name: &str| self.credentials.iter().any(|c| c.name == name);
        for (i, rule) in self.egress.iter().enumerate() {
            if let Some(credential) = &rule.credential
                && !known(credential)
            {
                wrong(format!("egress[{i}].credential"), "names a credential that is not declared");
            }
            if rule.methods.is_empty() {
                wrong(format!("egress[{i}].methods"), "list the methods that are needed");
            }
        }
        for (at, problem) in credentials::problems(self).into_iter().chain(webhook::problems(self)) {
            wrong(at, &problem);
        }
        for (i, feed) in self.feeds.iter().enumerate() {
            if !name_ok(&feed.name) {
                wrong(format!("feeds[{i}].name"), "use 1 to 40 lower-case letters, digits and dashes");
            }
            if feed.every_secs < 60 {
                wrong(format!("feeds[{i}].every_secs"), "must be at least 60");
            }
        }
        for (i, credential) in self.reveal.iter().enumerate() {
            if !known(credential) {
                wrong(format!("reveal[{i}]"), "names a credential that is not declared");
            }
        }
        for kind in self.budgets.keys().filter(|kind| !super::kinds::KINDS.contains(&kind.as_str())) {
            wrong(
                format!("budgets.{}", kind.escape_debug()),
                "is no kind of call (webhook, source, actions, health, notifier, ...)",
            );
        }
        problems
    }

    /// The action of a name.
    pub fn action(&self, name: &str) -> Option<&ActionSpec> {
        self.actions.iter().find(|action| action.name == name)
    }

    /// The feed of a name.
    pub fn feed(&self, name: &str) -> Option<&FeedSpec> {
        self.feeds.iter().find(|feed| feed.name == name)
    }

    /// The credential of a name.
    pub fn credential(&self, name: &str) -> Option<&CredentialSpec> {
        self.credentials.iter().find(|credential| credential.name == name)
    }
}
