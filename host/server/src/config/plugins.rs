//! `[plugins]`

use super::PluginEvidenceConfig;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Plugins and their limits.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PluginsConfig {
    /// Folder of `*.wasm` packages to load at start; `plugins` inside of the data folder unless told.
    pub dir: Option<PathBuf>,
    /// Records of their calls.
    pub evidence: PluginEvidenceConfig,
}
