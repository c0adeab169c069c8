//! Noticing that the machine's clock was set, so that nothing waits for a time that was never meant.

use super::AFTER_FAILURE;
use opssight_core::error::StoreError;
use opssight_core::hooks::Retry;
use opssight_core::time::Clock;
use opssight_core::timers::{Bounds, Corrected, Timers, Watch, behind, is_worth_a_look};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

const LOOK: Duration = Duration::from_secs(1);

/// Look until told to stop. `lease`: how long those who take something have it.
pub(crate) async fn watch_clock(
    timers: Arc<dyn Timers>,
    clock: Arc<dyn Clock>,
    lease: Duration,
    stop: CancellationToken,
) {
    let begun = Instant::now();
    let mut keeper = Keeper { timers, clock, lease, owed: None, looks: Some(lease.as_secs()), is_new: true };
    let mut watch = Watch::begin(keeper.clock.now(), Duration::ZERO);
    loop {
        if let Some(jump) = watch.look(keeper.clock.now(), begun.elapsed()) {
            tracing::warn!(secs = jump / 1_000_000, "the clock of this machine was set");
            keeper.was_set(jump);
        }
        let pause = match keeper.put_right().await {
            Ok(()) => LOOK,
            Err(error) => {
                tracing::error!(error = %error, cause = ?error.source, "could not look after due times; trying again");
                AFTER_FAILURE
            }
        };
        if stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
            return;
        }
    }
}

struct Keeper {
    timers: Arc<dyn Timers>,
    clock: Arc<dyn Clock>,
    lease: Duration,
    /// The clock went back by so much, and the store does not know it yet.
    owed: Option<i64>,
    /// Since the clock was set, as long as somebody may come with a time from before. A start needs the last of them.
    looks: Option<u64>,
    is_new: bool,
}

impl Keeper {
    fn was_set(&mut self, jump: i64) {
        self.looks = Some(0);
        if jump < 0 {
            self.owed = Some(self.owed.unwrap_or(0).saturating_sub(jump));
        }
    }

    /// The store may be away for a moment: what is owed to it is kept.
    async fn put_right(&mut self) -> Result<(), StoreError> {
        if self.is_new {
            let latest = self.timers.latest().await?;
            self.is_new = false;
            if let Some(behind) = behind(latest, self.clock.now()) {
                tracing::warn!(
                    secs = behind / 1_000_000,
                    "the clock of this machine is behind times that are in the store: it was ahead, or another's is"
                );
                self.owed = Some(self.owed.unwrap_or(0).max(behind));
            }
        }
        if let Some(micros) = self.owed {
            tell(self.timers.set_back(self.clock.now(), micros).await?);
            self.owed = None;
        }
        let lease = self.lease.as_secs();
        if self.looks.is_some_and(|looks| is_worth_a_look(looks, lease)) {
            let (now, lease) = (self.clock.now(), i64::try_from(lease).unwrap_or(i64::MAX));
            let bounds = Bounds { retry: Retry::default().latest(now), lease: now.plus_secs(lease) };
            tell(self.timers.bound(now, bounds).await?);
        }
        self.looks = self.looks.map(|looks| looks + 1).filter(|looks| *looks <= lease);
        Ok(())
    }
}

fn tell(corrected: Corrected) {
    let Corrected { deliveries, feeds } = corrected;
    if deliveries + feeds > 0 {
        tracing::warn!(deliveries, feeds, "what waited for a time that is not meant any more waits less");
    }
}
