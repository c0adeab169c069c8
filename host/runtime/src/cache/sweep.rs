//! Making room: what is not loaded goes first, and what was not used for longest first of all.

use super::{AotCache, bare, count};
use std::io;
use std::time::SystemTime;

/// Half a file that is older than this was left behind by a crash.
const HALF_SECS: u64 = 3_600;

struct Entry {
    name: String,
    bytes: u64,
    used: SystemTime,
}

impl AotCache {
    /// Keep the directory within its size. Files of loaded plugins stay, whatever they take.
    pub(crate) fn sweep(&self, is_loaded: impl Fn(&str) -> bool) {
        if let Err(error) = self.try_sweep(is_loaded) {
            tracing::warn!(%error, "cannot tidy up the directory of compiled plugins");
        }
    }

    fn try_sweep(&self, is_loaded: impl Fn(&str) -> bool) -> io::Result<()> {
        let mut entries = self.entries()?;
        entries.sort_by_key(|entry| entry.used);
        let newest = entries.last().map(|entry| entry.used);
        let mut total: u64 = entries.iter().map(|entry| entry.bytes).sum();
        for entry in entries {
            let digest = entry.name.split('-').next().unwrap_or_default();
            let is_half = entry.name.ends_with(".tmp")
                && newest
                    .and_then(|newest| newest.duration_since(entry.used).ok())
                    .is_some_and(|age| age.as_secs() > HALF_SECS);
            let is_too_much = total > self.most_bytes && !entry.name.ends_with(".tmp");
            if !is_half && (!is_too_much || is_loaded(&format!("sha256:{digest}"))) {
                continue;
            }
            self.directory.remove_file(&entry.name)?;
            total = total.saturating_sub(entry.bytes);
            count("removed");
            tracing::debug!(file = entry.name, bytes = entry.bytes, "removed a compiled plugin that is not loaded");
        }
        #[expect(clippy::cast_precision_loss, reason = "a gauge of bytes")]
        metrics::gauge!("opssight_plugin_aot_bytes").set(total as f64);
        Ok(())
    }

    /// What another engine's version of the same plugin left: this host has a newer wasmtime, or another configuration.
    pub(super) fn drop_stale(&self, name: &str) {
        let Some((digest, _)) = name.split_once('-') else { return };
        let Ok(entries) = self.entries() else { return };
        for stale in entries.into_iter().filter(|entry| entry.name != name && is_of(&entry.name, digest)) {
            if self.directory.remove_file(&stale.name).is_ok() {
                count("stale");
                tracing::info!(file = stale.name, "removed a compiled plugin of another engine; it was compiled again");
            }
        }
    }

    /// A sign of use, for the order in which files are removed.
    pub(super) fn touch(&self, name: &str) {
        let now = rustix::fs::Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_NOW };
        let times = rustix::fs::Timestamps { last_access: now, last_modification: now };
        // Without it, it is only removed sooner.
        let _touched = rustix::fs::utimensat(&self.directory, name, &times, rustix::fs::AtFlags::SYMLINK_NOFOLLOW);
    }

    /// Files whose names are like ours.
    fn entries(&self) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for entry in self.directory.entries()? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            let Ok(metadata) = self.directory.symlink_metadata(&name) else { continue };
            if is_ours(&name) {
                entries.push(Entry { bytes: metadata.len(), used: metadata.modified()?.into_std(), name });
            }
        }
        Ok(entries)
    }
}

fn is_ours(name: &str) -> bool {
    name.ends_with(".cwasm") || (name.contains(".cwasm.") && name.ends_with(".tmp"))
}

fn is_of(name: &str, digest: &str) -> bool {
    name.ends_with(".cwasm") && name.strip_prefix(bare(digest)).is_some_and(|rest| rest.starts_with('-'))
}
