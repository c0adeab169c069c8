//! `cargo xtask hostile`: attack the plugin host in every way that the corpus (`host/hostile`) knows. The attacks are in
//! a program of their own, because chores are compiled before wasmtime is.

use crate::process::{self, say};
use crate::stamp::write_if_changed;
use crate::test::Count;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use std::path::PathBuf;
use std::process::{Command, ExitCode};

/// Which rows, and how thoroughly.
#[derive(clap::Args, Default)]
pub(crate) struct Args {
    /// Only this row, or all of its variants: "58", "74c", "X1". May be repeated.
    #[arg(long)]
    row: Vec<String>,
    /// What random choices begin with.
    #[arg(long)]
    seed: Option<u64>,
    /// How many broken packages row 20 makes; row 24 poisons a tenth as many files.
    #[arg(long)]
    mutants: Option<u32>,
    /// Instead of running rows, change packages, components, manifests and answers at random for so long: "30m", "90s".
    /// The same seed makes the same mutants; what should not have gone as it went is kept below `target/hostile`.
    #[arg(long, value_name = "TIME", conflicts_with_all = ["row", "mutants"])]
    mutate: Option<String>,
    /// The mutant to begin with; with `--mutate 0s` it is the only one.
    #[arg(long, requires = "mutate")]
    from: Option<u64>,
    /// Write `docs/security/hostile-corpus.md`, and attack nothing.
    #[arg(long)]
    table: bool,
}

/// Attack, or write the page. The last line says how it went.
pub(crate) fn run(workspace: &Workspace, args: &Args) -> Result<ExitCode> {
    if args.table {
        let path = page(workspace);
        let changed = write_if_changed(&path, table(workspace)?.as_bytes())?;
        say(&format!("    {}{}", path.display(), if changed { "" } else { " (unchanged)" }));
        return Ok(ExitCode::SUCCESS);
    }
    let mut command = program(workspace)?;
    for row in &args.row {
        command.args(["--row", row]);
    }
    if let Some(seed) = args.seed {
        command.args(["--seed", &seed.to_string()]);
    }
    if let Some(mutants) = args.mutants {
        command.args(["--mutants", &mutants.to_string()]);
    }
    if let Some(time) = &args.mutate {
        command.args(["--mutate", time, "--from", &args.from.unwrap_or(0).to_string()]);
        command.arg("--save").arg(workspace.root.join("target/hostile"));
    }
    let status = command.status().context("start the hostile corpus")?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// All rows as a stage of `cargo xtask test`.
pub(crate) fn stage(workspace: &Workspace) -> Result<Count> {
    let (status, said) = process::tee(&mut program(workspace)?)?;
    let last = said.lines().rev().find_map(counts).context("find the last line of the hostile corpus")?;
    if !status.success() && last.failed == 0 {
        bail!("the hostile corpus ended with {status} and no failure");
    }
    Ok(last)
}

/// "131 contained, 0 failed".
fn counts(line: &str) -> Option<Count> {
    let (contained, rest) = line.split_once(" contained, ")?;
    let failed = rest.strip_suffix(" failed")?;
    Some(Count { passed: contained.parse().ok()?, failed: failed.parse().ok()? })
}

/// Where the page is kept.
pub(crate) fn page(workspace: &Workspace) -> PathBuf {
    workspace.root.join("docs/security/hostile-corpus.md")
}

/// The page as the corpus writes it now.
pub(crate) fn table(workspace: &Workspace) -> Result<String> {
    process::capture(program(workspace)?.arg("--table"))
}

/// The program, built as tests build everything.
fn program(workspace: &Workspace) -> Result<Command> {
    process::run(workspace.whole(&["build"])?.args(["--quiet", "--bin", "opssight-hostile"]))?;
    let program = workspace.opssight().with_file_name("opssight-hostile");
    Ok(workspace.command(&program.to_string_lossy()))
}

#[cfg(test)]
mod tests {
    use super::counts;
    use crate::test::Count;

    #[test]
    fn only_the_corpus_own_last_line_counts() {
        assert_eq!(counts("131 contained, 2 failed"), Some(Count { passed: 131, failed: 2 }));
        for line in
            ["131 contained", "x contained, 0 failed", "1 passed, 0 failed", "17 refused, 2 contained, 0 failed"]
        {
            assert_eq!(counts(line), None, "{line}");
        }
    }
}
