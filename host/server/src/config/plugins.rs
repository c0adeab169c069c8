//! `[plugins]`

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Plugins and their limits.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PluginsConfig {
    /// Folder of `*.wasm` packages to load at start; `plugins` inside of the data folder unless told.
    pub dir: Option<PathBuf>,
    /// Places that offer plugins, asked in this order: "oci://HOST/PREFIX", "dir:PATH" or "mirror:PATH". The first that
    /// knows a plugin speaks for it.
    pub catalogues: Vec<String>,
    /// A docker configuration (`config.json`) that holds how to sign in to registries.
    pub registry_auth: Option<PathBuf>,
}
