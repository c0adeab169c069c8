//! How much and how often: rates per connection, memory for bodies on their way in, live streams.

use crate::app::ApiConfig;
use crate::problem::Refusal;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use opssight_core::error::Kind;
use opssight_core::id::ConnectionId;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Largest JSON body, bytes.
pub(crate) const JSON_BODY: usize = 1 << 20;
/// Memory for bodies is counted in these, because a semaphore counts to four billion.
const BLOCK: u64 = 4096;

/// The counters behind the limits.
pub(crate) struct Limits {
    hooks: DefaultKeyedRateLimiter<ConnectionId>,
    clock: DefaultClock,
    bodies: Arc<Semaphore>,
    streams: Arc<Semaphore>,
}

impl Limits {
    pub(crate) fn new(config: &ApiConfig) -> Self {
        let quota = Quota::per_second(config.hook_rate_per_second).allow_burst(config.hook_burst);
        // One body of the largest size must always fit, or it would be put off for ever.
        let bytes = config.bodies_in_flight.max(config.body_limit);
        Self {
            hooks: RateLimiter::dashmap(quota),
            clock: DefaultClock::default(),
            bodies: Arc::new(Semaphore::new(blocks(bytes) as usize)),
            streams: Arc::new(Semaphore::new(config.live_streams)),
        }
    }

    /// One delivery more for a connection that exists: keys are bounded by the connections.
    pub(crate) fn hook(&self, connection: &ConnectionId) -> Result<(), Refusal> {
        self.hooks.check_key(connection).map_err(|not_until| {
            let wait = not_until.wait_time_from(self.clock.now());
            Refusal::new(Kind::TooMany, "too many deliveries at once for this connection; send it again later")
                .with_code("rate-limited")
                .retry_after(wait.as_secs().saturating_add(1))
        })
    }

    /// Memory for a body, given back when the permit is dropped.
    pub(crate) fn body(&self, bytes: u64) -> Result<OwnedSemaphorePermit, Refusal> {
        Arc::clone(&self.bodies).try_acquire_many_owned(blocks(bytes)).map_err(|_| {
            Refusal::new(Kind::Unavailable, "too many large deliveries at once; send it again later")
                .with_code("overloaded")
                .retry_after(2)
        })
    }

    /// A place among the live streams.
    pub(crate) fn stream(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        Arc::clone(&self.streams).try_acquire_owned().map_err(|_| {
            Refusal::new(Kind::Unavailable, "too many live streams are open").with_code("overloaded").retry_after(10)
        })
    }
}

fn blocks(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(BLOCK)).unwrap_or(u32::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::num::NonZeroU32;

    #[test]
    fn a_connection_that_sends_too_often_is_told_when_to_come_again_and_others_are_not_held_up() {
        let one = NonZeroU32::MIN;
        let limits = Limits::new(&ApiConfig { hook_rate_per_second: one, hook_burst: one, ..ApiConfig::default() });
        assert!(limits.hook(&"a".into()).is_ok());
        let response = limits.hook(&"a".into()).unwrap_err().render(None);
        assert_eq!(response.status(), 429);
        assert_eq!(response.headers()["retry-after"], "1");
        assert!(limits.hook(&"b".into()).is_ok());
    }

    #[test]
    fn bodies_share_a_bounded_memory() {
        let config = ApiConfig { body_limit: 10_000, bodies_in_flight: 20_000, ..ApiConfig::default() };
        let limits = Limits::new(&config);
        let held = limits.body(10_000).unwrap();
        assert_eq!(limits.body(10_000).unwrap_err().render(None).status(), 503);
        drop(held);
        assert!(limits.body(10_000).is_ok());
    }
}
