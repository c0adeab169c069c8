//! How deliveries arrive, and how the host knows that they are genuine.

use super::Manifest;
use serde::{Deserialize, Serialize};

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

impl WebhookSpec {
    /// The header with the upstream's id of a delivery: as declared, else as the scheme has it.
    pub fn delivery_id_header(&self) -> Option<&str> {
        let of_scheme = || match self.verification {
            Verification::StandardWebhooks { .. } => Some(standard::ID),
            _ => None,
        };
        self.delivery_id.as_deref().or_else(of_scheme)
    }
}

/// The headers of Standard Webhooks.
pub mod standard {
    /// The delivery's id, the same when it is sent again.
    pub const ID: &str = "webhook-id";
    /// Seconds since 1970 when it was sent.
    pub const TIMESTAMP: &str = "webhook-timestamp";
    /// One or more signatures, separated by spaces.
    pub const SIGNATURE: &str = "webhook-signature";
    /// What stands before a secret.
    pub const SECRET_PREFIX: &str = "whsec_";
    /// How far the timestamp may be from now, seconds.
    pub const TOLERANCE_SECS: u32 = 300;
}

/// A signature scheme. An input may hold several secrets, one a line, while they are rotated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "scheme", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Verification {
    /// HMAC-SHA256 over the raw body, or over a text that has it in it.
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
        /// What is signed: "v0:{timestamp}:{body}". The raw body unless told.
        #[serde(default = "body", skip_serializing_if = "is_body")]
        signs: String,
        /// The upstream signs when it sent the delivery.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timestamp: Option<SignedTimestamp>,
    },
    /// The secret itself stands in a header (GitLab).
    TokenHeader {
        /// Which, lower case.
        header: String,
        /// What stands before it: "Bearer ".
        #[serde(default)]
        prefix: String,
        /// The credential's input that it must be.
        input: String,
    },
    /// <https://www.standardwebhooks.com>, symmetric signatures (`v1`).
    StandardWebhooks {
        /// The credential's input that is the key.
        input: String,
    },
    /// The secret stands in the hook's address: for senders that cannot sign.
    UrlToken {
        /// The parameter of the query.
        #[serde(default = "token")]
        parameter: String,
        /// The credential's input that it must be.
        input: String,
    },
}

fn body() -> String {
    "{body}".to_owned()
}

fn is_body(signs: &String) -> bool {
    *signs == body()
}

fn token() -> String {
    "token".to_owned()
}

/// When a delivery was sent, under the signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedTimestamp {
    /// Header with the seconds since 1970, lower case.
    pub header: String,
    /// How far it may be from now, seconds.
    #[serde(default = "tolerance")]
    pub tolerance_secs: u32,
}

fn tolerance() -> u32 {
    standard::TOLERANCE_SECS
}

impl Verification {
    /// As it stands in manifests and in what people read, and as the credential's scheme is called.
    pub fn name(&self) -> &'static str {
        match self {
            Self::HmacSha256 { .. } => "hmac-sha256",
            Self::TokenHeader { .. } => "token-header",
            Self::StandardWebhooks { .. } => "standard-webhooks",
            Self::UrlToken { .. } => "url-token",
        }
    }

    /// The credential's input that holds the secret.
    pub fn input(&self) -> &str {
        match self {
            Self::HmacSha256 { input, .. }
            | Self::TokenHeader { input, .. }
            | Self::StandardWebhooks { input }
            | Self::UrlToken { input, .. } => input,
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

/// What is wrong with the webhook of a manifest: where, what.
pub(super) fn problems(manifest: &Manifest) -> Vec<(String, String)> {
    let Some(webhook) = &manifest.webhook else { return Vec::new() };
    let mut problems = Vec::new();
    let mut wrong = |at: &str, problem: String| problems.push((format!("webhook.{at}"), problem));
    let Some(spec) = manifest.credential(&webhook.credential) else {
        wrong("credential", "names a credential that is not declared".to_owned());
        return problems;
    };
    let (scheme, input) = (webhook.verification.name(), webhook.verification.input());
    match spec.schemes.iter().find(|known| known.name() == scheme) {
        None => wrong("credential", format!("cannot be given as {scheme}, which is how deliveries are verified")),
        Some(known) if !known.inputs().iter().any(|known| known.name == input) => {
            wrong("verification.input", format!("the credential has no input \"{input}\""));
        }
        Some(_) => {}
    }
    if let Verification::HmacSha256 { signs, timestamp, .. } = &webhook.verification {
        if !signs.contains("{body}") {
            wrong("verification.signs", "must have {body} in it, or anybody could send any body".to_owned());
        }
        // A time that is not signed proves nothing, and a signed one that nobody looks at neither.
        if signs.contains("{timestamp}") != timestamp.is_some() {
            wrong("verification.timestamp", "goes with {timestamp} in `signs`: give both or neither".to_owned());
        }
    }
    problems
}
