//! Which file of a project changed last: saves that come together count as one.

use anyhow::{Context, Result};
use notify::{ErrorKind, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;
use tokio::sync::mpsc::{self, Receiver};

/// Editors write a file in several steps, and formatters several files.
const SETTLE: Duration = Duration::from_millis(150);

/// Folders that tools write to: build outputs, packages, caches, and what version control keeps.
const MADE_BY_TOOLS: [&str; 13] = [
    "target",
    "node_modules",
    "dist",
    "__pycache__",
    ".venv",
    "venv",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".git",
    ".hg",
    ".jj",
    ".svn",
];

/// A folder with one of these is such a folder, whatever it is called: caches and cargo's targets, Python environments.
const MARKS: [&str; 2] = ["CACHEDIR.TAG", "pyvenv.cfg"];

/// And files.
const LOCKS: [&str; 2] = ["Cargo.lock", "package-lock.json"];

/// Watches until it is dropped.
pub(super) struct Watch {
    folder: PathBuf,
    changes: Receiver<PathBuf>,
    /// What changed and is not quiet yet: whoever waits may be interrupted, and the change must outlive that.
    pending: Option<PathBuf>,
    watcher: RecommendedWatcher,
}

impl Watch {
    pub(super) fn start(folder: &Path) -> Result<Self> {
        // One is enough: what comes while a build runs only says that there must be another.
        let (sender, changes) = mpsc::channel(1);
        let root = folder.to_owned();
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            if let Some(path) = event.ok().and_then(|event| changed_source(&root, event)) {
                // Full: the news is there already. Closed: nobody watches any more.
                let _ = sender.try_send(path);
            }
        })
        .context("watch files")?;
        let mut watch = Self { folder: folder.to_owned(), changes, pending: None, watcher };
        watch.look()?;
        Ok(watch)
    }

    /// Watch each folder of sources by itself: what tools make has thousands of folders, and the system lends few
    /// watches. Watching one again is fine.
    fn look(&mut self) -> Result<()> {
        let watcher = &mut self.watcher;
        watch_sources(&self.folder, |folder| watcher.watch(folder, RecursiveMode::NonRecursive))
    }

    /// The next change, once it is quiet again. None when watching ended.
    pub(super) async fn changed(&mut self) -> Result<Option<PathBuf>> {
        if self.pending.is_none() {
            let Some(changed) = self.changes.recv().await else { return Ok(None) };
            self.pending = Some(changed);
        }
        while let Ok(Some(more)) = tokio::time::timeout(SETTLE, self.changes.recv()).await {
            self.pending = Some(more);
        }
        // There may be new folders. What was saved in them before this is part of the next build.
        self.look()?;
        Ok(self.pending.take())
    }
}

/// Watch a folder and all below it that hold sources. Each is watched before it is listed: what is made in it meanwhile
/// is in the list, and what is made later is a change.
fn watch_sources(root: &Path, mut watch: impl FnMut(&Path) -> notify::Result<()>) -> Result<()> {
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        match watch(&folder) {
            Ok(()) => folders.extend(source_folders(&folder)),
            Err(error) if folder != root && is_out_of_reach(&error.kind) => {}
            Err(error) => return Err(error).with_context(|| format!("watch {}", folder.display())),
        }
    }
    Ok(())
}

/// Gone by now, or closed to us: then it holds no source that a compiler could read.
fn is_out_of_reach(kind: &ErrorKind) -> bool {
    match kind {
        ErrorKind::PathNotFound => true,
        ErrorKind::Io(error) => matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied),
        _ => false,
    }
}

/// The folders in a folder that hold sources.
fn source_folders(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    // Links are not followed: they may lead in a circle.
    let folders = entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    folders.filter(|entry| !is_made_by_tools(entry)).map(|entry| entry.path()).collect()
}

fn is_made_by_tools(entry: &fs::DirEntry) -> bool {
    let name = entry.file_name();
    MADE_BY_TOOLS.iter().any(|made| name == *made) || MARKS.iter().any(|mark| entry.path().join(mark).is_file())
}

/// The first source that an event is about. An event that says that others were lost may be about any: the root.
fn changed_source(root: &Path, event: Event) -> Option<PathBuf> {
    if event.need_rescan() {
        return Some(root.to_owned());
    }
    event.paths.into_iter().find(|path| is_source(root, path, event.kind))
}

fn is_source(root: &Path, path: &Path, kind: EventKind) -> bool {
    let inside = path.strip_prefix(root).unwrap_or(path);
    let made = |part: Component<'_>| MADE_BY_TOOLS.iter().any(|made| part.as_os_str() == *made);
    !matches!(kind, EventKind::Access(_))
        && !inside.components().any(made)
        && !LOCKS.iter().any(|lock| path.ends_with(lock))
}

#[cfg(test)]
mod tests;
