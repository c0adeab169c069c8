//! `[plugins.trust]`

use opssight_core::plugins::trust::{PublisherKey, TrustPolicy};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Whose packages are believed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TrustConfig {
    /// Refuse every publisher that is not listed below. Otherwise the key of a new one is pinned at the first
    /// installation that somebody agrees to.
    pub only_listed: bool,
    /// Public keys by publisher: `acme = "ed25519:<64 hexadecimal digits>"`. They win over pinned ones.
    pub publishers: BTreeMap<String, String>,
}

impl TrustConfig {
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for (publisher, key) in &self.publishers {
            if PublisherKey::parse(key).is_none() {
                let form = "\"ed25519:\" and 64 hexadecimal digits, as `opssight plugin keygen` prints it";
                problems.push(format!("plugins.trust.publishers.{publisher}: `{key}` is no public key: it is {form}"));
            }
        }
        if self.only_listed && self.publishers.is_empty() {
            problems.push("plugins.trust.only_listed: nobody is listed in plugins.trust.publishers".to_owned());
        }
        problems
    }

    /// What the desk goes by.
    pub fn policy(&self, dev: bool) -> TrustPolicy {
        let publishers = self.publishers.iter();
        let publishers = publishers.filter_map(|(name, key)| Some((name.clone(), PublisherKey::parse(key)?)));
        TrustPolicy { publishers: publishers.collect(), only_listed: self.only_listed, dev }
    }
}
