//! Every chore of this repository: `cargo xtask <chore>`. One file per chore.
//!
//! It stays light (no wasmtime, no database, no server), because it is compiled before anything else on a clean
//! machine. What must be tried on the real host is tried by starting `opssight` as a process.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod bench;
mod contract;
mod crash;
mod demo;
mod host;
mod hostile;
mod interrupt;
mod museum;
mod openapi;
mod plugins;
mod process;
#[cfg(test)]
mod readme;
mod schemas;
mod services;
mod soak;
mod stamp;
mod test;
mod tidy;
mod tools;
mod web;
mod workspace;

use clap::{Parser, Subcommand};
use std::process::ExitCode;
use workspace::Workspace;

/// Chores of the OpsSight repository.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Build everything, start it and play recorded GitHub deliveries through the front door.
    Demo(demo::Args),
    /// Run every test of the repository, from a clean clone.
    Test(test::Args),
    /// Measure what calls and deliveries cost, as ratios against peers of the same run.
    Bench(bench::Args),
    /// Attack the plugin host in every way that the hostile corpus knows.
    Hostile(hostile::Args),
    /// Load every plugin binary that was ever released, and make its recorded calls again.
    Museum,
    /// Install, change and remove plugins at random on a host under load.
    Soak(soak::Args),
    /// Kill hosts again and again under load: nothing may be lost, applied twice or forgotten.
    Crash(crash::Args),
    /// Ask every operation of the API as every kind of caller, and compare who was let through with the table.
    AuthzMatrix,
    /// Start the servers that tests talk to, say where they are, and wait for Ctrl-C.
    Services,
    /// Check what a reviewer should not have to: format, lints, walls, licences, generated files.
    Tidy(tidy::Args),
    /// Build plugins into single-file packages in `target/plugins`.
    Plugins {
        /// Only this one, by its folder below `plugins/`.
        name: Option<String>,
    },
    /// Write down what is new in the plugin contract: from then on it stands.
    Contract,
    /// Build the dashboard into `web/out`.
    Web,
    /// Write `clients/typescript/openapi.json` and the types made from it.
    Openapi,
    /// Write the JSON Schemas of the item kinds into `wit/1.0/items`.
    Schemas,
}

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            process::say(&format!("\nerror: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let workspace = Workspace::find()?;
    match cli.chore {
        Chore::Demo(args) => return demo::run(&workspace, &args),
        Chore::Test(args) => return test::run(&workspace, &args),
        Chore::Bench(args) => bench::run(&workspace, &args)?,
        Chore::Soak(args) => soak::run(&workspace, &args)?,
        Chore::Hostile(args) => return hostile::run(&workspace, &args),
        Chore::Crash(args) => crash::run(&workspace, &args)?,
        Chore::AuthzMatrix => host::matrix(&workspace)?,
        Chore::Services => services::run(&workspace)?,
        Chore::Museum => return museum::run(&workspace),
        Chore::Tidy(args) => return tidy::run(&workspace, &args),
        Chore::Plugins { name } => {
            plugins::build(&workspace, name.as_deref())?;
        }
        Chore::Contract => contract::release(&workspace)?,
        Chore::Web => web::build(&workspace)?,
        Chore::Openapi => openapi::write(&workspace)?,
        Chore::Schemas => schemas::write(&workspace)?,
    }
    Ok(ExitCode::SUCCESS)
}
