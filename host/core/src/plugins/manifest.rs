//! What a plugin declares about itself: `plugin.toml`, compiled into the component, readable without running it.

mod texts;

pub use texts::{PLAIN_NAME, is_plain_name};

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

/// A credential, with the ways in which it may be given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CredentialSpec {
    /// Name that egress rules and the webhook refer to.
    pub name: String,
    /// For people.
    pub title: String,
    /// The connection works without it.
    #[serde(default)]
    pub optional: bool,
    /// The operator chooses one.
    pub schemes: Vec<CredentialScheme>,
}

/// One way to give a credential. Inputs are filled in by the operator.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "scheme", rename_all = "kebab-case", deny_unknown_fields)]
pub enum CredentialScheme {
    /// `Authorization: Bearer <input "token">`.
    Bearer {
        /// For people.
        title: String,
        /// What the operator fills in.
        inputs: Vec<CredentialInput>,
    },
    /// A JWT signed with a private key, exchanged for a short-lived token.
    JwtBearer {
        /// For people.
        title: String,
        /// What the operator fills in; `{name}` in the texts below stands for one of them.
        inputs: Vec<CredentialInput>,
        /// "RS256" or "ES256".
        algorithm: String,
        /// Input that holds the PEM private key.
        key: String,
        /// Claims beside `iat` and `exp`, as templates.
        claims: BTreeMap<String, String>,
        /// How long the JWT lives, seconds.
        lifetime_secs: u32,
        /// How far `iat` is set back against clock drift, seconds.
        #[serde(default)]
        backdate_secs: u32,
        /// Where the JWT buys a token. `{setting:name}` stands for a setting, `{name}` for an input.
        exchange: TokenExchange,
    },
    /// A shared secret that signs incoming deliveries; only for `webhook.credential`.
    HmacSha256 {
        /// For people.
        title: String,
        /// What the operator fills in; left empty, the host makes one and shows it once.
        inputs: Vec<CredentialInput>,
    },
}

impl CredentialScheme {
    /// The name under which a connection stores its choice.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Bearer { .. } => "bearer",
            Self::JwtBearer { .. } => "jwt-bearer",
            Self::HmacSha256 { .. } => "hmac-sha256",
        }
    }

    /// For people.
    pub fn title(&self) -> &str {
        match self {
            Self::Bearer { title, .. } | Self::JwtBearer { title, .. } | Self::HmacSha256 { title, .. } => title,
        }
    }

    /// What the operator fills in.
    pub fn inputs(&self) -> &[CredentialInput] {
        match self {
            Self::Bearer { inputs, .. } | Self::JwtBearer { inputs, .. } | Self::HmacSha256 { inputs, .. } => inputs,
        }
    }
}

/// A field of a credential form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CredentialInput {
    /// Its key.
    pub name: String,
    /// For people.
    pub title: String,
    /// Where to find it.
    #[serde(default)]
    pub help: String,
    /// Never shown again once stored.
    #[serde(default)]
    pub secret: bool,
    /// A text area (PEM keys).
    #[serde(default)]
    pub multiline: bool,
}

/// How a JWT becomes a token.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenExchange {
    /// Template of the URL that is POSTed to with the JWT as bearer.
    pub url: String,
    /// JSON pointer to the token in the answer.
    pub token: String,
    /// JSON pointer to its RFC 3339 expiry in the answer.
    pub expires_at: String,
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

/// How deliveries arrive.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookSpec {
    /// Credential that verifies them.
    pub credential: String,
    /// How.
    pub verification: Verification,
    /// Header that holds the upstream's id of the delivery; without one, the body's hash is the id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery_id: Option<String>,
    /// Header that names the event, for the delivery log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// Headers that the plugin sees, lower case. All others are dropped before storage.
    pub headers: Vec<String>,
    /// Markdown for the operator: where to paste the address and the secret.
    #[serde(default)]
    pub setup: String,
}

/// A signature scheme.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "scheme", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Verification {
    /// HMAC-SHA256 over the raw body.
    HmacSha256 {
        /// Header with the signature, lower case.
        header: String,
        /// What stands before it: "sha256=".
        #[serde(default)]
        prefix: String,
        /// "hex" or "base64".
        encoding: SignatureEncoding,
        /// The credential's input that is the key.
        input: String,
    },
}

impl Verification {
    /// As it stands in manifests and in what people read.
    pub fn name(&self) -> &'static str {
        match self {
            Self::HmacSha256 { .. } => "hmac-sha256",
        }
    }
}

/// How a signature is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignatureEncoding {
    /// Hexadecimal digits.
    Hex,
    /// Standard base64.
    Base64,
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
    /// The rules that types cannot say. All problems, not only the first.
    pub fn problems(&self) -> Vec<ManifestError> {
        let mut problems = texts::problems(self);
        let mut wrong = |at: String, problem: &str| problems.push(ManifestError { at, problem: problem.to_owned() });
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
        if let Some(webhook) = &self.webhook
            && !known(&webhook.credential)
        {
            wrong("webhook.credential".into(), "names a credential that is not declared");
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
            wrong(format!("budgets.{kind}"), "is no kind of call (webhook, source, actions, health, notifier, ...)");
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
