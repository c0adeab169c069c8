//! Which file of a project changed last: saves that come together count as one.

use anyhow::{Context, Result};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use std::fs;
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
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let Ok(event) = event else { return };
            if let Some(path) = event.paths.into_iter().find(|path| is_source(&root, path, event.kind)) {
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
        for folder in source_folders(&self.folder) {
            let watched = self.watcher.watch(&folder, RecursiveMode::NonRecursive);
            // One that is gone by now needs no watching.
            if folder.is_dir() {
                watched.with_context(|| format!("watch {}", folder.display()))?;
            }
        }
        Ok(())
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

/// A folder and all below it that hold sources.
fn source_folders(root: &Path) -> Vec<PathBuf> {
    let mut found = vec![root.to_owned()];
    let mut next = 0;
    while let Some(folder) = found.get(next).cloned() {
        next += 1;
        // One that cannot be read holds no source that a compiler could read.
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        // Links are not followed: they may lead in a circle.
        let folders = entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        found.extend(folders.filter(|entry| !is_made_by_tools(entry)).map(|entry| entry.path()));
    }
    found
}

fn is_made_by_tools(entry: &fs::DirEntry) -> bool {
    let name = entry.file_name();
    MADE_BY_TOOLS.iter().any(|made| name == *made) || MARKS.iter().any(|mark| entry.path().join(mark).is_file())
}

fn is_source(root: &Path, path: &Path, kind: EventKind) -> bool {
    let inside = path.strip_prefix(root).unwrap_or(path);
    let made = |part: Component<'_>| MADE_BY_TOOLS.iter().any(|made| part.as_os_str() == *made);
    !matches!(kind, EventKind::Access(_))
        && !inside.components().any(made)
        && !LOCKS.iter().any(|lock| path.ends_with(lock))
}

#[cfg(test)]
mod tests {
    use super::{Watch, source_folders};
    use std::fs;
    use std::time::Duration;

    #[tokio::test]
    async fn saving_a_source_is_one_change_and_what_tools_write_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        fs::create_dir_all(root.join("src")).unwrap();
        fs::create_dir_all(root.join("target")).unwrap();
        let mut watch = Watch::start(&root).unwrap();
        fs::write(root.join("target/made.wasm"), "x").unwrap();
        assert!(tokio::time::timeout(Duration::from_millis(400), watch.changed()).await.is_err());
        fs::write(root.join("src/a.ts"), "1").unwrap();
        fs::write(root.join("src/a.ts"), "2").unwrap();
        let changed = tokio::time::timeout(Duration::from_secs(10), watch.changed()).await.unwrap().unwrap();
        assert_eq!(changed, Some(root.join("src/a.ts")));
        assert!(tokio::time::timeout(Duration::from_millis(400), watch.changed()).await.is_err());
    }

    #[test]
    fn only_folders_with_sources_are_watched() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for made in
            ["src/deep", "tests", "target/debug/deps", "node_modules/a", ".git/objects", "elsewhere/debug", "env/lib"]
        {
            fs::create_dir_all(root.join(made)).unwrap();
        }
        // A target folder of another name, and an environment, by what their tools put into them.
        fs::write(root.join("elsewhere/CACHEDIR.TAG"), "").unwrap();
        fs::write(root.join("env/pyvenv.cfg"), "").unwrap();
        let mut found: Vec<_> =
            source_folders(root).iter().map(|path| path.strip_prefix(root).unwrap().display().to_string()).collect();
        found.sort();
        assert_eq!(found, ["", "src", "src/deep", "tests"]);
    }

    #[tokio::test]
    async fn a_folder_that_is_new_is_watched_as_well() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let mut watch = Watch::start(&root).unwrap();
        fs::create_dir_all(root.join("src/deep")).unwrap();
        let changed = tokio::time::timeout(Duration::from_secs(10), watch.changed()).await.unwrap().unwrap();
        assert_eq!(changed, Some(root.join("src")));
        let saved = root.join("src/deep/a.ts");
        fs::write(&saved, "1").unwrap();
        let changed = tokio::time::timeout(Duration::from_secs(10), watch.changed()).await.unwrap().unwrap();
        assert_eq!(changed, Some(saved));
    }

    #[tokio::test]
    async fn a_save_outlives_that_nobody_waits_for_it_for_a_moment() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let mut watch = Watch::start(&root).unwrap();
        let saved = root.join("a.ts");
        tokio::spawn({
            let saved = saved.clone();
            async move {
                tokio::time::sleep(Duration::from_millis(50)).await;
                fs::write(saved, "1").unwrap();
            }
        });
        // Interrupted after the save was seen, and before it is quiet.
        for _ in 0..250 {
            if watch.pending.is_some() {
                break;
            }
            assert!(tokio::time::timeout(Duration::from_millis(20), watch.changed()).await.is_err());
        }
        let changed = tokio::time::timeout(Duration::from_secs(10), watch.changed()).await.unwrap().unwrap();
        assert_eq!(changed, Some(saved));
    }
}
