//! What hosts share and may lose.

use crate::config::{CacheConfig, Config};
use anyhow::Context;
use opssight_backends::{LocalCache, RedisCache, RedisOptions, SharedSessions, Store, SystemClock, SystemRandomness};
use opssight_core::identity::IdentityStore;
use opssight_core::limits::RateLimiter;
use std::sync::Arc;
use std::time::Duration;

/// In this process, or in a Redis.
pub(crate) struct Shared {
    pub(crate) rates: Arc<dyn RateLimiter>,
    /// For readiness: it says how it is.
    pub(crate) redis: Option<Arc<RedisCache>>,
}

impl Shared {
    /// Where sessions are looked up: hosts that share a Redis spare their database most of it.
    pub(crate) async fn sessions(&self, store: &Arc<Store>) -> anyhow::Result<Arc<dyn IdentityStore>> {
        Ok(match &self.redis {
            Some(redis) => Arc::new(SharedSessions::new(store.clone(), redis.clone(), &store.sessions_key().await?)),
            None => store.clone(),
        })
    }
}

/// Open what is configured. A Redis that is away is waited for in the background; one that cannot be used is an error.
pub(crate) async fn open(config: &Config, store: &Store) -> anyhow::Result<Shared> {
    let cache = &config.cache;
    if cache.url.is_none() {
        let local = LocalCache::new(Arc::new(SystemClock), Arc::new(SystemRandomness));
        return Ok(Shared { rates: Arc::new(local), redis: None });
    }
    let prefix = match &cache.prefix {
        Some(prefix) => prefix.clone(),
        None => format!("opssight:{}", store.installation().await?),
    };
    let redis = Arc::new(RedisCache::open(options(cache, prefix)?).await?);
    Ok(Shared { rates: redis.clone(), redis: Some(redis) })
}

/// How the Redis that is configured is used.
pub(crate) fn options(cache: &CacheConfig, prefix: String) -> anyhow::Result<RedisOptions> {
    let ca_pem = match &cache.ca_file {
        Some(path) => {
            Some(std::fs::read(path).with_context(|| format!("read the certificates in {}", path.display()))?)
        }
        None => None,
    };
    let patience = Duration::from_millis(u64::from(cache.wait_ms));
    let address = cache.url.as_ref().map(|url| url.expose().to_owned()).unwrap_or_default();
    Ok(RedisOptions { address, prefix, patience, ca_pem, random: Arc::new(SystemRandomness) })
}
