//! The API's description, as the host tells it, and the client's types made from it.

use crate::process::{self, say};
use crate::stamp::write_if_changed;
use crate::tools;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

/// Write both.
pub(crate) fn write(workspace: &Workspace) -> Result<()> {
    let text = describe(workspace)?;
    let path = description(workspace);
    let changed = write_if_changed(&path, text.as_bytes())?;
    say(&format!("    {}{}", path.display(), if changed { "" } else { " (unchanged)" }));
    tools::npm_packages(workspace)?;
    process::run(workspace.npm().args(["run", "gen", "-w", "clients/typescript"]))
}

/// What the host says of its API now.
pub(crate) fn describe(workspace: &Workspace) -> Result<String> {
    crate::host::build(workspace)?;
    let text = process::capture(workspace.command(&workspace.opssight().to_string_lossy()).arg("openapi"))?;
    let value: serde_json::Value = serde_json::from_str(&text).context("read what `opssight openapi` printed")?;
    if value.get("openapi").is_none() {
        anyhow::bail!("`opssight openapi` printed JSON that is not an OpenAPI description");
    }
    Ok(format!("{}\n", text.trim_end()))
}

/// What the types would be for a description.
pub(crate) fn types(workspace: &Workspace, description: &Path, folder: &Path) -> Result<String> {
    tools::npm_packages(workspace)?;
    let types = folder.join("schema.d.ts");
    process::capture(
        workspace
            .command("node")
            .arg("node_modules/openapi-typescript/bin/cli.js")
            .arg(description)
            .args(["--empty-objects-unknown", "-o"])
            .arg(&types),
    )?;
    std::fs::read_to_string(&types).with_context(|| format!("read {}", types.display()))
}

/// Where the description is kept.
pub(crate) fn description(workspace: &Workspace) -> PathBuf {
    workspace.root.join("clients/typescript/openapi.json")
}
