//! How a plugin signs in: what the operator fills in, and what the host makes of it. Nothing of it reaches the plugin.

use super::Manifest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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

/// See [`CredentialScheme::AwsSigv4`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AwsSigv4 {
    /// For people.
    pub title: String,
    /// What the operator fills in.
    pub inputs: Vec<CredentialInput>,
    /// Template of the service's signing name: "monitoring".
    pub service: String,
    /// Template of the region: "{setting:region}".
    pub region: String,
    /// Input that holds the access key's id.
    #[serde(default = "access_key")]
    pub access_key: String,
    /// Input that holds the secret access key.
    #[serde(default = "secret_key")]
    pub secret_key: String,
    /// Input that holds the session token of temporary keys; it may be missing or left empty.
    #[serde(default = "session_token")]
    pub session_token: String,
}

fn access_key() -> String {
    "access_key_id".to_owned()
}

fn secret_key() -> String {
    "secret_access_key".to_owned()
}

fn session_token() -> String {
    "session_token".to_owned()
}

/// See [`CredentialScheme::ClientCredentials`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientCredentials {
    /// For people.
    pub title: String,
    /// What the operator fills in.
    pub inputs: Vec<CredentialInput>,
    /// Template of the token endpoint. An egress rule must send this credential to its origin.
    pub token_url: String,
    /// Template of the client's id.
    #[serde(default = "client_id")]
    pub client_id: String,
    /// Template of the client's secret.
    #[serde(default = "client_secret")]
    pub client_secret: String,
    /// How the client shows who it is.
    #[serde(default)]
    pub client_auth: ClientAuth,
    /// Templates of the scopes to ask for.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// Further parameters, as templates: `audience`, `resource`.
    #[serde(default)]
    pub parameters: BTreeMap<String, String>,
}

fn client_id() -> String {
    "{client_id}".to_owned()
}

fn client_secret() -> String {
    "{client_secret}".to_owned()
}

/// How a client shows the token endpoint who it is (RFC 6749, 2.3.1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClientAuth {
    /// In the `Authorization` header.
    #[default]
    Basic,
    /// In the body, beside the rest.
    Body,
}

/// See [`CredentialScheme::JwtBearer`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JwtBearer {
    /// For people.
    pub title: String,
    /// What the operator fills in.
    pub inputs: Vec<CredentialInput>,
    /// "RS256" or "ES256".
    pub algorithm: String,
    /// Input that holds the PEM private key.
    pub key: String,
    /// Template of the key's id, for upstreams that want it in the JWT's head.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kid: Option<String>,
    /// Claims beside `iat` and `exp`, as templates. One that comes out empty is left out.
    pub claims: BTreeMap<String, String>,
    /// How long the JWT lives, seconds.
    pub lifetime_secs: u32,
    /// How far `iat` is set back against clock drift, seconds.
    #[serde(default)]
    pub backdate_secs: u32,
    /// Where the JWT buys a token. Without one, the JWT is the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange: Option<TokenExchange>,
    /// Templates of base URLs below which the upstream wants the JWT itself and no token.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub direct: Vec<String>,
}

/// How a JWT becomes a token.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenExchange {
    /// Template of the URL that is POSTed to. An egress rule must send this credential to its origin.
    pub url: String,
    /// How the JWT is handed in.
    #[serde(default)]
    pub by: ExchangeBy,
    /// JSON pointer to the token in the answer.
    #[serde(default = "access_token")]
    pub token: String,
    /// JSON pointer to its RFC 3339 expiry in the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// JSON pointer to the seconds that it lasts; looked at where there is no `expires_at`.
    #[serde(default = "expires_in")]
    pub expires_in: String,
}

fn access_token() -> String {
    "/access_token".to_owned()
}

fn expires_in() -> String {
    "/expires_in".to_owned()
}

/// How a JWT is handed in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExchangeBy {
    /// As the bearer token of an empty POST (GitHub Apps).
    #[default]
    Bearer,
    /// As a form with the grant `urn:ietf:params:oauth:grant-type:jwt-bearer` (RFC 7523; Google service accounts).
    Form,
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

/// Headers that belong to the connection or to the host, whatever a scheme says.
const NOT_FOR_SCHEMES: [&str; 12] = [
    "accept-encoding",
    "connection",
    "content-length",
    "cookie",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// What is wrong with the credentials of a manifest: where, what.
pub(super) fn problems(manifest: &Manifest) -> Vec<(String, String)> {
    let mut problems = Vec::new();
    for (i, spec) in manifest.credentials.iter().enumerate() {
        if manifest.credentials.iter().take(i).any(|other| other.name == spec.name) {
            problems.push((format!("credentials[{i}].name"), "is declared twice".to_owned()));
        }
        if spec.schemes.is_empty() {
            problems.push((format!("credentials[{i}].schemes"), "list at least one way to give it".to_owned()));
        }
        for (j, scheme) in spec.schemes.iter().enumerate() {
            let at = format!("credentials[{i}].schemes[{j}]");
            if spec.schemes.iter().take(j).any(|other| other.name() == scheme.name()) {
                problems
                    .push((format!("{at}.scheme"), "is listed twice; a connection stores only its name".to_owned()));
            }
            problems.extend(scheme_problems(scheme).into_iter().map(|(field, why)| (format!("{at}.{field}"), why)));
        }
    }
    for (i, rule) in manifest.egress.iter().enumerate() {
        let spec = rule.credential.as_ref().and_then(|name| manifest.credential(name));
        if spec.is_some_and(|spec| spec.schemes.iter().any(CredentialScheme::is_for_deliveries)) {
            let why = "names a credential that verifies deliveries; those sign no requests";
            problems.push((format!("egress[{i}].credential"), why.to_owned()));
        }
    }
    problems
}

fn scheme_problems(scheme: &CredentialScheme) -> Vec<(&'static str, String)> {
    let mut problems = Vec::new();
    let known = |name: &str| scheme.inputs().iter().any(|input| input.name == name);
    for (field, name) in scheme.named_inputs() {
        if !known(name) {
            problems.push((field, format!("there is no input \"{name}\"")));
        }
    }
    for (_, template) in scheme.templates() {
        for name in placeholders(template) {
            if !name.starts_with("setting:") && !known(name) {
                problems.push(("inputs", format!("\"{template}\" stands for an input \"{name}\" that is not there")));
            }
        }
    }
    match scheme {
        CredentialScheme::Header { header, .. } => {
            let lower = header.to_ascii_lowercase();
            let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
            if header.is_empty() || !header.chars().all(is_token) {
                problems.push(("header", "is not the name of a header".to_owned()));
            } else if NOT_FOR_SCHEMES.contains(&lower.as_str()) || lower.starts_with("proxy-") {
                problems.push(("header", "belongs to the connection and not to the message".to_owned()));
            }
        }
        CredentialScheme::Query { parameter, .. } if parameter.is_empty() => {
            problems.push(("parameter", "needs a name".to_owned()));
        }
        CredentialScheme::JwtBearer(jwt) if !matches!(jwt.algorithm.as_str(), "RS256" | "ES256") => {
            problems.push(("algorithm", "use RS256 or ES256".to_owned()));
        }
        CredentialScheme::JwtBearer(jwt) if jwt.lifetime_secs <= jwt.backdate_secs => {
            problems.push(("lifetime_secs", "must be more than `backdate_secs`".to_owned()));
        }
        _ => {}
    }
    problems
}

/// The names between braces.
fn placeholders(template: &str) -> impl Iterator<Item = &str> {
    template.split('{').skip(1).filter_map(|rest| rest.split_once('}').map(|(name, _)| name))
}
