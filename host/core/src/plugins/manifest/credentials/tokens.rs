//! Tokens that the host buys: a client for itself, or with a signed JWT.

use super::CredentialInput;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// See [`super::CredentialScheme::ClientCredentials`].
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

/// See [`super::CredentialScheme::JwtBearer`].
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
