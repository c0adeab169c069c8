//! `[cache]`

use super::SecretUrl;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Where hosts keep what they share and may lose: how often deliveries may come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CacheConfig {
    /// A Redis of version 6 or later, `redis://user:password@host:6379/0`, or `rediss://` for TLS. Without it each host
    /// counts for itself.
    pub url: Option<SecretUrl>,
    /// What every key in it begins with. By default it is a name that the store has, so that two
    /// installations on one Redis do not meet.
    pub prefix: Option<String>,
    /// The longest that anything waits for it, milliseconds. One that takes longer is taken for away.
    pub wait_ms: u32,
    /// PEM file with the certificate authorities of a Redis with TLS, in the place of those that the system knows.
    pub ca_file: Option<PathBuf>,
}

impl Default for CacheConfig {
    fn default() -> Self {
        Self { url: None, prefix: None, wait_ms: 100, ca_file: None }
    }
}

impl CacheConfig {
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let url = self.url.as_ref().map(SecretUrl::parts);
        let is_redis =
            |url: &url::Url| matches!(url.scheme(), "redis" | "rediss") && url.has_host() && url.fragment().is_none();
        if url.as_ref().is_some_and(|url| !url.as_ref().is_some_and(is_redis)) {
            problems.push("cache.url: must look like redis://user:password@host:6379/0, or rediss://".to_owned());
        }
        let tls = matches!(&url, Some(Some(url)) if url.scheme() == "rediss");
        if self.ca_file.is_some() && !tls {
            problems.push("cache.ca_file: is for a cache.url that begins with rediss://".to_owned());
        }
        let allowed = |letter: char| letter.is_ascii_alphanumeric() || "-_.:".contains(letter);
        if self.prefix.as_ref().is_some_and(|prefix| !(1..=64).contains(&prefix.len()) || !prefix.chars().all(allowed))
        {
            problems.push("cache.prefix: must be 1 to 64 letters, digits and -_.:".to_owned());
        }
        if !(10..=2_000).contains(&self.wait_ms) {
            problems.push("cache.wait_ms: must be 10 to 2000".to_owned());
        }
        problems
    }
}
