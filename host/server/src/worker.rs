//! The workers: they take what is due, hand it to `core`, and do it again. Nothing they hold would be missed after a
//! crash, because everything they do is a lease on a row.

mod blobs;
mod checker;
mod clock;
mod crew;
mod deliveries;
mod feeds;
mod installs;
mod ledger;
mod links;
mod relay;
mod retention;

pub(crate) use blobs::watch_blobs;
pub(crate) use checker::check_connections;
pub(crate) use clock::watch_clock;
pub(crate) use deliveries::process_deliveries;
pub(crate) use feeds::pull_feeds;
pub(crate) use installs::watch_installs;
pub(crate) use ledger::keep_ledger;
pub(crate) use links::{Line, count_links};
pub(crate) use relay::relay_events;
pub(crate) use retention::{purge_old, sweep_packages};

use opssight_core::error::StoreError;
use opssight_core::events::Listener;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Wait until something is new, some time has passed, or it is time to stop. Topics are only hints: the wait has an
/// end, so that a lost hint costs a second and nothing else.
async fn rest(listener: &mut dyn Listener, at_most: Duration, stop: &CancellationToken) {
    tokio::select! {
        () = listener.woken() => {}
        () = tokio::time::sleep(at_most) => {}
        () = stop.cancelled() => {}
    }
}

/// The store may be away for a moment. What was leased stays leased, and is worth another try until the lease ends or
/// it is time to stop.
struct Patience<'s> {
    until: Instant,
    stop: &'s CancellationToken,
}

impl<'s> Patience<'s> {
    /// For work on a lease that begins now.
    fn of(lease: Duration, stop: &'s CancellationToken) -> Self {
        Self { until: Instant::now() + lease, stop }
    }

    async fn with<T, F>(&self, attempt: impl Fn() -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        const FIRST: Duration = Duration::from_millis(100);
        const LONGEST: Duration = Duration::from_secs(5);
        let mut wait = FIRST;
        loop {
            let ended = attempt().await;
            if ended.is_ok() || Instant::now() + wait > self.until || self.stop.is_cancelled() {
                return ended;
            }
            let _stopping = self.stop.run_until_cancelled(tokio::time::sleep(wait)).await;
            wait = (wait * 2).min(LONGEST);
        }
    }
}

/// Longest rest of a worker that listens.
const REST: Duration = Duration::from_secs(1);

/// Rest after the store failed.
const AFTER_FAILURE: Duration = Duration::from_secs(2);
