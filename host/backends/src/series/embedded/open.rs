//! How the store is opened.

use super::{EmbeddedOptions, unavailable, wrong};
use opssight_core::metrics::MetricsError;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tsink::{Storage, StorageBuilder, TimestampPrecision, WalSyncMode};

/// Points of a day lie together: runs are rare, and small pieces cost more than they save.
const PARTITION: Duration = Duration::from_secs(86_400);

/// Days of one series that are written to at once. History comes in any order, and none of it may be refused for that,
/// so that this is more days than anything is kept.
const OPEN_DAYS: usize = 40_000;

pub(super) fn open(folder: &Path, options: &EmbeddedOptions) -> Result<Arc<dyn Storage>, MetricsError> {
    let doing = "open the metrics";
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|error| unavailable(doing, format!("the folder {} cannot be made: {error}", folder.display())))?;
    StorageBuilder::new()
        .with_data_path(folder.join("raw"))
        .with_timestamp_precision(TimestampPrecision::Microseconds)
        .with_retention(options.raw)
        .with_retention_enforced(true)
        .with_partition_duration(PARTITION)
        .with_max_active_partition_heads_per_series(OPEN_DAYS)
        .with_memory_limit(options.memory)
        // One task writes, in batches: each is flushed before it is acknowledged.
        .with_wal_sync_mode(WalSyncMode::PerAppend)
        .build()
        .map_err(|error| wrong(doing, &error))
}
