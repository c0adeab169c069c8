//! What the composition root decides about the runtime.

use crate::egress::Resolver;
use crate::evidence::EvidenceConfig;
use opssight_core::plugins::manifest::BudgetAsk;
use std::path::PathBuf;
use std::sync::Arc;

/// How to run plugins.
#[derive(Clone)]
#[non_exhaustive]
pub struct RuntimeConfig {
    /// The host's data directory. Compiled plugins live in `aot/` below it, their key in `aot.key`.
    pub data_dir: PathBuf,
    /// How many calls may be under way at once; each holds one slot of the instance pool.
    pub max_concurrent_calls: u32,
    /// Operating system threads that run plugin code, apart from those that serve the API.
    pub threads: usize,
    /// The operator's ceiling on every call of every plugin. What is left out is not lowered.
    pub caps: BudgetAsk,
    /// Where names are looked up; the system's resolver when none is given.
    pub resolver: Option<Arc<dyn Resolver>>,
    /// Which calls are recorded, and where.
    pub evidence: EvidenceConfig,
}

impl RuntimeConfig {
    /// Defaults for a data directory: 64 calls at once on two threads, no further ceiling, the system's resolver.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            max_concurrent_calls: 64,
            threads: 2,
            caps: BudgetAsk::default(),
            resolver: None,
            evidence: EvidenceConfig::default(),
        }
    }
}
