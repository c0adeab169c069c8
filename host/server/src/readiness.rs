//! Whether this host can do its work.

use async_trait::async_trait;
use opssight_api::Readiness;
use opssight_backends::{Link, Store};
use opssight_core::events::EventLog;
use opssight_core::plugins::Plugins;
use std::sync::Arc;

/// Asks the parts that everything depends on.
pub(crate) struct StoreReadiness {
    pub(crate) store: Arc<Store>,
    pub(crate) plugins: Arc<dyn Plugins>,
    pub(crate) links: Vec<Arc<Link>>,
}

#[async_trait]
impl Readiness for StoreReadiness {
    async fn checks(&self) -> Vec<(String, Result<String, String>)> {
        let store = match self.store.bounds().await {
            Ok((_, last)) => Ok(format!("{last} events logged")),
            Err(error) => Err(error.to_string()),
        };
        let plugins = format!("{} installed", self.plugins.installed().len());
        let mut checks = vec![("store".to_owned(), store), ("plugins".to_owned(), Ok(plugins))];
        checks.extend(self.links.iter().map(|link| (link.name().to_owned(), Ok(told(link)))));
        checks
    }
}

/// A line that is down is said here, and is no reason to send requests elsewhere: the host works on without it.
fn told(link: &Link) -> String {
    let (moved, aside) = link.counts();
    match link.trouble() {
        Some(trouble) => format!("does not work for now, and is tried again: {trouble}"),
        None if aside > 0 => format!("{moved} since the start, {aside} put aside"),
        None => format!("{moved} since the start"),
    }
}
