//! How a plugin signs in: what the operator fills in, and what the host makes of it. Nothing of it reaches the plugin.

mod aws;
mod rules;
mod tokens;

pub use aws::AwsSigv4;
pub(super) use rules::problems;
use serde::{Deserialize, Serialize};
pub use tokens::{ClientAuth, ClientCredentials, ExchangeBy, JwtBearer, TokenExchange};

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

/// One way to give a credential. Inputs are filled in by the operator. In templates, `{name}` stands for one of them
/// and `{setting:name}` for a setting.
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
    /// `Authorization: Basic ...` (RFC 7617).
    Basic {
        /// For people.
        title: String,
        /// What the operator fills in.
        inputs: Vec<CredentialInput>,
        /// Template of the user name.
        #[serde(default = "username")]
        username: String,
        /// Template of the password; may be empty text.
        #[serde(default = "password")]
        password: String,
    },
    /// A header of the upstream's own.
    Header {
        /// For people.
        title: String,
        /// What the operator fills in.
        inputs: Vec<CredentialInput>,
        /// Its name.
        header: String,
        /// Template of its value: "token {token}".
        #[serde(default = "token")]
        value: String,
    },
    /// A parameter of the query.
    Query {
        /// For people.
        title: String,
        /// What the operator fills in.
        inputs: Vec<CredentialInput>,
        /// Its name.
        parameter: String,
        /// Template of its value.
        #[serde(default = "token")]
        value: String,
    },
    /// Signature version 4 of AWS.
    #[serde(rename = "aws-sigv4")]
    AwsSigv4(AwsSigv4),
    /// A client buys a token for itself (RFC 6749, 4.4).
    #[serde(rename = "oauth2-client-credentials")]
    ClientCredentials(ClientCredentials),
    /// A JWT signed with a private key: exchanged for a token, or itself the token.
    JwtBearer(JwtBearer),
    /// A shared secret that signs incoming deliveries; only for `webhook.credential`, as are all that follow.
    HmacSha256 {
        /// For people.
        title: String,
        /// What the operator fills in; left empty, the host makes one and shows it once.
        inputs: Vec<CredentialInput>,
    },
    /// A shared secret that stands in a header of incoming deliveries.
    TokenHeader {
        /// For people.
        title: String,
        /// See `HmacSha256`.
        inputs: Vec<CredentialInput>,
    },
    /// A shared secret of Standard Webhooks, `whsec_...`.
    StandardWebhooks {
        /// For people.
        title: String,
        /// See `HmacSha256`.
        inputs: Vec<CredentialInput>,
    },
    /// A shared secret that is part of the hook's address.
    UrlToken {
        /// For people.
        title: String,
        /// See `HmacSha256`.
        inputs: Vec<CredentialInput>,
    },
}

fn username() -> String {
    "{username}".to_owned()
}

fn password() -> String {
    "{password}".to_owned()
}

fn token() -> String {
    "{token}".to_owned()
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
    /// A text area (PEM keys, several webhook secrets while they are rotated).
    #[serde(default)]
    pub multiline: bool,
    /// It may stay empty.
    #[serde(default)]
    pub optional: bool,
}

impl CredentialScheme {
    /// The name under which a connection stores its choice.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Bearer { .. } => "bearer",
            Self::Basic { .. } => "basic",
            Self::Header { .. } => "header",
            Self::Query { .. } => "query",
            Self::AwsSigv4(_) => "aws-sigv4",
            Self::ClientCredentials(_) => "oauth2-client-credentials",
            Self::JwtBearer(_) => "jwt-bearer",
            Self::HmacSha256 { .. } => "hmac-sha256",
            Self::TokenHeader { .. } => "token-header",
            Self::StandardWebhooks { .. } => "standard-webhooks",
            Self::UrlToken { .. } => "url-token",
        }
    }

    /// For people.
    pub fn title(&self) -> &str {
        match self {
            Self::Bearer { title, .. }
            | Self::Basic { title, .. }
            | Self::Header { title, .. }
            | Self::Query { title, .. }
            | Self::HmacSha256 { title, .. }
            | Self::TokenHeader { title, .. }
            | Self::StandardWebhooks { title, .. }
            | Self::UrlToken { title, .. } => title,
            Self::AwsSigv4(aws) => &aws.title,
            Self::ClientCredentials(client) => &client.title,
            Self::JwtBearer(jwt) => &jwt.title,
        }
    }

    /// Whether a connection works without this input. Long-lived keys of AWS have no session token.
    pub fn may_stay_empty(&self, input: &CredentialInput) -> bool {
        input.optional || matches!(self, Self::AwsSigv4(aws) if aws.session_token == input.name)
    }

    /// What the operator fills in.
    pub fn inputs(&self) -> &[CredentialInput] {
        match self {
            Self::Bearer { inputs, .. }
            | Self::Basic { inputs, .. }
            | Self::Header { inputs, .. }
            | Self::Query { inputs, .. }
            | Self::HmacSha256 { inputs, .. }
            | Self::TokenHeader { inputs, .. }
            | Self::StandardWebhooks { inputs, .. }
            | Self::UrlToken { inputs, .. } => inputs,
            Self::AwsSigv4(aws) => &aws.inputs,
            Self::ClientCredentials(client) => &client.inputs,
            Self::JwtBearer(jwt) => &jwt.inputs,
        }
    }

    /// It verifies deliveries and signs no requests.
    pub fn is_for_deliveries(&self) -> bool {
        matches!(
            self,
            Self::HmacSha256 { .. } | Self::TokenHeader { .. } | Self::StandardWebhooks { .. } | Self::UrlToken { .. }
        )
    }

    /// Its texts with braces in them, by field.
    fn templates(&self) -> Vec<(&str, &str)> {
        match self {
            Self::Basic { username, password, .. } => vec![("username", username), ("password", password)],
            Self::Header { value, .. } | Self::Query { value, .. } => vec![("value", value)],
            Self::AwsSigv4(aws) => vec![("service", &aws.service), ("region", &aws.region)],
            Self::ClientCredentials(client) => {
                let mut templates: Vec<(&str, &str)> = vec![
                    ("token_url", &client.token_url),
                    ("client_id", &client.client_id),
                    ("client_secret", &client.client_secret),
                ];
                templates.extend(client.scopes.iter().map(|scope| ("scopes", scope.as_str())));
                templates.extend(client.parameters.values().map(|value| ("parameters", value.as_str())));
                templates
            }
            Self::JwtBearer(jwt) => {
                let mut templates: Vec<(&str, &str)> = Vec::new();
                templates.extend(jwt.kid.iter().map(|kid| ("kid", kid.as_str())));
                templates.extend(jwt.claims.values().map(|claim| ("claims", claim.as_str())));
                templates.extend(jwt.exchange.iter().map(|exchange| ("exchange.url", exchange.url.as_str())));
                templates.extend(jwt.direct.iter().map(|url| ("direct", url.as_str())));
                templates
            }
            _ => Vec::new(),
        }
    }

    /// Fields that name an input.
    fn named_inputs(&self) -> Vec<(&'static str, &str)> {
        match self {
            Self::Bearer { .. } => vec![("inputs", "token")],
            Self::AwsSigv4(aws) => vec![("access_key", &aws.access_key), ("secret_key", &aws.secret_key)],
            Self::JwtBearer(jwt) => vec![("key", &jwt.key)],
            _ => Vec::new(),
        }
    }
}
