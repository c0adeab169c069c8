//! `[plugins]`

mod trust;
mod update;

pub use trust::TrustConfig;
pub use update::UpdateConfig;

use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::PathBuf;

/// Plugins and their limits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PluginsConfig {
    /// Folder of `*.wasm` packages to install at start; `plugins` inside of the data folder unless told.
    pub dir: Option<PathBuf>,
    /// Calls of plugins are made. Off: deliveries are taken and wait, nothing is pulled, no action is carried out.
    pub enabled: bool,
    /// For authors at work: packages without a signature, and other content under a version that is installed, are
    /// taken. Only on a host that listens on this machine alone.
    pub dev: bool,
    /// Whose packages are believed.
    pub trust: TrustConfig,
    /// When a fresh version that fails is rolled back by itself.
    pub update: UpdateConfig,
}

impl Default for PluginsConfig {
    fn default() -> Self {
        Self { dir: None, enabled: true, dev: false, trust: TrustConfig::default(), update: UpdateConfig::default() }
    }
}

impl PluginsConfig {
    pub(super) fn problems(&self, listen: SocketAddr) -> Vec<String> {
        let mut problems = self.trust.problems();
        problems.extend(self.update.problems());
        if self.dev && !listen.ip().is_loopback() {
            problems.push(format!(
                "plugins.dev: takes plugins that nobody signed, and server.listen is {listen}, which other machines can \
                 reach: listen on 127.0.0.1, or leave --dev out and sign the packages"
            ));
        }
        problems
    }
}
