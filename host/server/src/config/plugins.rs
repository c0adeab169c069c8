//! `[plugins]`

use super::CapsConfig;
use opssight_core::plugins::manifest::BudgetAsk;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Plugins and their limits.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PluginsConfig {
    /// Folder of `*.wasm` packages to load at start; `plugins` inside of the data folder unless told.
    pub dir: Option<PathBuf>,
    /// The operator's ceiling on every call of every plugin. What is left out is not lowered.
    pub caps: CapsConfig,
}

impl PluginsConfig {
    pub(super) fn problems(&self) -> Vec<String> {
        let zero = BudgetAsk::from(self.caps).limits().into_iter().filter(|(_, limit)| *limit == Some(0));
        zero.filter(|(limit, _)| *limit != "requests")
            .map(|(limit, _)| format!("plugins.caps.{limit} is 0: with that, no plugin could be called at all"))
            .collect()
    }
}
