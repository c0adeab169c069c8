//! `[plugins]`

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Plugins and their limits.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PluginsConfig {
    /// Folder of `*.wasm` packages to load at start; `plugins` inside of the data folder unless told.
    pub dir: Option<PathBuf>,
    /// PEM file with certificate authorities to believe beside the system's own, for upstreams with a private one.
    pub ca_file: Option<PathBuf>,
}
