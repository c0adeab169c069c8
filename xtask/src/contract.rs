//! The plugin contract: what was released must stand; what is new is written down when it is released.

use crate::process::say;
use crate::stamp::write_if_changed;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use opssight_contract::{Lines, Problem, against_lock, of_folder, of_style};
use std::fs;
use std::path::PathBuf;

const HEADER: &str = "# What was released as 1.0, one line per type, function and world. Lines are added by \
                      `cargo xtask contract`, and never changed.\n";

/// What is in the contract now and was not released yet.
pub(crate) fn unreleased(workspace: &Workspace) -> Result<Vec<String>> {
    let (now, lock) = read(workspace)?;
    let mut problems = against_lock(&now, &lock);
    problems.extend(of_style(&now));
    if !problems.is_empty() {
        let text: Vec<String> = problems.iter().map(|Problem { at, problem }| format!("{at}: {problem}")).collect();
        bail!("the contract in wit/1.0 breaks its own rules:\n      {}", text.join("\n      "));
    }
    Ok(now.iter().filter(|(name, _)| lock.get(name).is_none()).map(|(name, _)| name.clone()).collect())
}

/// Release what is new: from here on it stands.
pub(crate) fn release(workspace: &Workspace) -> Result<()> {
    let new = unreleased(workspace)?;
    let (now, _) = read(workspace)?;
    write_if_changed(&lock_file(workspace), format!("{HEADER}{}", now.text()).as_bytes())?;
    say(&format!("    {} lines are new: {}", new.len(), new.join(", ")));
    Ok(())
}

fn read(workspace: &Workspace) -> Result<(Lines, Lines)> {
    let path = lock_file(workspace);
    let lock = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
    Ok((of_folder(&workspace.root.join("wit/1.0"))?, Lines::parse(&lock)))
}

fn lock_file(workspace: &Workspace) -> PathBuf {
    workspace.root.join("wit/1.0/contract.lock")
}
