//! Which file of a project changed last: saves that come together count as one.

use anyhow::{Context, Result};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use std::path::{Component, Path, PathBuf};
use std::time::Duration;
use tokio::sync::mpsc::{self, Receiver};

/// Editors write a file in several steps, and formatters several files.
const SETTLE: Duration = Duration::from_millis(150);

/// Folders that tools write to.
const MADE_BY_TOOLS: [&str; 5] = ["target", "node_modules", ".git", "__pycache__", ".venv"];

/// And files.
const LOCKS: [&str; 2] = ["Cargo.lock", "package-lock.json"];

/// Watches until it is dropped.
pub(super) struct Watch {
    changes: Receiver<PathBuf>,
    /// What changed and is not quiet yet: whoever waits may be interrupted, and the change must outlive that.
    pending: Option<PathBuf>,
    _watcher: RecommendedWatcher,
}

impl Watch {
    pub(super) fn start(folder: &Path) -> Result<Self> {
        // One is enough: what comes while a build runs only says that there must be another.
        let (sender, changes) = mpsc::channel(1);
        let root = folder.to_owned();
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let Ok(event) = event else { return };
            if let Some(path) = event.paths.into_iter().find(|path| is_source(&root, path, event.kind)) {
                // Full: the news is there already. Closed: nobody watches any more.
                let _ = sender.try_send(path);
            }
        })
        .context("watch files")?;
        watcher.watch(folder, RecursiveMode::Recursive).with_context(|| format!("watch {}", folder.display()))?;
        Ok(Self { changes, pending: None, _watcher: watcher })
    }

    /// The next change, once it is quiet again. None when watching ended.
    pub(super) async fn changed(&mut self) -> Option<PathBuf> {
        if self.pending.is_none() {
            self.pending = Some(self.changes.recv().await?);
        }
        while let Ok(Some(more)) = tokio::time::timeout(SETTLE, self.changes.recv()).await {
            self.pending = Some(more);
        }
        self.pending.take()
    }
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
    use super::Watch;
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
        let changed = tokio::time::timeout(Duration::from_secs(10), watch.changed()).await.unwrap();
        assert_eq!(changed, Some(root.join("src/a.ts")));
        assert!(tokio::time::timeout(Duration::from_millis(400), watch.changed()).await.is_err());
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
        let changed = tokio::time::timeout(Duration::from_secs(10), watch.changed()).await.unwrap();
        assert_eq!(changed, Some(saved));
    }
}
