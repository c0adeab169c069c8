//! `cargo xtask crash`: kill real hosts at every named step and at random moments under load, on SQLite and on
//! PostgreSQL. What is killed and counted is an example of the server crate, which knows plugins and stores.

use crate::host;
use crate::process;
use crate::services::Services;
use crate::test::Count;
use crate::tools;
use crate::workspace::Workspace;
use anyhow::Result;
use std::process::{Command, ExitCode};

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
pub(crate) fn run(workspace: &Workspace, args: &Args) -> Result<ExitCode> {
    tools::wasm_target(workspace)?;
    tools::npm_packages(workspace)?;
    let services = Services::start(workspace)?;
    let status = program(workspace, &services, args)?.status()?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The same as a stage of `cargo xtask test`.
pub(crate) fn stage(workspace: &Workspace) -> Result<Count> {
    let services = Services::start(workspace)?;
    process::run(&mut program(workspace, &services, &Args { kills: KILLS, seed: 1 })?)?;
    Ok(Count { passed: 1, failed: 0 })
}

fn program(workspace: &Workspace, services: &Services, args: &Args) -> Result<Command> {
    let program = host::example(workspace, "crash")?;
    let mut command = workspace.command(&program.to_string_lossy());
    command.arg(workspace.opssight()).arg(args.kills.to_string()).arg(args.seed.to_string());
    command.envs(services.variables());
    Ok(command)
}
