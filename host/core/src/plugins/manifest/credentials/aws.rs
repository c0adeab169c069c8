//! Signing as AWS wants it.

use super::CredentialInput;
use serde::{Deserialize, Serialize};

/// See [`super::CredentialScheme::AwsSigv4`].
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
