//! `cargo xtask test`: everything, from a clean clone. It goes on after a failure, so that one run tells all.

mod count;

use crate::process::{self, headline, print, say};
use crate::services::Services;
use crate::workspace::Workspace;
use crate::{demo, tools};
use anyhow::{Context, Result, bail, ensure};
pub(crate) use count::Count;
use std::process::{Command, ExitCode};
use std::time::Instant;

/// Options of testing.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only these stages, by name; everything is built first all the same.
    only: Vec<String>,
}

type Stage = fn(&Workspace) -> Result<Count>;

/// The stages, cheapest verdict first.
pub(crate) const STAGES: [(&str, Stage); 8] = [
    ("typescript", typescript),
    ("rust", rust),
    ("museum", crate::museum::stage),
    ("hostile", crate::hostile::stage),
    ("soak", crate::soak::stage),
    ("crash", crate::crash::stage),
    ("demo", played),
    ("browser", browser),
];

pub(crate) fn run(workspace: &Workspace, args: &Args) -> Result<ExitCode> {
    let known = STAGES.map(|(name, _)| name);
    if let Some(unknown) = args.only.iter().find(|name| !known.contains(&name.as_str())) {
        bail!("there is no stage `{unknown}`; there are {}", known.join(", "));
    }
    demo::prepare(workspace)?;
    let mut table = Vec::new();
    for (name, stage) in STAGES.iter().filter(|(name, _)| args.only.is_empty() || args.only.iter().any(|o| o == name)) {
        headline(&format!("Test: {name}"));
        let begun = Instant::now();
        let count = stage(workspace).unwrap_or_else(|error| {
            say(&format!("    {name}: {error:#}"));
            Count { passed: 0, failed: 1 }
        });
        table.push((name, count, begun.elapsed().as_secs()));
    }
    headline("Tests");
    for (name, count, seconds) in &table {
        let mark = if count.failed == 0 { "ok" } else { "FAILED" };
        say(&format!("    {mark:<6} {name}: {} passed, {} failed ({seconds} s)", count.passed, count.failed));
    }
    let total = table.iter().fold(Count::default(), |total, (_, count, _)| total + *count);
    print(&format!("{} passed, {} failed", total.passed, total.failed))?;
    Ok(if total.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Every Rust test of the workspace, on this machine: also the plugins' parsers, which need no sandbox.
fn rust(workspace: &Workspace) -> Result<Count> {
    tools::conformance_packages(workspace)?;
    tools::registry(workspace)?;
    tools::python(workspace)?;
    let services = Services::all(workspace)?;
    let mut cargo = if tools::on_path("cargo-nextest") {
        let mut cargo = workspace.whole(&["nextest", "run"])?;
        cargo.args(["--status-level", "slow", "--final-status-level", "fail"]);
        // Many wait for servers more than they work.
        let at_once = std::thread::available_parallelism().map_or(2, |cores| cores.get() + 1);
        cargo.args(["--test-threads", &at_once.to_string()]);
        cargo
    } else {
        workspace.whole(&["test"])?
    };
    cargo.args(["--no-fail-fast", "--color", "never"]).envs(services.variables());
    counted(&mut cargo)
}

/// Types and unit tests of the client and the dashboard.
fn typescript(workspace: &Workspace) -> Result<Count> {
    counted(workspace.npm().args(["run", "check"]))
}

/// The demo as a stranger runs it. Its last line must be what it promises.
fn played(workspace: &Workspace) -> Result<Count> {
    let output = workspace
        .cargo()
        .args(["xtask", "demo", "--exit"])
        .stdin(std::process::Stdio::null())
        .stderr(std::process::Stdio::inherit())
        .output()
        .context("run the demo")?;
    let said = String::from_utf8_lossy(&output.stdout);
    let last = said.lines().last().unwrap_or_default();
    say(&format!("    {last}"));
    ensure!(output.status.success(), "the demo failed: {}", output.status);
    let outcome: serde_json::Value = serde_json::from_str(last).context("read the demo's last line as JSON")?;
    for field in ["accepted", "rejected", "runs", "jobs", "deployments", "changes", "errors"] {
        ensure!(outcome.get(field).is_some_and(serde_json::Value::is_u64), "the demo's last line has no {field}");
    }
    Ok(Count { passed: 1, failed: 0 })
}

/// The dashboard in a real browser, on a real host with the demo's data in it.
fn browser(workspace: &Workspace) -> Result<Count> {
    let chromium = tools::chromium(workspace)?;
    let data = tempfile::tempdir().context("make a folder for the host's data")?;
    let host = demo::furnished(workspace, data.path())?;
    let mut npm = workspace.npm();
    npm.args(["run", "e2e", "-w", "web"]);
    npm.env("OPSSIGHT_URL", &host.address).env("OPSSIGHT_SECRET", host.secret.as_deref().unwrap_or_default());
    npm.env("CHROMIUM", chromium).env("FORCE_COLOR", "0");
    let count = counted(&mut npm);
    host.stop()?;
    count
}

/// Run a test runner and believe its own count; one that fails without counting a failure is one failure.
fn counted(command: &mut Command) -> Result<Count> {
    let (status, said) = process::tee(command.env("NO_COLOR", "1"))?;
    let count = count::read(&said);
    if status.success() {
        ensure!(count.passed > 0, "it ended well without running a test");
        ensure!(count.failed == 0, "it ended well in spite of {} failures", count.failed);
        return Ok(count);
    }
    Ok(Count { failed: count.failed.max(1), ..count })
}
