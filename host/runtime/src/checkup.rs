//! Whether plugins can run on this machine, for whoever looks before a host is started.

use crate::class::SizeClass;
use crate::config::RuntimeConfig;
use crate::engine;
use crate::jail::{CompileError, Job, Workshop};
use crate::registry::RuntimeError;
use wasmtime::Engine;

/// A component with nothing in it: its name and version are all of it.
const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";

/// How the engine is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EngineCheckup {
    /// Whether there is room for the instance pool, without which plugins start slower.
    pub is_pooled: bool,
    /// Whether compiling works.
    pub compiles: Result<(), CompileError>,
}

/// Start the engine as a host does, and compile next to nothing. Blocks.
pub fn check_up(config: &RuntimeConfig) -> Result<EngineCheckup, RuntimeError> {
    let calls = config.max_concurrent_calls.max(1).saturating_add(config.warm_instances);
    let is_pooled = Engine::new(&engine::config(Some(calls))).is_ok();
    let engine = Engine::new(&engine::config(None)).map_err(|error| RuntimeError::Engine(format!("{error:#}")))?;
    let workshop = Workshop::new(config.compiler.clone(), config.compile_cap);
    let compiled = workshop.compile(&engine, &Job { plugin: "none", class: SizeClass::Small, bytes: EMPTY });
    Ok(EngineCheckup { is_pooled, compiles: compiled.map(drop) })
}
