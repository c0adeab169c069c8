//! How a store of one kind of records is opened.

use super::{unavailable, wrong};
use opssight_core::metrics::MetricsError;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tsink::engine::wal::FramedWal;
use tsink::{Storage, StorageBuilder, TimestampPrecision, WalSyncMode};

/// Parts of one series that are written to at once. History comes in any order, and none of it may be refused for that,
/// so that this is more days than anything is kept.
const OPEN_PARTS: usize = 40_000;

/// One task writes, in batches: each is flushed before it is acknowledged.
const SYNCED: WalSyncMode = WalSyncMode::PerAppend;

/// Points of one chunk. A store reckons with whole ones for all that is begun at once, so that the first points of many
/// series ask for much more than they take.
const CHUNK: usize = 256;

/// What it reckons with for each that is begun, bytes: its points, and what is noted of a series that is new.
const BEGUN: usize = CHUNK * 56 + 4_096;

/// How long what a store has to keep is there beyond its time: a day that is kept in part is kept whole, so that its
/// roll-ups can be made again.
const SLACK: Duration = Duration::from_secs(2 * 86_400);

/// What a store keeps.
pub(super) struct Keep {
    /// For how long.
    pub(super) time: Duration,
    /// Whether what is older goes.
    pub(super) enforced: bool,
    /// What of a series lies together: small pieces cost more than they save.
    pub(super) part: Duration,
    /// What it may take in memory until it is packed, bytes.
    pub(super) memory: usize,
}

/// Open the store of a folder. A write that a kill cut off is at the end of its log, and would become part of what is
/// written behind it: names that it gave to new series are not those that they have by then, and the start after the
/// next one finds its log damaged. So the log begins anew then, once everything in it is in the store.
pub(super) fn open(folder: &Path, keep: &Keep) -> Result<Arc<dyn Storage>, MetricsError> {
    let failed = |error| wrong("open the metrics", &error);
    let storage = build(folder, keep).map_err(failed)?;
    let log = folder.join("wal");
    if !is_cut_off(&log).map_err(failed)? {
        return Ok(storage);
    }
    storage.close().map_err(failed)?;
    // It has the folder until it is dropped.
    drop(storage);
    FramedWal::open(&log, SYNCED).and_then(|log| log.reset()).map_err(failed)?;
    tracing::info!(folder = %folder.display(), "a write of metrics that was cut off was taken out of their log");
    build(folder, keep).map_err(failed)
}

/// Whether there is more in a log than what counts.
fn is_cut_off(log: &Path) -> tsink::Result<bool> {
    if !log.exists() {
        return Ok(false);
    }
    let log = FramedWal::open(log, SYNCED)?;
    Ok(log.current_appended_highwater() > log.current_published_highwater())
}

fn build(folder: &Path, keep: &Keep) -> tsink::Result<Arc<dyn Storage>> {
    StorageBuilder::new()
        .with_data_path(folder)
        .with_timestamp_precision(TimestampPrecision::Microseconds)
        .with_retention(keep.time + SLACK)
        .with_retention_enforced(keep.enforced)
        .with_partition_duration(keep.part)
        .with_chunk_points(CHUNK)
        .with_max_active_partition_heads_per_series(OPEN_PARTS)
        .with_memory_limit(keep.memory)
        // A pass in the background that fails now and then (two of them may be after the same file) is tried again by the
        // next, a quarter of a second later. Else it would close the store until the process is started again.
        .with_background_fail_fast(false)
        .with_wal_sync_mode(SYNCED)
        .build()
}

/// How many points a store of so much memory takes at once, whatever series they are of: asked for more than it may ever
/// have, it would wait for it, and refuse.
pub(super) fn at_once(memory: usize) -> usize {
    (memory / 4 / BEGUN).max(1)
}

pub(super) fn make(folder: &Path) -> Result<(), MetricsError> {
    use std::os::unix::fs::DirBuilderExt;
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|error| {
        unavailable("open the metrics", format!("the folder {} cannot be made: {error}", folder.display()))
    })
}
