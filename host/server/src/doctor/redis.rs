//! The Redis that hosts share, if one is configured.

use super::{Finding, compared, failed};
use crate::cache;
use crate::config::Config;
use opssight_backends::{RedisCache, RedisCheckup, RedisError, SystemClock};

/// Below what users of a host are allowed to write, and nothing that a host uses.
const PREFIX: &str = "opssight:doctor";

pub(super) async fn look(config: &Config) -> Vec<Finding> {
    if config.cache.url.is_none() {
        return Vec::new();
    }
    let prefix = config.cache.prefix.clone().unwrap_or_else(|| PREFIX.to_owned());
    let options = match cache::options(&config.cache, prefix) {
        Ok(options) => options,
        Err(error) => return vec![Finding::failing("redis", failed(error.as_ref()))],
    };
    match RedisCache::check_up(&options, &SystemClock).await {
        Ok(seen) => judge(&seen),
        Err(error @ RedisError::Away { .. }) => {
            let found = Finding::failing("redis", failed(&error));
            vec![found.mend("a host starts all the same; until it is there, each has limits of its own")]
        }
        Err(error) => vec![Finding::failing("redis", failed(&error))],
    }
}

fn judge(seen: &RedisCheckup) -> Vec<Finding> {
    let mut found = vec![Finding::ok("redis", format!("Redis {} at {}", seen.version, seen.at))];
    if let Some((most, policy)) = &seen.memory
        && policy == "noeviction"
    {
        let detail = format!(
            "it takes no writes once its {} are full (maxmemory-policy noeviction)",
            opssight_cli::bytes(*most)
        );
        found.push(Finding::warning("redis memory", detail).mend("`CONFIG SET maxmemory-policy allkeys-lru` there"));
    }
    // It goes by its own clock alone.
    found.extend(seen.ahead.map(|ahead| compared("redis clock", ahead, false)));
    found
}
