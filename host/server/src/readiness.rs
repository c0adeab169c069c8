//! Whether this host can do its work.

use async_trait::async_trait;
use opssight_api::Readiness;
use opssight_backends::{Link, RedisCache, Store};
use opssight_core::events::EventLog;
use opssight_core::plugins::Plugins;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Asks the parts that everything depends on, and says how those are on which nothing does. Anybody may read it: where
/// something is and why it is away is for the log.
pub(crate) struct PartsReadiness {
    pub(crate) store: Arc<Store>,
    pub(crate) plugins: Arc<dyn Plugins>,
    pub(crate) redis: Option<Arc<RedisCache>>,
    pub(crate) links: Vec<Arc<Link>>,
    pub(crate) roles: String,
    /// A stop was asked for.
    pub(crate) leaving: CancellationToken,
}

#[async_trait]
impl Readiness for PartsReadiness {
    async fn checks(&self) -> Vec<(String, Result<String, String>)> {
        let store = match self.store.bounds().await {
            Ok((_, last)) => Ok(format!("{last} events logged")),
            Err(error) => Err(error.to_string()),
        };
        let plugins = format!("{} installed", self.plugins.installed().len());
        let process = match self.leaving.is_cancelled() {
            false => Ok(format!("does {}", self.roles)),
            true => Err("is being stopped: send requests elsewhere".to_owned()),
        };
        let mut checks =
            vec![("process".to_owned(), process), ("store".to_owned(), store), ("plugins".to_owned(), Ok(plugins))];
        if let Some(redis) = &self.redis {
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
    match aside {
        _ if !link.is_up() => "away: tried again, and nothing is lost; the log has the reason".to_owned(),
        0 => format!("{moved} since the start"),
        _ => format!("{moved} since the start, {aside} put aside"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn that_a_line_is_away_is_said_and_not_where_it_goes() {
        let link = Link::new("events to opssight.events");
        link.moves(3);
        assert_eq!(told(&link), "3 since the start");
        link.fails("reach Kafka: no broker answers at kafka.internal:9092");
        let said = told(&link);
        assert!(said.starts_with("away") && !said.contains("kafka.internal"), "{said}");
        link.is_well();
        link.puts_aside();
        assert_eq!(told(&link), "3 since the start, 1 put aside");
    }
}
