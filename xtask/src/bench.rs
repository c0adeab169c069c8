//! Measure. The figures themselves are taken by an example of the server crate, which can see every part of the host;
//! this command only makes sure that what it needs is there.

use crate::process;
use crate::tools;
use crate::workspace::Workspace;
use anyhow::Result;

/// How to report.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Print one JSON object as the last line.
    #[arg(long)]
    json: bool,
}

/// Take the figures and print the table.
pub(crate) fn run(workspace: &Workspace, args: &Args) -> Result<()> {
    tools::wasm_target(workspace)?;
    tools::npm_packages(workspace)?;
    let mut cargo = workspace.cargo();
    cargo.args(["run", "--quiet", "-p", "opssight-server", "--example", "bench", "--"]);
    if args.json {
        cargo.arg("--json");
    }
    process::run_for_data(&mut cargo)
}
