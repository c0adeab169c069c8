//! `server.roles`: what one process of several does.

use serde::{Deserialize, Serialize};

/// A part of the work.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema, clap::ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Everything.
    All,
    /// The dashboard and the API.
    Api,
    /// Takes deliveries: at `/hooks`, and from topics of Kafka.
    Ingest,
    /// Runs plugins: deliveries, feeds, health checks. Hands events on to Kafka, and removes what is old.
    Worker,
    /// Writes what pipelines do into the store of the metrics.
    Metrics,
}

/// What a process does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct Roles(pub Vec<Role>);

impl Default for Roles {
    fn default() -> Self {
        Self(vec![Role::All])
    }
}

impl Roles {
    /// Whether it has this part.
    pub fn has(&self, role: Role) -> bool {
        self.0.iter().any(|has| *has == role || *has == Role::All)
    }

    /// "api, ingest"
    pub fn words(&self) -> String {
        let words = self.0.iter().filter_map(clap::ValueEnum::to_possible_value);
        words.map(|word| word.get_name().to_owned()).collect::<Vec<_>>().join(", ")
    }

    pub(super) fn problems(&self, is_shared: bool) -> Vec<String> {
        if self.0.is_empty() {
            return vec!["server.roles: name at least one, or leave it out for all".to_owned()];
        }
        if !self.0.contains(&Role::All) && !is_shared {
            let why = "a part of the work needs others that do the rest, and a database that they share: set store.url";
            return vec![format!("server.roles: {why}, or take `all`")];
        }
        Vec::new()
    }
}
