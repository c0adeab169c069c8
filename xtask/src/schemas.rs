//! The JSON Schemas of the item kinds, for plugin authors in other languages.

use crate::process::say;
use crate::stamp::write_if_changed;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use std::path::PathBuf;

/// Write all.
pub(crate) fn write(workspace: &Workspace) -> Result<()> {
    for (path, text) in files(workspace)? {
        let changed = write_if_changed(&path, text.as_bytes())?;
        say(&format!("    {}{}", path.display(), if changed { "" } else { " (unchanged)" }));
    }
    Ok(())
}

/// What each file must say.
pub(crate) fn files(workspace: &Workspace) -> Result<Vec<(PathBuf, String)>> {
    let folder = workspace.root.join("wit/1.0/items");
    opssight_items::schemas()
        .into_iter()
        .map(|(kind, schema)| {
            let text = serde_json::to_string_pretty(&schema).with_context(|| format!("write the schema of {kind}"))?;
            Ok((folder.join(format!("{kind}.schema.json")), text + "\n"))
        })
        .collect()
}
