//! How this host runs plugins.

use crate::config::{Config, Largest};
use anyhow::Context;
use opssight_runtime::{CompileCap, Compiler, RuntimeConfig, SizeClass};

/// This very program, also when the file that it was started from has been replaced since.
const OURSELVES: &str = "/proc/self/exe";

/// Compiling in a process of its own, locked in.
pub(crate) fn jailed() -> Compiler {
    Compiler::worker(OURSELVES, [crate::commands::COMPILE_WORKER])
}

/// What the configuration says, and compiling in the jail.
pub(crate) fn runtime(config: &Config) -> anyhow::Result<RuntimeConfig> {
    let plugins = &config.plugins;
    let mut runtime = RuntimeConfig::new(&config.server.data);
    runtime.compiler = jailed();
    runtime.compile_cap = CompileCap::new(plugins.compile_memory_mib, plugins.compile_cpu_secs);
    runtime.largest = match plugins.largest {
        Largest::Small => SizeClass::Small,
        Largest::Medium => SizeClass::Medium,
        Largest::Large => SizeClass::Large,
    };
    runtime.aot_bytes = plugins.compiled_mib.saturating_mul(1 << 20);
    runtime.memory_bytes = usize::try_from(plugins.memory_mib).unwrap_or(usize::MAX).saturating_mul(1 << 20);
    runtime.warm_instances = plugins.warm_instances;
    runtime.caps = plugins.caps.into();
    if let Some(path) = &plugins.ca_file {
        let pem = std::fs::read(path).with_context(|| format!("read the certificates in {}", path.display()))?;
        runtime.upstream.ca_pem = Some(pem);
    }
    Ok(runtime)
}
