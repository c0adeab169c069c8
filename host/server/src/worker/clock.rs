//! Noticing that the machine's clock was set, so that nothing waits for a time that was never meant.

use opssight_core::error::StoreError;
use opssight_core::time::Clock;
use opssight_core::timers::{Hastened, Timers, Watch, went_back};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

const LOOK: Duration = Duration::from_secs(1);

/// So many looks long, because a time that was read before the clock was set may still be on its way into the store.
const AGAIN: u8 = 3;

/// Look until told to stop.
pub(crate) async fn watch_clock(timers: Arc<dyn Timers>, clock: Arc<dyn Clock>, stop: CancellationToken) {
    let begun = Instant::now();
    let mut watch = Watch::begin(clock.now(), Duration::ZERO);
    let (mut is_new, mut left) = (true, 0);
    loop {
        if is_new {
            match timers.latest().await {
                Ok(latest) => {
                    is_new = false;
                    if let Some(back) = went_back(latest, clock.now()) {
                        left = AGAIN;
                        tracing::warn!(secs = secs(back), "the clock is behind times that are in the store already");
                    }
                }
                Err(error) => complain(&error),
            }
        }
        if let Some(jump) = watch.look(clock.now(), begun.elapsed()) {
            left = AGAIN;
            tracing::warn!(secs = secs(jump), "the clock of this machine was set");
        }
        if left > 0 {
            match timers.hasten(clock.now()).await {
                Ok(Hastened { deliveries: 0, feeds: 0 }) => left -= 1,
                Ok(Hastened { deliveries, feeds }) => {
                    left -= 1;
                    tracing::warn!(
                        deliveries,
                        feeds,
                        "what waited for a time that the clock was set back from is due now"
                    );
                }
                // The store may be away for a moment.
                Err(error) => complain(&error),
            }
        }
        if stop.run_until_cancelled(tokio::time::sleep(LOOK)).await.is_none() {
            return;
        }
    }
}

fn secs(micros: i64) -> i64 {
    micros / 1_000_000
}

fn complain(error: &StoreError) {
    tracing::error!(error = %error, cause = ?error.source, "could not look after due times; trying again");
}
