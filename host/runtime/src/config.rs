//! What the composition root decides about the runtime.

use crate::class::{CompileCap, SizeClass};
use crate::egress::Resolver;
use crate::evidence::EvidenceConfig;
use crate::jail::Compiler;
use opssight_core::plugins::manifest::BudgetAsk;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How to run plugins.
#[derive(Clone)]
#[non_exhaustive]
pub struct RuntimeConfig {
    /// The host's data directory. Compiled plugins live in `aot/` below it, their key in `aot.key`.
    pub data_dir: PathBuf,
    /// How many calls may be under way at once; each holds one slot of the instance pool.
    pub max_concurrent_calls: u32,
    /// Operating system threads that run plugin code, apart from those that serve the API, and once more as many for
    /// calls that compute for long.
    pub threads: usize,
    /// Memory of all guests together, bytes. The calls of one plugin get at most half of it.
    pub memory_bytes: usize,
    /// The operator's ceiling on every call of every plugin. What is left out is not lowered.
    pub caps: BudgetAsk,
    /// Where names are looked up; the system's resolver when none is given.
    pub resolver: Option<Arc<dyn Resolver>>,
    /// Who compiles. A host that installs what others wrote uses [`Compiler::Worker`].
    pub compiler: Compiler,
    /// The operator's ceiling on what compiling one plugin may cost.
    pub compile_cap: CompileCap,
    /// Larger plugins are not installed.
    pub largest: SizeClass,
    /// Compiled plugins that are not loaded are removed, the least recently used first, when all of them together
    /// have more bytes than this.
    pub aot_bytes: u64,
    /// So many instances of interpreted plugins are kept between calls at most, each in a slot of the instance pool.
    /// None: every call has a fresh one.
    pub warm_instances: u32,
    /// How to speak with upstreams.
    pub upstream: UpstreamConfig,
    /// Which calls are recorded, and where.
    pub evidence: EvidenceConfig,
}

/// How plugins' requests are carried.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct UpstreamConfig {
    /// Certificate authorities to believe beside the system's own, as PEM.
    pub ca_pem: Option<Vec<u8>>,
    /// From the name to the end of the TLS handshake.
    pub connect: Duration,
    /// For status and headers.
    pub head: Duration,
    /// For each further piece of a body.
    pub between: Duration,
    /// For one request from start to end. The call's own wall time limits it further.
    pub total: Duration,
}

impl Default for UpstreamConfig {
    fn default() -> Self {
        Self {
            ca_pem: None,
            connect: Duration::from_secs(5),
            head: Duration::from_secs(20),
            between: Duration::from_secs(10),
            total: Duration::from_secs(30),
        }
    }
}

impl RuntimeConfig {
    /// Defaults for a data directory: 64 calls at once on two threads, with a gibibyte together, no further ceiling, the
    /// system's resolver, plugins of every size, compiled in this process, with at most 32 instances and 2 GiB of code
    /// kept.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            max_concurrent_calls: 64,
            threads: 2,
            memory_bytes: 1 << 30,
            caps: BudgetAsk::default(),
            resolver: None,
            compiler: Compiler::default(),
            compile_cap: CompileCap::default(),
            largest: SizeClass::Large,
            aot_bytes: 2 << 30,
            warm_instances: 32,
            upstream: UpstreamConfig::default(),
            evidence: EvidenceConfig::default(),
        }
    }
}
