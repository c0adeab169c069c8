//! What is old goes, in small bites, so that nothing waits long for the store.

use crate::config::RetentionConfig;
use opssight_core::plugins::installs::Installs;
use opssight_core::retention::{Purged, Retention};
use opssight_core::time::Clock;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const EVERY: Duration = Duration::from_secs(3600);
const BETWEEN_BITES: Duration = Duration::from_millis(200);

/// Purge now and then until told to stop. `relays` are those that are in use.
pub(crate) async fn purge_old(
    retention: Arc<dyn Retention>,
    clock: Arc<dyn Clock>,
    config: RetentionConfig,
    relays: Vec<String>,
    stop: CancellationToken,
) {
    loop {
        let pause = match retention.purge(&config.keep(clock.now(), &relays)).await {
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
                for (relay, events) in purged.unrelayed {
                    metrics::counter!("opssight_bus_lost_events_total", "relay" => relay.clone()).increment(events);
                    tracing::error!(
                        relay,
                        events,
                        "events were purged before they were handed on: the other side was away for longer than \
                         retention.unrelayed_days"
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

/// Remove packages that nothing refers to, now and then until told to stop.
pub(crate) async fn sweep_packages(installs: Installs, stop: CancellationToken) {
    loop {
        match installs.sweep().await {
            Ok(0) => {}
            Ok(removed) => tracing::info!(removed, "removed packages that no installed plugin refers to"),
            Err(error) => tracing::warn!(error = %error, "could not look for packages that nothing refers to"),
        }
        if stop.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_none() {
            return;
        }
    }
}
