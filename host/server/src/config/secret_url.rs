//! Addresses with a secret in them.

use serde::{Deserialize, Serialize};

/// An address of another system, with the password or token for it. Nobody is shown that part.
#[derive(Clone, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct SecretUrl(String);

impl From<String> for SecretUrl {
    fn from(url: String) -> Self {
        Self(url)
    }
}

impl SecretUrl {
    /// The address as it was given.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Its parts, if it is an address.
    pub(super) fn parts(&self) -> Option<url::Url> {
        url::Url::parse(&self.0).ok()
    }

    /// The address without what proves who asks. A name without a password may well be a token.
    fn shown(&self) -> String {
        let Some(mut url) = self.parts() else { return "***".to_owned() };
        // Only addresses without a host cannot have either, and those have none.
        let _kept = match (url.password().is_some(), url.username().is_empty()) {
            (true, _) => url.set_password(Some("***")),
            (false, false) => url.set_username("***"),
            (false, true) => Ok(()),
        };
        let is_secret = |name: &str| ["password", "token", "key", "auth"].iter().any(|word| name.contains(word));
        if url.query_pairs().any(|(name, _)| is_secret(&name.to_ascii_lowercase())) {
            url.set_query(Some("***"));
        }
        url.to_string()
    }
}

impl std::fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.shown())
    }
}

impl Serialize for SecretUrl {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.shown())
    }
}

#[cfg(test)]
mod tests {
    use super::SecretUrl;

    #[test]
    fn what_proves_who_asks_is_shown_to_nobody() {
        let check = |url: &str, shown: &str| {
            let url = SecretUrl::from(url.to_owned());
            assert_eq!(format!("{url:?}"), shown);
            assert_eq!(serde_json::to_string(&url).unwrap(), format!("\"{shown}\""));
        };
        check("postgres://ops:hunter2@db.example:5432/ops", "postgres://ops:***@db.example:5432/ops");
        check("postgres://db.example/ops?user=ops&password=hunter2", "postgres://db.example/ops?***");
        check("redis://:hunter2@redis.example:6379/0", "redis://:***@redis.example:6379/0");
        check("https://ops:hunter2@metrics.example:8428/x", "https://ops:***@metrics.example:8428/x");
        check("https://metrics.example/?authKey=hunter2", "https://metrics.example/?***");
        check("influxdb://hunter2@influx.example:8086/acme/ops", "influxdb://***@influx.example:8086/acme/ops");
        check("http://metrics.example:8428/", "http://metrics.example:8428/");
        check("hunter2", "***");
    }
}
