//! Looking after installed plugins: what other processes changed is done here as well, a fresh version that fails is
//! rolled back, a shadow is promoted or dropped.

use super::rest;
use opssight_core::events::{Bus, Topic};
use opssight_core::plugins::installs::{HealthRule, Installs, Watched};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const LOOK: Duration = Duration::from_secs(2);

/// Look until told to stop.
pub(crate) async fn watch_installs(
    installs: Installs,
    bus: Arc<dyn Bus>,
    rule: Option<HealthRule>,
    stop: CancellationToken,
) {
    let mut listener = bus.listen(Topic::Plugins);
    loop {
        rest(listener.as_mut(), LOOK, &stop).await;
        if stop.is_cancelled() {
            return;
        }
        match installs.watch(rule).await {
            Ok(done) => done.iter().for_each(tell),
            Err(error) => tracing::error!(error = %error, "could not look after the installed plugins"),
        }
    }
}

fn tell(watched: &Watched) {
    match watched {
        Watched::RolledBack(plugin) => {
            tracing::error!(plugin.id = %plugin, "a fresh version kept failing: the version before runs again");
        }
        Watched::Promoted(plugin) => tracing::info!(plugin.id = %plugin, "the shadow version runs now"),
        Watched::Dropped(plugin) => tracing::warn!(plugin.id = %plugin, "the shadow version differed and was dropped"),
        Watched::Waits(plugin) => {
            tracing::warn!(plugin.id = %plugin, "the shadow version did well, wants more, and waits for approval");
        }
        Watched::Failed(plugin, why) => {
            tracing::error!(plugin.id = %plugin, error = why, "could not look after an installed plugin");
        }
    }
}
