//! Files that are made from code and checked in must say what the code says.

use super::Remarks;
use crate::workspace::Workspace;
use crate::{hostile, openapi, schemas};
use anyhow::{Context, Result, bail};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The JSON Schemas of the item kinds.
pub(super) fn schemas(workspace: &Workspace) -> Result<Remarks> {
    let wanted = schemas::files(workspace)?;
    let folder = workspace.root.join("wit/1.0/items");
    let known: BTreeSet<PathBuf> =
        fs::read_dir(&folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())).collect();
    for (path, text) in &wanted {
        same(path, text, "cargo xtask schemas")?;
    }
    let wanted: BTreeSet<PathBuf> = wanted.into_iter().map(|(path, _)| path).collect();
    if let Some(surplus) = known.difference(&wanted).next() {
        bail!("{} belongs to no item kind: remove it", surplus.display());
    }
    Ok(Vec::new())
}

/// The API's description, and the client's types.
pub(super) fn openapi(workspace: &Workspace) -> Result<Remarks> {
    let description = openapi::description(workspace);
    same(&description, &openapi::describe(workspace)?, "cargo xtask openapi")?;
    let folder = tempfile::tempdir().context("make a folder for the types")?;
    let types = openapi::types(workspace, &description, folder.path())?;
    same(&workspace.root.join("clients/typescript/src/schema.d.ts"), &types, "cargo xtask openapi")?;
    Ok(Vec::new())
}

/// What the documentation says of the hostile corpus.
pub(super) fn hostile_page(workspace: &Workspace) -> Result<Remarks> {
    same(&hostile::page(workspace), &hostile::table(workspace)?, "cargo xtask hostile --table")?;
    Ok(Vec::new())
}

fn same(path: &Path, wanted: &str, chore: &str) -> Result<()> {
    let known = fs::read_to_string(path).unwrap_or_default();
    if known == wanted {
        return Ok(());
    }
    let line = known.lines().zip(wanted.lines()).take_while(|(known, wanted)| known == wanted).count() + 1;
    bail!("{} is not what the code says (from line {line}): run `{chore}` and commit it", path.display())
}
