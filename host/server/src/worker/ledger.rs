//! The ledger of the delivery metrics follows the event log.

use super::{AFTER_FAILURE, REST, rest};
use opssight_core::delivery::DeliveryStore;
use opssight_core::events::{Bus, Topic};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Events taken in at once.
const BATCH: u32 = 500;

/// Follow until told to stop.
pub(crate) async fn keep_ledger(delivery: Arc<dyn DeliveryStore>, bus: Arc<dyn Bus>, stop: CancellationToken) {
    let mut listener = bus.listen(Topic::Events);
    while !stop.is_cancelled() {
        match delivery.follow(BATCH).await {
            Ok(0) => rest(listener.as_mut(), REST, &stop).await,
            Ok(_) => {}
            Err(error) => {
                tracing::error!(error = %error, cause = ?error.source, "could not keep the delivery ledger; trying again");
                tokio::time::sleep(AFTER_FAILURE).await;
            }
        }
    }
}
