//! Deliveries: lease, process, settle.

use super::crew::Crew;
use super::{AFTER_FAILURE, Patience, REST};
use opssight_backends::failpoint;
use opssight_core::events::{Bus, Topic};
use opssight_core::hooks::{LeasedDelivery, Processor};
use std::sync::Arc;
use std::time::Duration;
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
    let mut crew = Crew::new(at_once);
    while !stop.is_cancelled() {
        crew.pace(listener.as_mut()).await;
        let leased = processor.inbox.lease(&crew.ask(processor.clock.now(), lease)).await;
        crew.has_looked();
        match leased {
            Ok(leased) if leased.is_empty() => {
                let pause = pause(&processor).await;
                crew.rest(listener.as_mut(), pause, &stop).await;
            }
            Ok(leased) => {
                for delivery in leased {
                    let whose = delivery.connection.clone();
                    let (processor, stop) = (processor.clone(), stop.clone());
                    let work = async move { process(&processor, delivery, &Patience::of(lease, &stop)).await };
                    crew.begin(whose, work);
                }
            }
            Err(error) => {
                tracing::error!(error = %error, cause = ?error.source, "could not lease deliveries; trying again");
                tokio::time::sleep(AFTER_FAILURE).await;
            }
        }
    }
    while crew.one_ends().await {}
}

/// Until the next retry is due, if that is sooner than the usual rest.
async fn pause(processor: &Processor) -> Duration {
    match processor.inbox.next_due(processor.clock.now()).await {
        Ok(Some(due)) => {
            let micros = due.since(processor.clock.now()).max(1000);
            REST.min(Duration::from_micros(u64::try_from(micros).unwrap_or(1000)))
        }
        Ok(None) | Err(_) => REST,
    }
}

async fn process(processor: &Processor, delivery: LeasedDelivery, patience: &Patience<'_>) {
    let id = delivery.id.clone();
    let settled = async {
        let connection = patience.with(|| processor.connections.connection(&delivery.connection)).await?;
        failpoint::reached("work on a delivery", "leased");
        let settlement = processor.work(connection, delivery).await;
        failpoint::reached("work on a delivery", "worked");
        patience.with(|| processor.inbox.settle(settlement.clone())).await
    };
    match settled.await {
        Ok(true) => tracing::debug!(delivery.id = %id, "delivery settled"),
        Ok(false) => tracing::warn!(delivery.id = %id, "lost the lease of a delivery; somebody else has it"),
        // The lease runs out and the delivery is tried again: nothing is lost.
        Err(error) => {
            tracing::error!(delivery.id = %id, error = %error, cause = ?error.source, "could not settle a delivery");
        }
    }
}
