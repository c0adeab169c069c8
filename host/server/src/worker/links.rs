//! Figures of the lines to systems outside.

use opssight_backends::Link;
use opssight_core::events::Relay;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const EVERY: Duration = Duration::from_secs(5);

/// A line to a system outside.
pub(crate) struct Line {
    /// How it is, and what went over it.
    pub(crate) link: Arc<Link>,
    /// The relay that hands events on over it; without one, it is messages that come in.
    pub(crate) relay: Option<Relay>,
}

/// Show how all lines are until told to stop.
pub(crate) async fn count_links(lines: Vec<Line>, stop: CancellationToken) {
    loop {
        for line in &lines {
            count(line).await;
        }
        if stop.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_none() {
            return;
        }
    }
}

async fn count(Line { link, relay }: &Line) {
    let ((moved, aside), name) = (link.counts(), link.name().to_owned());
    metrics::gauge!("opssight_bus_up", "link" => name.clone()).set(if link.is_up() { 1.0 } else { 0.0 });
    let Some(relay) = relay else {
        metrics::counter!("opssight_bus_messages_total", "link" => name.clone()).absolute(moved);
        metrics::counter!("opssight_bus_put_aside_total", "link" => name).absolute(aside);
        return;
    };
    metrics::counter!("opssight_bus_events_total", "link" => name.clone()).absolute(moved);
    // While the store is away, the last figure stays.
    if let Ok(waiting) = relay.relays.waiting(&relay.name).await {
        metrics::gauge!("opssight_bus_waiting_events", "link" => name).set(waiting as f64);
    }
}
