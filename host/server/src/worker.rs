//! The workers: they take what is due, hand it to `core`, and do it again. Nothing they hold would be missed after a
//! crash, because everything they do is a lease on a row.

mod checker;
mod crew;
mod deliveries;
mod feeds;
mod installs;
mod ledger;
mod retention;

pub(crate) use checker::check_connections;
pub(crate) use deliveries::process_deliveries;
pub(crate) use feeds::pull_feeds;
pub(crate) use installs::watch_installs;
pub(crate) use ledger::keep_ledger;
pub(crate) use retention::purge_old;

use opssight_core::events::Listener;
use std::time::Duration;
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

/// Longest rest of a worker that listens.
const REST: Duration = Duration::from_secs(1);

/// Rest after the store failed.
const AFTER_FAILURE: Duration = Duration::from_secs(2);
