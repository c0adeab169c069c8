//! `[plugins]`

mod trust;
mod update;

pub use trust::TrustConfig;
pub use update::UpdateConfig;

use super::{CapsConfig, PluginEvidenceConfig};
use opssight_core::plugins::manifest::BudgetAsk;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::PathBuf;

/// Plugins and their limits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PluginsConfig {
    /// Folder of `*.wasm` packages to install at start; `plugins` inside of the data folder unless told.
    pub dir: Option<PathBuf>,
    /// PEM file with certificate authorities to believe beside the system's own, for upstreams with a private one.
    pub ca_file: Option<PathBuf>,
    /// Calls of plugins are made. Off: deliveries are taken and wait, nothing is pulled, no action is carried out.
    pub enabled: bool,
    /// For authors at work: packages without a signature, and other content under a version that is installed, are
    /// taken. Only on a host that listens on this machine alone.
    pub dev: bool,
    /// Whose packages are believed.
    pub trust: TrustConfig,
    /// When a fresh version that fails is rolled back by itself.
    pub update: UpdateConfig,
    /// Size of the largest plugins that are installed: "small" (compiled languages), "medium" (small interpreters) or
    /// "large" (Python, SpiderMonkey: compiling one takes minutes and gigabytes, once).
    pub largest: Largest,
    /// Most memory that compiling one plugin may take, MiB. It can only lower what its size allows.
    pub compile_memory_mib: Option<u64>,
    /// Most CPU time that compiling one plugin may take, seconds. It can only lower what its size allows.
    pub compile_cpu_secs: Option<u64>,
    /// Room for compiled plugins that are not loaded just now, MiB.
    pub compiled_mib: u64,
    /// Memory of all plugins together, MiB; the calls of one plugin get at most half of it. The host itself needs up to
    /// 256 MiB more.
    pub memory_mib: u32,
    /// Instances of interpreted plugins that are kept between calls, all together; 0 makes every call start afresh.
    pub warm_instances: u32,
    /// Places that offer plugins, asked in this order: "oci://HOST/PREFIX", "dir:PATH" or "mirror:PATH". The first that
    /// knows a plugin speaks for it.
    pub catalogues: Vec<String>,
    /// A docker configuration (`config.json`) that holds how to sign in to registries.
    pub registry_auth: Option<PathBuf>,
    /// The operator's ceiling on every call of every plugin. What is left out is not lowered.
    pub caps: CapsConfig,
    /// Records of their calls.
    pub evidence: PluginEvidenceConfig,
}

/// A size of plugins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Largest {
    /// Up to 1.25 MiB.
    Small,
    /// Up to 4 MiB.
    Medium,
    /// Up to 32 MiB.
    #[default]
    Large,
}

impl Default for PluginsConfig {
    fn default() -> Self {
        Self {
            dir: None,
            ca_file: None,
            catalogues: Vec::new(),
            registry_auth: None,
            enabled: true,
            dev: false,
            trust: TrustConfig::default(),
            update: UpdateConfig::default(),
            largest: Largest::Large,
            compile_memory_mib: None,
            compile_cpu_secs: None,
            compiled_mib: 2_048,
            memory_mib: 1_024,
            warm_instances: 32,
            caps: CapsConfig::default(),
            evidence: PluginEvidenceConfig::default(),
        }
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
        if self.compile_memory_mib.is_some_and(|mib| mib < 16) {
            problems.push("plugins.compile_memory_mib: must be at least 16".to_owned());
        }
        if self.compile_cpu_secs == Some(0) {
            problems.push("plugins.compile_cpu_secs: must be at least 1".to_owned());
        }
        if !(64..=1_048_576).contains(&self.memory_mib) {
            problems.push(
                "plugins.memory_mib: must be 64 to 1048576; an interpreted plugin may take 256 for one call".to_owned(),
            );
        }
        if self.warm_instances > 1_000 {
            problems.push("plugins.warm_instances: must be 0 to 1000".to_owned());
        }
        let zero = BudgetAsk::from(self.caps).limits().into_iter().filter(|(_, limit)| *limit == Some(0));
        problems.extend(
            zero.filter(|(limit, _)| *limit != "requests")
                .map(|(limit, _)| format!("plugins.caps.{limit} is 0: with that, no plugin could be called at all")),
        );
        problems
    }
}
