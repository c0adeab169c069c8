//! `cargo xtask crash`: kill real hosts at every named step and at random moments under load, on SQLite and on
//! PostgreSQL, Redis and Kafka. What is killed and counted is an example of the server crate, which knows plugins and
//! stores, and starts servers of its own to kill.

use crate::host;
use crate::process;
use crate::test::Count;
use crate::tools;
use crate::workspace::Workspace;
use anyhow::Result;
use opssight_services::Part;

/// How often.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// So many deaths, a third of them where two hosts share servers.
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
    tools::disasters(workspace)?;
    let mut command = workspace.command(&program.to_string_lossy());
    for part in [Part::Postgres, Part::Redis, Part::Kafka] {
        command.env(format!("OPSSIGHT_CRASH_{}", part.name().to_uppercase()), tools::server(workspace, part)?);
    }
    command.arg(workspace.opssight()).arg(args.kills.to_string()).arg(args.seed.to_string());
    process::run_for_data(&mut command)
}

/// The same as a stage of `cargo xtask test`.
pub(crate) fn stage(workspace: &Workspace) -> Result<Count> {
    run(workspace, &Args { kills: KILLS, seed: 1 })?;
    Ok(Count { passed: 1, failed: 0 })
}
