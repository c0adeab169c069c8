//! All of it in a Redis, for every host that uses the same one under the same prefix.
//!
//! Redis is an edge and never the truth. A command waits for it only so long ([`RedisOptions::patience`]), and while it
//! is away no command waits at all: rates are then kept by this host, locks are refused, values are not there, and
//! `link` looks for it in the background until it is back.

mod checkup;
mod door;
mod fault;
mod link;
mod scripts;

use super::local::Buckets;
use ::redis::cmd;
use async_trait::async_trait;
pub use checkup::RedisCheckup;
use door::Door;
use link::Link;
use opssight_core::cache::{Cache, CacheError};
use opssight_core::limits::{Decision, RateLimiter, Rule};
use opssight_core::locks::{Lock, Locks};
use opssight_core::time::Randomness;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::task::AbortOnDropHandle;

/// Redis adds a time to live to its clock, and refuses what does not fit: a hundred years do.
const LONGEST_MILLIS: u64 = 100 * 366 * 86_400_000;

/// Where it is and how it is used.
#[derive(Clone)]
pub struct RedisOptions {
    /// `redis://user:password@host:6379/0`, or `rediss://` for TLS.
    pub address: String,
    /// What every key begins with: others may use the same Redis.
    pub prefix: String,
    /// The longest that a command may wait.
    pub patience: Duration,
    /// Certificate authorities (PEM) in the place of those that the system knows.
    pub ca_pem: Option<Vec<u8>>,
    /// Names of lock holders.
    pub random: Arc<dyn Randomness>,
}

impl std::fmt::Debug for RedisOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisOptions").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

/// What trying again would not mend.
#[derive(Debug, thiserror::Error)]
pub enum RedisError {
    /// No address of a Redis.
    #[error("understand the address of the Redis: it must look like redis://user:password@host:6379/0")]
    Address,
    /// Certificates that are none.
    #[error("use the certificate authorities of the Redis: they are no PEM, or the address is not rediss://")]
    Certificates,
    /// It may be there the next time.
    #[error("reach the Redis at {at}: {why}")]
    Away {
        /// Host, port, database and user.
        at: String,
        /// What is wrong.
        why: String,
    },
    /// It answers, but cannot be used.
    #[error("use the Redis at {at}: {why}")]
    Unusable {
        /// Host, port, database and user.
        at: String,
        /// What is wrong, and how to mend it.
        why: String,
    },
}

/// Rates, values and locks in a Redis.
pub struct RedisCache {
    link: Arc<Link>,
    /// This host's own, for when it is on its own.
    local: Buckets,
    prefix: String,
    random: Arc<dyn Randomness>,
    _keeper: AbortOnDropHandle<()>,
}

impl std::fmt::Debug for RedisCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisCache").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

impl RedisCache {
    /// Connect. A Redis that is away is waited for in the background, and until then this host is on its own; one
    /// that answers and cannot be used is an error.
    pub async fn open(options: RedisOptions) -> Result<Self, RedisError> {
        let door = Door::new(&options)?;
        let link = Arc::new(Link::open(door, options.patience).await?);
        let keeper = tokio::spawn(Arc::clone(&link).keep());
        Ok(Self {
            link,
            local: Buckets::default(),
            prefix: options.prefix,
            random: options.random,
            _keeper: AbortOnDropHandle::new(keeper),
        })
    }

    /// How it is: what answers, or why this host is on its own.
    pub fn status(&self) -> Result<String, String> {
        self.link.status()
    }

    fn key(&self, kind: &str, key: &str) -> String {
        format!("{}:{kind}:{key}", self.prefix)
    }

    async fn shared(&self, key: &str, rule: Rule) -> Result<Decision, CacheError> {
        let mut take = scripts::TAKE.key(self.key("rate", key));
        take.arg(rule.per_second.get()).arg(rule.burst.get());
        Ok(match self.link.run(&take).await? {
            0_u64 => Decision::Allowed,
            micros => Decision::Refused { retry_after: Duration::from_micros(micros) },
        })
    }
}

#[async_trait]
impl RateLimiter for RedisCache {
    /// A host's own bucket is never emptier than the one that it shares, so that asking it first changes nothing while
    /// all is well. It spares Redis a flood, and it holds this host to the rule when Redis is away or forgot.
    async fn take(&self, key: &str, rule: Rule) -> Decision {
        let ours = self.local.take(key, rule);
        if ours != Decision::Allowed {
            return ours;
        }
        match self.shared(key, rule).await {
            Ok(Decision::Allowed) | Err(_) => Decision::Allowed,
            Ok(refused) => {
                self.local.give_back(key, rule);
                refused
            }
        }
    }
}

#[async_trait]
impl Cache for RedisCache {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, CacheError> {
        self.link.ask(cmd("GET").arg(self.key("value", key))).await
    }

    async fn put(&self, key: &str, value: &[u8], ttl: Duration) -> Result<(), CacheError> {
        self.link.ask(cmd("SET").arg(self.key("value", key)).arg(value).arg("PX").arg(millis(ttl))).await
    }

    async fn put_if_absent(&self, key: &str, value: &[u8], ttl: Duration) -> Result<bool, CacheError> {
        let key = self.key("value", key);
        let put: Option<String> =
            self.link.ask(cmd("SET").arg(key).arg(value).arg("NX").arg("PX").arg(millis(ttl))).await?;
        Ok(put.is_some())
    }

    async fn delete(&self, key: &str) -> Result<bool, CacheError> {
        self.link.ask(cmd("DEL").arg(self.key("value", key))).await
    }

    async fn delete_if(&self, key: &str, value: &[u8]) -> Result<bool, CacheError> {
        self.link.run(scripts::DELETE_IF.key(self.key("value", key)).arg(value)).await
    }
}

#[async_trait]
impl Locks for RedisCache {
    async fn lock(&self, name: &str, ttl: Duration) -> Option<Lock> {
        let owner = super::owner(&*self.random);
        let mut lock = scripts::LOCK.key(self.key("lock", name));
        lock.key(self.key("fence", name)).arg(&owner).arg(millis(ttl));
        let fence: Option<u64> = self.link.run(&lock).await.ok()?;
        Some(Lock { name: name.to_owned(), owner, fence: fence? })
    }

    async fn renew(&self, lock: &Lock, ttl: Duration) -> bool {
        let mut renew = scripts::RENEW_IF.key(self.key("lock", &lock.name));
        self.link.run(renew.arg(&lock.owner).arg(millis(ttl))).await.unwrap_or(false)
    }

    async fn release(&self, lock: &Lock) -> bool {
        let mut release = scripts::DELETE_IF.key(self.key("lock", &lock.name));
        self.link.run(release.arg(&lock.owner)).await.unwrap_or(false)
    }
}

fn millis(ttl: Duration) -> u64 {
    u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX).clamp(1, LONGEST_MILLIS)
}
