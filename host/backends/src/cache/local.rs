//! All of it inside of one process.

mod buckets;

pub(super) use buckets::Buckets;

use async_trait::async_trait;
use moka::Expiry;
use moka::ops::compute::{CompResult, Op};
use moka::policy::EvictionPolicy;
use moka::sync::Cache as Values;
use opssight_core::cache::{Cache, CacheError};
use opssight_core::limits::{Decision, RateLimiter, Rule};
use opssight_core::locks::{Lock, Locks};
use opssight_core::time::{Clock, Randomness};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What values may take together, bytes. Beyond it the one goes that was not used for longest.
const MOST: u64 = 64 << 20;
/// What a value costs beside its bytes.
const OVERHEAD: usize = 128;

/// What is meant to last for ever lasts for so long.
const LONGEST: Duration = Duration::from_secs(100 * 366 * 86_400);

/// Rates, values and locks of this process.
pub struct LocalCache {
    buckets: Buckets,
    values: Values<String, Kept>,
    locks: Mutex<Held>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Randomness>,
}

impl std::fmt::Debug for LocalCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalCache").finish_non_exhaustive()
    }
}

/// The locks that were taken, and the highest fence.
#[derive(Default)]
struct Held {
    locks: HashMap<String, (String, Instant)>,
    fence: u64,
}

#[derive(Clone)]
struct Kept {
    value: Arc<[u8]>,
    ttl: Duration,
}

/// A value lives as long as whoever kept it last said.
struct TimeToLive;

impl Expiry<String, Kept> for TimeToLive {
    fn expire_after_create(&self, _: &String, kept: &Kept, _: std::time::Instant) -> Option<Duration> {
        Some(kept.ttl)
    }

    fn expire_after_update(&self, _: &String, kept: &Kept, _: Instant, _: Option<Duration>) -> Option<Duration> {
        Some(kept.ttl)
    }
}

impl LocalCache {
    /// Empty. Fences go by the clock, and owners' names come from `random`.
    pub fn new(clock: Arc<dyn Clock>, random: Arc<dyn Randomness>) -> Self {
        let weigh = |key: &String, kept: &Kept| {
            u32::try_from(key.len().saturating_add(kept.value.len()).saturating_add(OVERHEAD)).unwrap_or(u32::MAX)
        };
        let values = Values::builder()
            .max_capacity(MOST)
            .weigher(weigh)
            // By default a newcomer may be turned away; what was just kept must be there.
            .eviction_policy(EvictionPolicy::lru())
            .expire_after(TimeToLive)
            .build();
        Self { buckets: Buckets::default(), values, locks: Mutex::default(), clock, random }
    }
}

#[async_trait]
impl RateLimiter for LocalCache {
    async fn take(&self, key: &str, rule: Rule) -> Decision {
        self.buckets.take(key, rule)
    }
}

#[async_trait]
impl Cache for LocalCache {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, CacheError> {
        Ok(self.values.get(key).map(|kept| kept.value.to_vec()))
    }

    async fn put(&self, key: &str, value: &[u8], ttl: Duration) -> Result<(), CacheError> {
        self.values.insert(key.to_owned(), Kept { value: value.into(), ttl: ttl.min(LONGEST) });
        Ok(())
    }

    async fn put_if_absent(&self, key: &str, value: &[u8], ttl: Duration) -> Result<bool, CacheError> {
        let put = self.values.entry_by_ref(key).and_compute_with(|there| match there {
            Some(_) => Op::Nop,
            None => Op::Put(Kept { value: value.into(), ttl: ttl.min(LONGEST) }),
        });
        Ok(matches!(put, CompResult::Inserted(_)))
    }

    async fn delete(&self, key: &str) -> Result<bool, CacheError> {
        // `remove` gives back what is over as well.
        let removed = self.values.entry_by_ref(key).and_compute_with(|there| match there {
            Some(_) => Op::Remove,
            None => Op::Nop,
        });
        Ok(matches!(removed, CompResult::Removed(_)))
    }

    async fn delete_if(&self, key: &str, value: &[u8]) -> Result<bool, CacheError> {
        let removed = self.values.entry_by_ref(key).and_compute_with(|there| match there {
            Some(there) if *there.value().value == *value => Op::Remove,
            _ => Op::Nop,
        });
        Ok(matches!(removed, CompResult::Removed(_)))
    }
}

#[async_trait]
impl Locks for LocalCache {
    async fn lock(&self, name: &str, ttl: Duration) -> Option<Lock> {
        let (owner, now) = (super::owner(&*self.random), Instant::now());
        let mut held = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        held.locks.retain(|_, (_, until)| *until > now);
        if held.locks.contains_key(name) {
            return None;
        }
        held.locks.insert(name.to_owned(), (owner.clone(), far(now, ttl)));
        let clock = u64::try_from(self.clock.now().0).unwrap_or(0);
        held.fence = clock.max(held.fence.saturating_add(1));
        Some(Lock { name: name.to_owned(), owner, fence: held.fence })
    }

    async fn renew(&self, lock: &Lock, ttl: Duration) -> bool {
        let now = Instant::now();
        let mut held = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        match held.locks.get_mut(&lock.name) {
            Some((owner, until)) if *owner == lock.owner && *until > now => {
                *until = far(now, ttl);
                true
            }
            _ => false,
        }
    }

    async fn release(&self, lock: &Lock) -> bool {
        let now = Instant::now();
        let mut held = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        let ours = held.locks.get(&lock.name).is_some_and(|(owner, until)| *owner == lock.owner && *until > now);
        if ours {
            held.locks.remove(&lock.name);
        }
        ours
    }
}

/// As far as the clock goes.
fn far(now: Instant, ttl: Duration) -> Instant {
    now.checked_add(ttl).or_else(|| now.checked_add(LONGEST)).unwrap_or(now)
}
