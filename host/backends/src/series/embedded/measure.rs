//! What the stores tell whoever operates the host.

use super::stores::Stores;
use std::path::Path;

pub(super) fn tell(stores: &Stores, folder: &Path) {
    metrics::gauge!("opssight_metrics_rollups_waiting").set(real(stores.journal.waiting() as u64));
    for (class, storage) in stores.all() {
        metrics::gauge!("opssight_metrics_disk_bytes", "class" => class).set(real(bytes(&folder.join(class))));
        let expired = storage.observability_snapshot().flush.expired_segments_total;
        metrics::counter!("opssight_metrics_expired_segments_total", "class" => class).absolute(expired);
    }
}

/// What lies in a folder. A file that goes meanwhile counts nothing.
fn bytes(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let of = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(found) if found.is_dir() => bytes(&entry.path()),
        Ok(found) => found.len(),
        Err(_) => 0,
    };
    entries.map(of).sum()
}

#[expect(clippy::cast_precision_loss, reason = "gauges are floating point")]
fn real(number: u64) -> f64 {
    number as f64
}
