//! `cargo xtask tidy`: what a machine can check, so that no reviewer has to.

mod contract;
mod deny;
mod deploy;
mod floors;
mod generated;
mod texts;
mod walls;

use crate::process::{self, headline, say};
use crate::workspace::Workspace;
use crate::{plugins, tools};
use anyhow::{Result, bail};
use std::process::ExitCode;
use std::time::Instant;

/// Options of tidying.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only these checks, by name.
    only: Vec<String>,
}

/// What a check that passed still wants to say.
type Remarks = Vec<String>;
type Check = fn(&Workspace) -> Result<Remarks>;

const CHECKS: [(&str, Check); 13] = [
    ("format", format),
    ("walls", walls::check),
    ("floors", floors::check),
    ("texts", texts::check),
    ("schemas", generated::schemas),
    ("contract", contract::check),
    ("deploy", deploy::check),
    ("deny", deny::check),
    ("clippy", clippy),
    ("clippy-plugins", clippy_plugins),
    ("openapi", generated::openapi),
    ("hostile-page", generated::hostile_page),
    ("duplicates", duplicates),
];

pub(crate) fn run(workspace: &Workspace, args: &Args) -> Result<ExitCode> {
    let known = CHECKS.map(|(name, _)| name);
    if let Some(unknown) = args.only.iter().find(|name| !known.contains(&name.as_str())) {
        bail!("there is no check `{unknown}`; there are {}", known.join(", "));
    }
    let mut table = Vec::new();
    for (name, check) in CHECKS.iter().filter(|(name, _)| args.only.is_empty() || args.only.iter().any(|o| o == name)) {
        headline(name);
        let begun = Instant::now();
        let outcome = check(workspace);
        let seconds = begun.elapsed().as_secs();
        match &outcome {
            Ok(remarks) => remarks.iter().for_each(|remark| say(&format!("    note: {remark}"))),
            Err(error) => say(&format!("    failed to pass: {error:#}")),
        }
        table.push((name, outcome.is_ok(), seconds));
    }
    headline("Tidy");
    for (name, good, seconds) in &table {
        say(&format!("    {:<6} {name} ({seconds} s)", if *good { "ok" } else { "FAILED" }));
    }
    let failed = table.iter().filter(|(_, good, _)| !good).count();
    say(&format!("{} checks passed, {failed} failed", table.len() - failed));
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn format(workspace: &Workspace) -> Result<Remarks> {
    process::run(workspace.cargo().args(["fmt", "--all", "--check"]))?;
    Ok(Vec::new())
}

fn clippy(workspace: &Workspace) -> Result<Remarks> {
    process::run(workspace.whole(&["clippy"])?.args(["--all-targets", "--", "-D", "warnings"]))?;
    Ok(Vec::new())
}

/// Plugins once more as what they are: some of their code exists on wasm only.
fn clippy_plugins(workspace: &Workspace) -> Result<Remarks> {
    tools::wasm_target(workspace)?;
    let mut cargo = workspace.cargo();
    cargo.args(["clippy", "--locked", "--lib", "--target", plugins::TARGET, "-p", "opssight-plugin"]);
    for source in plugins::sources(workspace)? {
        cargo.args(["-p", &source.krate]);
    }
    process::run(cargo.args(["--", "-D", "warnings"]))?;
    Ok(Vec::new())
}

/// A developer's tool that shows where code repeats itself. It is a place to look, never a verdict.
fn duplicates(workspace: &Workspace) -> Result<Remarks> {
    if !tools::on_path("duplicates") {
        return Ok(vec!["the tool `duplicates` is not on this machine; skipped".to_owned()]);
    }
    process::run(workspace.command("duplicates").args(["--min-lines", "12", "--most", "10"]))?;
    Ok(Vec::new())
}
