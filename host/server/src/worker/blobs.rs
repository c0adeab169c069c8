//! Whether the place of blobs is there, for those who look at the host.

use futures::StreamExt;
use opssight_backends::Link;
use opssight_core::blobs::{BlobError, BlobStore, Folder};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const EVERY: Duration = Duration::from_secs(30);
const WHILE_AWAY: Duration = Duration::from_secs(5);

/// Look until told to stop.
pub(crate) async fn watch_blobs(blobs: Arc<dyn BlobStore>, link: Arc<Link>, stop: CancellationToken) {
    loop {
        let is_up = link.is_up();
        metrics::gauge!("opssight_blobs_up").set(if is_up { 1.0 } else { 0.0 });
        let pause = if is_up { EVERY } else { WHILE_AWAY };
        if stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
            return;
        }
        match look(&*blobs, is_up).await {
            Ok(()) => link.is_well(),
            Err(error) => link.fails(&error.to_string()),
        }
    }
}

/// Writing would leave a version of an object behind for each look where versions are kept; so that is done only to see
/// whether what failed works again.
async fn look(blobs: &dyn BlobStore, is_up: bool) -> Result<(), BlobError> {
    if !is_up {
        return blobs.check().await;
    }
    blobs.list(Folder::Packages).next().await.transpose().map(drop)
}
