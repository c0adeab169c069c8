//! How much and how often: rates per connection, memory for bodies on their way in, live streams.

use crate::app::ApiConfig;
use crate::problem::Refusal;
use opssight_core::error::Kind;
use opssight_core::id::ConnectionId;
use opssight_core::limits::{Decision, RateLimiter, Rule};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Largest JSON body, bytes.
pub(crate) const JSON_BODY: usize = 1 << 20;
/// Memory for bodies is counted in these, because a semaphore counts to four billion.
const BLOCK: u64 = 4096;

/// The counters behind the limits.
pub(crate) struct Limits {
    rates: Arc<dyn RateLimiter>,
    hooks: Rule,
    bodies: Arc<Semaphore>,
    streams: Arc<Semaphore>,
}

impl Limits {
    pub(crate) fn new(config: &ApiConfig, rates: Arc<dyn RateLimiter>) -> Self {
        // One body of the largest size must always fit, or it would be put off for ever.
        let bytes = config.bodies_in_flight.max(config.body_limit);
        Self {
            rates,
            hooks: Rule { per_second: config.hook_rate_per_second, burst: config.hook_burst },
            bodies: Arc::new(Semaphore::new(blocks(bytes) as usize)),
            streams: Arc::new(Semaphore::new(config.live_streams)),
        }
    }

    /// One delivery more for a connection that exists: keys are bounded by the connections.
    pub(crate) async fn hook(&self, connection: &ConnectionId) -> Result<(), Refusal> {
        match self.rates.take(&format!("hook:{}", connection.as_str()), self.hooks).await {
            Decision::Allowed => Ok(()),
            Decision::Refused { retry_after } => {
                let text = "too many deliveries at once for this connection; send it again later";
                let refusal = Refusal::new(Kind::TooMany, text).with_code("rate-limited");
                // In whole seconds, and not a moment too early.
                Err(refusal.retry_after(retry_after.as_secs_f64().ceil() as u64))
            }
        }
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
    use crate::testing::Stubs;
    use std::num::NonZeroU32;

    #[tokio::test]
    async fn a_connection_that_sends_too_often_is_told_when_to_come_again_and_others_are_not_held_up() {
        let one = NonZeroU32::MIN;
        let config = ApiConfig { hook_rate_per_second: one, hook_burst: one, ..ApiConfig::default() };
        let limits = Limits::new(&config, Arc::new(Stubs::default()));
        assert!(limits.hook(&"a".into()).await.is_ok());
        let response = limits.hook(&"a".into()).await.unwrap_err().render(None);
        assert_eq!(response.status(), 429);
        assert_eq!(response.headers()["retry-after"], "1");
        assert!(limits.hook(&"b".into()).await.is_ok());
    }

    #[test]
    fn bodies_share_a_bounded_memory() {
        let config = ApiConfig { body_limit: 10_000, bodies_in_flight: 20_000, ..ApiConfig::default() };
        let limits = Limits::new(&config, Arc::new(Stubs::default()));
        let held = limits.body(10_000).unwrap();
        assert_eq!(limits.body(10_000).unwrap_err().render(None).status(), 503);
        drop(held);
        assert!(limits.body(10_000).is_ok());
    }
}
