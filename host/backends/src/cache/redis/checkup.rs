//! How a Redis is, for whoever looks before a host is started.

use super::door::{Came, Door};
use super::fault::Fault;
use super::{RedisCache, RedisError, RedisOptions};
use crate::system::ahead;
use ::redis::aio::MultiplexedConnection;
use ::redis::{RedisResult, cmd};
use opssight_core::time::Clock;
use std::time::Duration;

/// How long a question may take: it answered a moment ago.
const PATIENCE: Duration = Duration::from_secs(2);

/// How a Redis is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RedisCheckup {
    /// Host, port, database and user.
    pub at: String,
    /// As it says itself.
    pub version: String,
    /// How far its clock is ahead of this machine's, microseconds; none where the user may not ask.
    pub ahead: Option<i64>,
    /// The most memory that it takes, bytes, and what it does when that is full; none where it has no limit, or the user
    /// may not ask.
    pub memory: Option<(u64, String)>,
}

impl RedisCache {
    /// Come in as [`RedisCache::open`] does, and look around. The one key that coming in writes is gone a moment later.
    pub async fn check_up(options: &RedisOptions, clock: &dyn Clock) -> Result<RedisCheckup, RedisError> {
        let door = Door::new(options)?;
        let at = door.at().to_owned();
        let Came { mut redis, version } = match door.come_in().await {
            Ok(came) => came,
            Err(Fault::Away(why)) => return Err(RedisError::Away { at, why }),
            Err(Fault::Wrong(why)) => return Err(RedisError::Unusable { at, why }),
        };
        let ahead = clock_of(&mut redis, clock).await;
        let memory = memory_of(&mut redis).await;
        Ok(RedisCheckup { at, version, ahead, memory })
    }
}

async fn within<T>(ask: impl Future<Output = RedisResult<T>>) -> Option<T> {
    tokio::time::timeout(PATIENCE, ask).await.ok()?.ok()
}

async fn clock_of(redis: &mut MultiplexedConnection, clock: &dyn Clock) -> Option<i64> {
    let before = clock.now();
    let (secs, micros): (i64, i64) = within(cmd("TIME").query_async(redis)).await?;
    Some(ahead(before, secs.saturating_mul(1_000_000).saturating_add(micros), clock.now()))
}

/// The user of a host need not be allowed to ask this.
async fn memory_of(redis: &mut MultiplexedConnection) -> Option<(u64, String)> {
    let info: String = within(cmd("INFO").arg("memory").query_async(redis)).await?;
    let find = |name: &str| info.lines().find_map(|line| line.trim_end().strip_prefix(name)?.strip_prefix(':'));
    let most = find("maxmemory")?.parse().ok().filter(|most| *most > 0)?;
    Some((most, find("maxmemory_policy")?.to_owned()))
}
