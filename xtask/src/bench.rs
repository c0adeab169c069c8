//! Measure. The figures themselves are taken by an example of the server crate, which can see every part of the host;
//! this command only makes sure that what it needs is there.

use crate::host;
use crate::process;
use crate::services::Services;
use crate::tools;
use crate::workspace::Workspace;
use anyhow::Result;
use std::path::PathBuf;

/// How to report.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Print one JSON object as the last line.
    #[arg(long)]
    json: bool,
    /// Compare with Extism as well. Its build brings a second wasmtime and takes minutes at first.
    #[arg(long)]
    peers: bool,
    /// Only what hostile plugins cost the others. It takes some minutes.
    #[arg(long, conflicts_with = "peers")]
    noisy: bool,
    /// Only series: the embedded store beside VictoriaMetrics.
    #[arg(long, conflicts_with_all = ["peers", "noisy"])]
    series: bool,
    /// Only deliveries on their whole way: SQLite beside PostgreSQL, Redis and Kafka.
    #[arg(long, conflicts_with_all = ["peers", "noisy", "series"])]
    deliveries: bool,
}

/// Take the figures and print the table.
pub(crate) fn run(workspace: &Workspace, args: &Args) -> Result<()> {
    tools::wasm_target(workspace)?;
    tools::npm_packages(workspace)?;
    let extism = if args.peers { Some(extism(workspace)?) } else { None };
    let program = host::example(workspace, "bench")?;
    let mut bench = workspace.command(&program.to_string_lossy());
    // What hostile plugins cost is measured beside nothing else.
    let services = match args {
        Args { noisy: true, .. } => None,
        Args { series: true, .. } => Some(Services::victoria(workspace)?),
        _ => Some(Services::of_deliveries(workspace)?),
    };
    if let Some(services) = &services {
        bench.envs(services.variables());
    }
    bench.args(args.noisy.then_some("noisy")).args(args.series.then_some("series"));
    bench.args(args.deliveries.then_some("deliveries"));
    if args.json {
        bench.arg("--json");
    }
    if let Some([host, guest]) = &extism {
        bench.arg("--extism").arg(host).arg(guest);
    }
    process::run_for_data(&mut bench)
}

/// Extism's host and guest: a workspace of its own in a target folder of its own.
fn extism(workspace: &Workspace) -> Result<[PathBuf; 2]> {
    const TARGET: &str = "wasm32-unknown-unknown";
    tools::rust_target(workspace, TARGET)?;
    let target = workspace.target.join("extism");
    let cargo = || {
        let mut cargo = workspace.cargo();
        cargo.current_dir(workspace.root.join("bench/extism")).env("CARGO_TARGET_DIR", &target);
        cargo
    };
    process::run(cargo().args([
        "build",
        "--locked",
        "--profile",
        "plugin",
        "--target",
        TARGET,
        "-p",
        "bench-extism-guest",
    ]))?;
    process::run(cargo().args(["build", "--locked"]))?;
    Ok([target.join("debug/bench-extism-host"), target.join(TARGET).join("plugin/bench_extism_guest.wasm")])
}
