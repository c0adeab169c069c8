//! `cargo xtask soak`: install, update, roll back, switch, revoke and uninstall plugins at random on a real host under a
//! stream of deliveries. The soak itself is an example of the server crate, which can sign packages.

use crate::host;
use crate::process;
use crate::workspace::Workspace;
use anyhow::Result;

/// How long.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// So many steps.
    #[arg(long, default_value_t = 150)]
    steps: u32,
    /// What random choices begin with.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Soak. The last line says how it went.
pub(crate) fn run(workspace: &Workspace, args: &Args) -> Result<()> {
    let program = host::example(workspace, "soak")?;
    let opssight = workspace.opssight();
    let mut command = workspace.command(&program.to_string_lossy());
    command.arg(&opssight).arg(args.steps.to_string()).arg(args.seed.to_string());
    process::run_for_data(&mut command)
}

/// A short one, as a stage of `cargo xtask test`.
pub(crate) fn stage(workspace: &Workspace) -> Result<crate::test::Count> {
    run(workspace, &Args { steps: 150, seed: 1 })?;
    Ok(crate::test::Count { passed: 1, failed: 0 })
}
