//! `opssight compile-worker`: the host calls it, people do not.

use opssight_runtime::{CellLimits, compile_worker};

/// What stands behind the command.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct Limits {
    /// Memory on top of what the program takes, MiB
    memory_mib: u64,
    /// CPU time, seconds
    cpu_secs: u64,
}

/// Before anything else is started in this process. Answers with its exit code.
pub(super) fn run(limits: Limits) -> u8 {
    compile_worker(CellLimits { memory_mib: limits.memory_mib, cpu_secs: limits.cpu_secs })
}
