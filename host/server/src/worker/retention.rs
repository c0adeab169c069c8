//! What is old goes, in small bites, so that nothing waits long for the store.

use crate::config::RetentionConfig;
use opssight_core::retention::{Purged, Retention};
use opssight_core::time::Clock;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const EVERY: Duration = Duration::from_secs(3600);
const BETWEEN_BITES: Duration = Duration::from_millis(200);

/// Purge now and then until told to stop.
pub(crate) async fn purge_old(
    retention: Arc<dyn Retention>,
    clock: Arc<dyn Clock>,
    config: RetentionConfig,
    stop: CancellationToken,
) {
    loop {
        let pause = match retention.purge(&config.keep(clock.now())).await {
            Ok(purged) if purged == Purged::default() => EVERY,
            Ok(purged) => {
                tracing::info!(
                    bodies = purged.bodies,
                    deliveries = purged.deliveries,
                    runs = purged.runs,
                    delivery = purged.delivery,
                    events = purged.events,
                    plugin_events = purged.plugin_events,
                    "purged what is past its time"
                );
                if purged.unrelayed > 0 {
                    metrics::counter!("opssight_bus_lost_events_total").increment(purged.unrelayed);
                    tracing::error!(
                        events = purged.unrelayed,
                        "events were purged that Kafka never got: it was away for longer than retention.unrelayed_days"
                    );
                }
                BETWEEN_BITES
            }
            Err(error) => {
                tracing::error!(error = %error, cause = ?error.source, "could not purge what is past its time");
                EVERY
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stop.cancelled() => return,
        }
    }
}
