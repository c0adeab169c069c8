//! Who we are to a registry: said on the command line, or kept in a docker configuration.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use std::collections::BTreeMap;

/// How to sign in to registries, by host. Prints nothing of itself.
#[derive(Clone, Default)]
pub struct RegistryCredentials {
    logins: BTreeMap<String, Login>,
}

/// How to sign in to one.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Login {
    Basic { username: String, password: String },
    Token(String),
}

impl std::fmt::Debug for RegistryCredentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RegistryCredentials").field("hosts", &self.logins.keys()).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Basic { .. } => "Basic",
            Self::Token(_) => "Token",
        })
    }
}

/// Why credentials cannot be read. Says nothing of what they are.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    /// Not the file.
    #[error("read the docker configuration: line {line}, column {column} is not as expected")]
    Shape {
        /// Where.
        line: usize,
        /// Where.
        column: usize,
    },
    /// An entry of it.
    #[error("read the docker configuration: the entry of {0} is not base64 of user:password")]
    Entry(String),
}

#[derive(Deserialize)]
struct DockerConfig {
    #[serde(default)]
    auths: BTreeMap<String, DockerAuth>,
}

#[derive(Deserialize)]
struct DockerAuth {
    #[serde(default)]
    auth: String,
    #[serde(default)]
    registrytoken: String,
}

impl RegistryCredentials {
    /// User and password (or access token) for one host.
    pub fn with(mut self, host: &str, username: &str, password: &str) -> Self {
        let login = Login::Basic { username: username.to_owned(), password: password.to_owned() };
        self.logins.insert(host.to_owned(), login);
        self
    }

    /// From the text of docker's `config.json`. Entries that live in a credential helper are not read.
    pub fn from_docker(text: &str) -> Result<Self, CredentialsError> {
        // The parser's own words could repeat a secret.
        let config: DockerConfig = serde_json::from_str(text)
            .map_err(|error| CredentialsError::Shape { line: error.line(), column: error.column() })?;
        let mut logins = BTreeMap::new();
        for (address, auth) in config.auths {
            let host = host_of(&address);
            if !auth.registrytoken.is_empty() {
                logins.insert(host, Login::Token(auth.registrytoken));
            } else if !auth.auth.is_empty() {
                let wrong = || CredentialsError::Entry(host.clone());
                let decoded = STANDARD.decode(auth.auth.trim()).map_err(|_| wrong())?;
                let decoded = String::from_utf8(decoded).map_err(|_| wrong())?;
                let (username, password) = decoded.split_once(':').ok_or_else(wrong)?;
                let login = Login::Basic { username: username.to_owned(), password: password.to_owned() };
                logins.insert(host, login);
            }
        }
        Ok(Self { logins })
    }

    /// For one host. Exactly this one: a secret is not sent to another.
    pub(crate) fn find(&self, host: &str) -> Option<&Login> {
        self.logins.get(host)
    }
}

/// Docker writes "registry.example", "https://registry.example/v2/" or "https://index.docker.io/v1/".
fn host_of(address: &str) -> String {
    let rest = address.strip_prefix("https://").or_else(|| address.strip_prefix("http://")).unwrap_or(address);
    rest.split('/').next().unwrap_or(rest).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_docker_configuration_is_read_and_never_shown() {
        let text = r#"{ "credsStore": "desktop", "auths": {
            "registry.example:5000": { "auth": "YWRhOnMzY3I6ZXQ=" },
            "https://other.example/v1/": { "registrytoken": "t0ken" },
            "helper.example": {}
        } }"#;
        let credentials = RegistryCredentials::from_docker(text).unwrap();
        let ada = Login::Basic { username: "ada".into(), password: "s3cr:et".into() };
        assert_eq!(credentials.find("registry.example:5000"), Some(&ada));
        assert_eq!(credentials.find("other.example"), Some(&Login::Token("t0ken".into())));
        assert_eq!(credentials.find("registry.example"), None);
        assert_eq!(credentials.find("helper.example"), None);
        let shown = format!("{credentials:?} {ada:?}");
        assert!(!shown.contains("s3cr") && !shown.contains("t0ken"), "{shown}");
        let wrong = RegistryCredentials::from_docker(r#"{ "auths": { "a": { "auth": "czNjcmV0" } } }"#).unwrap_err();
        assert_eq!(wrong, CredentialsError::Entry("a".into()));
        assert!(RegistryCredentials::from_docker("s3cret").is_err_and(|error| !error.to_string().contains("s3cret")));
    }
}
