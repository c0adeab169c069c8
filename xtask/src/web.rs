//! The dashboard: a static export in `web/out`, which the host embeds.

use crate::process::{self, say};
use crate::stamp;
use crate::tools;
use crate::workspace::Workspace;
use anyhow::Result;
use std::path::PathBuf;

/// What building and testing leave among the sources, and what only tests read.
const MADE: [&str; 8] = [
    "node_modules",
    ".next",
    "out",
    "next-env.d.ts",
    "tsconfig.tsbuildinfo",
    "test-results",
    "playwright-report",
    "e2e",
];

/// Build it, unless what it is made of did not change.
pub(crate) fn build(workspace: &Workspace) -> Result<()> {
    process::headline("Dashboard");
    tools::npm_packages(workspace)?;
    let digest = stamp::digest(&sources(workspace), &MADE)?;
    if stamp::is_fresh(workspace, "web", &digest) && workspace.root.join("web/out/_next").is_dir() {
        say("    unchanged: web/out is as its sources are");
        return Ok(());
    }
    process::run(workspace.npm().args(["run", "build"]))?;
    stamp::set(workspace, "web", &digest)
}

fn sources(workspace: &Workspace) -> Vec<PathBuf> {
    ["package.json", "package-lock.json", "web", "clients/typescript"].map(|path| workspace.root.join(path)).into()
}
