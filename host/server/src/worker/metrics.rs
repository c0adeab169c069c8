//! What the pipelines did is told as points, as the event log tells it.

use super::{AFTER_FAILURE, REST, rest};
use opssight_core::events::{Bus, Topic};
use opssight_core::metrics::Producer;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Longest rest after failures in a row. A store that is away delays its points and nothing else.
const LONGEST: Duration = Duration::from_secs(60);

/// Follow until told to stop.
pub(crate) async fn tell_metrics(producer: Producer, bus: Arc<dyn Bus>, stop: CancellationToken) {
    let mut listener = bus.listen(Topic::Events);
    let mut pause = AFTER_FAILURE;
    while !stop.is_cancelled() {
        let Some(followed) = stop.run_until_cancelled(producer.follow()).await else { return };
        match followed {
            Ok(followed) => {
                pause = AFTER_FAILURE;
                if followed.refused > 0 {
                    tracing::warn!(points = followed.refused, "points too old, or refused for good, were left out");
                }
                if followed.events == 0 {
                    rest(listener.as_mut(), REST, &stop).await;
                }
            }
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::warn!(%error, cause, "could not tell the metrics; trying again");
                let _stopping = stop.run_until_cancelled(tokio::time::sleep(pause)).await;
                pause = (pause * 2).min(LONGEST);
            }
        }
    }
}
