//! The connection's settings, as `plugin.toml` declares them.

use crate::parse::ProductionEnvironments;
use opssight_plugin::{Failure, settings};
use serde::Deserialize;

/// What the operator chose, with the manifest's defaults for what was left out.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub(crate) struct Settings {
    pub(crate) base_url: String,
    pub(crate) repositories: Vec<String>,
    pub(crate) backfill_days: u32,
    pub(crate) production_environments: ProductionEnvironments,
    pub(crate) webhook_url: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            base_url: "https://api.github.com".to_owned(),
            repositories: Vec::new(),
            backfill_days: 30,
            production_environments: ProductionEnvironments::default(),
            webhook_url: String::new(),
        }
    }
}

impl Settings {
    pub(crate) fn read() -> Result<Self, Failure> {
        settings::all()
    }
}
