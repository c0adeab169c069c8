//! Configuration: defaults < file (TOML) < environment < flags. Unknown keys are errors, because a misspelt limit is
//! worse than a missing one.
//!
//! A key of the file is `[section] key`; the same in the environment is `OPSSIGHT_SECTION__KEY`.

mod blobs;
mod bus;
mod cache;
mod caps;
mod evidence;
mod hooks;
mod load;
mod log;
mod metrics;
mod plugins;
mod retention;
mod roles;
mod secret_url;
mod secrets;
mod server;
mod store;
mod worker;

pub use blobs::BlobsConfig;
pub use bus::{BusConfig, From, InletConfig, Password, RelayStart, Sasl};
pub use cache::CacheConfig;
pub use caps::CapsConfig;
pub use evidence::{PluginEvidenceConfig, RecordedCalls};
pub use hooks::HooksConfig;
pub use load::{ConfigError, Flags, load};
pub use log::{LogConfig, LogFormat};
pub use metrics::MetricsConfig;
pub(crate) use metrics::connect;
pub use plugins::{Largest, PluginsConfig, TrustConfig, UpdateConfig};
pub use retention::RetentionConfig;
pub use roles::{Role, Roles};
pub use secret_url::SecretUrl;
pub use secrets::{SecretsConfig, VaultConfig};
pub use server::ServerConfig;
pub use store::StoreConfig;
pub use worker::WorkerConfig;

use serde::{Deserialize, Serialize};

/// Everything that can be set.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where this host listens and keeps its data.
    pub server: ServerConfig,
    /// Where everything is kept that must last.
    pub store: StoreConfig,
    /// Where packages of plugins are shared.
    pub blobs: BlobsConfig,
    /// What hosts share and may lose.
    pub cache: CacheConfig,
    /// The master keys that seal stored credentials, and Vault.
    pub secrets: SecretsConfig,
    /// Events beyond this host.
    pub bus: BusConfig,
    /// Deliveries at the door.
    pub hooks: HooksConfig,
    /// Plugins and their limits.
    pub plugins: PluginsConfig,
    /// The workers behind the door.
    pub worker: WorkerConfig,
    /// How long things are kept.
    pub retention: RetentionConfig,
    /// Where measurements are kept, and how many.
    pub metrics: MetricsConfig,
    /// What is logged, and how.
    pub log: LogConfig,
}

impl Config {
    /// What types cannot say; all problems, not only the first.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        problems.extend(self.server.problems());
        problems.extend(self.server.roles.problems(self.store.url.is_some()));
        problems.extend(self.store.problems());
        problems.extend(self.blobs.problems());
        problems.extend(self.cache.problems());
        problems.extend(self.secrets.problems());
        problems.extend(self.bus.problems());
        problems.extend(self.hooks.problems());
        problems.extend(self.plugins.problems(self.server.listen));
        problems.extend(crate::catalogues::problems(&self.plugins));
        problems.extend(self.plugins.evidence.problems());
        problems.extend(self.worker.problems());
        problems.extend(self.retention.problems());
        problems.extend(self.metrics.problems());
        problems
    }
}
