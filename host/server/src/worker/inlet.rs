//! Figures of what comes in from topics.

use opssight_backends::Link;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const EVERY: Duration = Duration::from_secs(5);

/// Show what came until told to stop.
pub(crate) async fn count_inlet(link: Arc<Link>, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_some() {
        let ((taken, aside), name) = (link.counts(), link.name().to_owned());
        let up = if link.trouble().is_some() { 0.0 } else { 1.0 };
        metrics::gauge!("opssight_bus_up", "link" => name.clone()).set(up);
        metrics::counter!("opssight_bus_messages_total", "link" => name.clone()).absolute(taken);
        metrics::counter!("opssight_bus_put_aside_total", "link" => name).absolute(aside);
    }
}
