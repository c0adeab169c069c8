//! Deliveries: lease, process, settle, many at once.

use super::{AFTER_FAILURE, REST, rest};
use opssight_core::events::{Bus, Topic};
use opssight_core::hooks::{LeasedDelivery, Processor};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Work until told to stop, then finish what was begun.
pub(crate) async fn process_deliveries(
    processor: Processor,
    bus: Arc<dyn Bus>,
    at_once: u32,
    lease: Duration,
    stop: CancellationToken,
) {
    let mut listener = bus.listen(Topic::Inbox);
    let mut running: JoinSet<()> = JoinSet::new();
    let at_once = usize::try_from(at_once).unwrap_or(1);
    while !stop.is_cancelled() {
        while running.try_join_next().is_some() {}
        let room = at_once.saturating_sub(running.len());
        // Leasing is one statement for many rows: wait until a good part of them fits.
        if room < at_once.div_ceil(2) {
            running.join_next().await;
            continue;
        }
        match take(&processor, room, lease).await {
            Ok(leased) if leased.is_empty() => rest(listener.as_mut(), pause(&processor).await, &stop).await,
            Ok(leased) => {
                for delivery in leased {
                    let processor = processor.clone();
                    running.spawn(async move { process(&processor, delivery).await });
                }
            }
            Err(error) => {
                tracing::error!(error = %error, cause = ?error.source, "could not lease deliveries; trying again");
                tokio::time::sleep(AFTER_FAILURE).await;
            }
        }
    }
    while running.join_next().await.is_some() {}
}

async fn take(
    processor: &Processor,
    room: usize,
    lease: Duration,
) -> Result<Vec<LeasedDelivery>, opssight_core::error::StoreError> {
    let now = processor.clock.now();
    let until = now.plus_micros(i64::try_from(lease.as_micros()).unwrap_or(i64::MAX));
    processor.inbox.lease(u32::try_from(room).unwrap_or(u32::MAX), now, until).await
}

/// Until the next retry is due, if that is sooner than the usual rest.
async fn pause(processor: &Processor) -> Duration {
    match processor.inbox.next_due().await {
        Ok(Some(due)) => {
            let micros = due.since(processor.clock.now()).max(1000);
            REST.min(Duration::from_micros(u64::try_from(micros).unwrap_or(1000)))
        }
        Ok(None) | Err(_) => REST,
    }
}

async fn process(processor: &Processor, delivery: LeasedDelivery) {
    let id = delivery.id.clone();
    match processor.process(delivery).await {
        Ok(true) => tracing::debug!(delivery.id = %id, "delivery settled"),
        Ok(false) => tracing::warn!(delivery.id = %id, "lost the lease of a delivery; somebody else has it"),
        // The lease runs out and the delivery is tried again: nothing is lost.
        Err(error) => {
            tracing::error!(delivery.id = %id, error = %error, cause = ?error.source, "could not settle a delivery");
        }
    }
}
