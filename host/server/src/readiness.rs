//! Whether this host can do its work.

use async_trait::async_trait;
use opssight_api::Readiness;
use opssight_backends::{Link, RedisCache, Store};
use opssight_core::events::EventLog;
use opssight_core::plugins::Plugins;
use std::sync::Arc;

/// Asks the parts that everything depends on, and says how Redis is, on which nothing does.
pub(crate) struct PartsReadiness {
    pub(crate) store: Arc<Store>,
    pub(crate) plugins: Arc<dyn Plugins>,
    pub(crate) redis: Option<Arc<RedisCache>>,
    pub(crate) links: Vec<Arc<Link>>,
}

#[async_trait]
impl Readiness for PartsReadiness {
    async fn checks(&self) -> Vec<(String, Result<String, String>)> {
        let store = match self.store.bounds().await {
            Ok((_, last)) => Ok(format!("{last} events logged")),
            Err(error) => Err(error.to_string()),
        };
        let plugins = format!("{} installed", self.plugins.installed().len());
        let mut checks = vec![("store".to_owned(), store), ("plugins".to_owned(), Ok(plugins))];
        if let Some(redis) = &self.redis {
            // Anybody may read this: where it is and why it is away is for the log.
            let how = if redis.status().is_ok() { "in use" } else { "away: this host has limits of its own" };
            checks.push(("redis".to_owned(), Ok(how.to_owned())));
        }
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
