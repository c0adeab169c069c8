//! `cargo xtask crash`: kill real hosts at every named step and at random moments under load, on SQLite and on
//! PostgreSQL. What is killed and counted is an example of the server crate, which knows plugins and stores.

use crate::host;
use crate::process;
use crate::services::Services;
use crate::test::Count;
use crate::tools;
use crate::workspace::Workspace;
use anyhow::Result;

/// How often.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// So many deaths, a third of them where two hosts share a PostgreSQL.
    #[arg(long, default_value_t = KILLS)]
    kills: u32,
    /// What random choices begin with.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// As many as the tests take.
const KILLS: u32 = 200;

/// Kill. The last line says what became of everything that was accepted.
pub(crate) fn run(workspace: &Workspace, args: &Args) -> Result<()> {
    tools::wasm_target(workspace)?;
    tools::npm_packages(workspace)?;
    let program = host::example(workspace, "crash")?;
    let services = Services::postgres(workspace)?;
    let mut command = workspace.command(&program.to_string_lossy());
    command.arg(workspace.opssight()).arg(args.kills.to_string()).arg(args.seed.to_string());
    process::run_for_data(command.envs(services.variables()))
}

/// The same as a stage of `cargo xtask test`.
pub(crate) fn stage(workspace: &Workspace) -> Result<Count> {
    run(workspace, &Args { kills: KILLS, seed: 1 })?;
    Ok(Count { passed: 1, failed: 0 })
}
