//! `cargo xtask museum`: every plugin binary that was ever released must still load, and do what it did then.
//!
//! An exhibit is a folder of `museum` with `plugin.wasm` and `calls.json`, as `opssight plugin test --record` writes
//! them. It is never changed: `SHA256SUMS` says what each was, and a new release is a new folder.

use crate::host;
use crate::process::{self, say};
use crate::test::Count;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail, ensure};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

/// Visit every exhibit. The last line says how they are.
pub(crate) fn run(workspace: &Workspace) -> Result<ExitCode> {
    host::build(workspace)?;
    let Count { passed, failed } = visit(workspace)?;
    say(&format!("{} binaries, {failed} broken", passed + failed));
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// All exhibits as a stage of `cargo xtask test`.
pub(crate) fn stage(workspace: &Workspace) -> Result<Count> {
    visit(workspace)
}

fn visit(workspace: &Workspace) -> Result<Count> {
    let museum = workspace.root.join("museum");
    let exhibits = exhibits(&museum)?;
    ensure!(!exhibits.is_empty(), "there is nothing in {}", museum.display());
    unchanged(workspace, &museum, &exhibits)?;
    let mut count = Count::default();
    for name in exhibits {
        let folder = museum.join(&name);
        let mut replay = workspace.command(&workspace.opssight().to_string_lossy());
        replay
            .args(["plugin", "replay"])
            .arg(folder.join("calls.json"))
            .arg("--package")
            .arg(folder.join("plugin.wasm"));
        let (status, said) = process::tee(&mut replay)?;
        let identical = said.lines().filter(|line| line.contains(": identical (")).count();
        let is_well = status.success() && identical > 0;
        say(&format!("    {} {name}: {identical} calls are identical", if is_well { "ok    " } else { "BROKEN" }));
        *(if is_well { &mut count.passed } else { &mut count.failed }) += 1;
    }
    Ok(count)
}

fn exhibits(museum: &Path) -> Result<BTreeSet<String>> {
    let entries = fs::read_dir(museum).with_context(|| format!("list {}", museum.display()))?;
    let mut names = BTreeSet::new();
    for entry in entries {
        let entry = entry?;
        if entry.path().is_dir() {
            names.insert(entry.file_name().to_string_lossy().into_owned());
        }
    }
    Ok(names)
}

/// Every file of every exhibit is in the list of sums, and as it was.
fn unchanged(workspace: &Workspace, museum: &Path, exhibits: &BTreeSet<String>) -> Result<()> {
    let path = museum.join("SHA256SUMS");
    let sums = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
    let listed: BTreeSet<&str> = sums.lines().filter_map(|line| line.split_once("  ")).map(|(_, file)| file).collect();
    for name in exhibits {
        for file in ["calls.json", "plugin.wasm"] {
            let file = format!("{name}/{file}");
            if !listed.contains(file.as_str()) {
                bail!("{file} is not in {}: add the line of `sha256sum {file}`", path.display());
            }
        }
    }
    let mut sum = workspace.command("sha256sum");
    sum.current_dir(museum).args(["--check", "--strict", "--quiet", "SHA256SUMS"]);
    process::run(&mut sum).context("compare the exhibits with what they were; they are never changed")
}
