//! Notes of what was built from what, so that a chore whose sources did not change costs nothing.

use crate::workspace::Workspace;
use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};

/// Digest of files and folders (by name and content), leaving out folders of the given names.
pub(crate) fn digest(paths: &[PathBuf], without: &[&str]) -> Result<String> {
    let mut files = Vec::new();
    for path in paths {
        collect(path, without, &mut files)?;
    }
    files.sort();
    let mut hash = Sha256::new();
    for file in files {
        let content = fs::read(&file).with_context(|| format!("read {}", file.display()))?;
        let name = file.to_string_lossy();
        for part in [name.as_bytes(), &content] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
    }
    Ok(hex::encode(hash.finalize()))
}

fn collect(path: &Path, without: &[&str], files: &mut Vec<PathBuf>) -> Result<()> {
    if !path.is_dir() {
        if path.exists() {
            files.push(path.to_owned());
        }
        return Ok(());
    }
    for entry in fs::read_dir(path).with_context(|| format!("list {}", path.display()))? {
        let entry = entry.with_context(|| format!("list {}", path.display()))?;
        let name = entry.file_name();
        if !without.iter().any(|left_out| name == *left_out) {
            collect(&entry.path(), without, files)?;
        }
    }
    Ok(())
}

/// Whether `name` was last made from the same digest.
pub(crate) fn is_fresh(workspace: &Workspace, name: &str, digest: &str) -> bool {
    fs::read_to_string(file(workspace, name)).is_ok_and(|known| known == digest)
}

/// Note that `name` was made from this digest.
pub(crate) fn set(workspace: &Workspace, name: &str, digest: &str) -> Result<()> {
    write_if_changed(&file(workspace, name), digest.as_bytes()).map(drop)
}

/// Write a file in one step, and only if it says something else: an untouched file spares rebuilds. Whether it did.
pub(crate) fn write_if_changed(path: &Path, content: &[u8]) -> Result<bool> {
    if fs::read(path).is_ok_and(|known| known == content) {
        return Ok(false);
    }
    let folder = path.parent().context("a file has a folder")?;
    fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    let mut new = tempfile::NamedTempFile::new_in(folder).with_context(|| format!("write in {}", folder.display()))?;
    std::io::Write::write_all(&mut new, content).with_context(|| format!("write {}", path.display()))?;
    let readable = <fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o644);
    fs::set_permissions(new.path(), readable).with_context(|| format!("open {} to readers", path.display()))?;
    new.persist(path).with_context(|| format!("put {} in place", path.display()))?;
    Ok(true)
}

fn file(workspace: &Workspace, name: &str) -> PathBuf {
    workspace.target.join("xtask").join(format!("{name}.stamp"))
}
