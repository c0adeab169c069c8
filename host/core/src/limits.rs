//! How often something may happen: a token bucket, and the port for those who keep buckets.
//!
//! The bucket counts in whole millionths of a token, because a rate of `n` per second is exactly `n` millionths per
//! microsecond: nothing is rounded, so that two who keep the same bucket agree, whatever they are written in.

use async_trait::async_trait;
use std::num::NonZeroU32;
use std::time::Duration;

/// One token.
const TOKEN: u64 = 1_000_000;

/// How often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// As often as this, for ever.
    pub per_second: NonZeroU32,
    /// As many as this at once, after a quiet time.
    pub burst: NonZeroU32,
}

/// Whether it may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Now; and it is counted.
    Allowed,
    /// Not before this has passed.
    Refused {
        /// Until there is room for one, if nobody else takes it.
        retry_after: Duration,
    },
}

/// A bucket of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    level: u64,
    at: u64,
}

impl Rule {
    fn full(self) -> u64 {
        u64::from(self.burst.get()).saturating_mul(TOKEN)
    }

    fn rate(self) -> u64 {
        u64::from(self.per_second.get())
    }

    /// How long an empty bucket takes to be full again. What is kept of it may be forgotten then.
    pub fn refill(self) -> Duration {
        Duration::from_micros(self.full().div_ceil(self.rate()))
    }
}

impl Bucket {
    /// Full, as it is before its first use.
    pub fn full(rule: Rule, now_micros: u64) -> Self {
        Self { level: rule.full(), at: now_micros }
    }

    /// Take one token, at a time in microseconds from wherever. A clock that goes back gives and takes nothing at once;
    /// what it then makes up for is given again, up to a burst.
    pub fn take(&mut self, rule: Rule, now_micros: u64) -> Decision {
        self.fill(rule, now_micros);
        match self.level.checked_sub(TOKEN) {
            Some(rest) => {
                self.level = rest;
                Decision::Allowed
            }
            None => {
                let missing = TOKEN.saturating_sub(self.level);
                Decision::Refused { retry_after: Duration::from_micros(missing.div_ceil(rule.rate())) }
            }
        }
    }

    /// Put a token back that was taken for nothing.
    pub fn give_back(&mut self, rule: Rule) {
        self.level = self.level.saturating_add(TOKEN).min(rule.full());
    }

    /// Whether nobody could tell it from a new one.
    pub fn is_full(&self, rule: Rule, now_micros: u64) -> bool {
        let mut bucket = *self;
        bucket.fill(rule, now_micros);
        bucket.level == rule.full()
    }

    fn fill(&mut self, rule: Rule, now_micros: u64) {
        let passed = now_micros.saturating_sub(self.at);
        self.level = self.level.saturating_add(passed.saturating_mul(rule.rate())).min(rule.full());
        self.at = now_micros;
    }
}

/// The port: buckets by key, made full when they are first used. Time is the adapter's own affair, because those who
/// share buckets must go by one clock.
#[async_trait]
pub trait RateLimiter: Send + Sync {
    /// Take one token. There is always an answer: whoever keeps buckets for many hosts and cannot be asked is
    /// replaced by this host's own buckets, never by no limit.
    async fn take(&self, key: &str, rule: Rule) -> Decision;
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rule(per_second: u32, burst: u32) -> Rule {
        Rule { per_second: NonZeroU32::new(per_second).unwrap(), burst: NonZeroU32::new(burst).unwrap() }
    }

    #[test]
    fn a_bucket_gives_its_burst_and_then_its_rate() {
        let rule = rule(4, 2);
        let mut bucket = Bucket::full(rule, 0);
        let refused = |micros| Decision::Refused { retry_after: Duration::from_micros(micros) };
        // (when, what)
        let table = [
            (0, Decision::Allowed),
            (0, Decision::Allowed),
            (0, refused(250_000)),
            (249_999, refused(1)),
            (250_000, Decision::Allowed),
            (250_000, refused(250_000)),
            (100_000, refused(250_000)),
            (60_000_000, Decision::Allowed),
            (60_000_000, Decision::Allowed),
            (60_000_000, refused(250_000)),
        ];
        for (now, what) in table {
            assert_eq!(bucket.take(rule, now), what, "at {now}");
        }
        assert!(!bucket.is_full(rule, 60_499_999));
        assert!(bucket.is_full(rule, 60_000_000 + rule.refill().as_micros() as u64));
    }

    #[test]
    fn the_largest_rule_does_not_overflow() {
        let rule = rule(u32::MAX, u32::MAX);
        let mut bucket = Bucket::full(rule, 0);
        assert_eq!(bucket.take(rule, u64::MAX), Decision::Allowed);
        bucket.give_back(rule);
        assert!(bucket.is_full(rule, u64::MAX));
    }

    proptest! {
        #[test]
        fn no_stretch_of_time_sees_more_than_the_burst_and_the_rate(
            per_second in 1_u32..2_000, burst in 1_u32..50, steps in prop::collection::vec(0_u64..40_000, 1..300)
        ) {
            let rule = rule(per_second, burst);
            let (mut bucket, mut now, mut allowed) = (Bucket::full(rule, 0), 0, Vec::new());
            for step in steps {
                now += step;
                if bucket.take(rule, now) == Decision::Allowed {
                    allowed.push(now);
                }
            }
            for (first, from) in allowed.iter().enumerate() {
                for (last, to) in allowed.iter().enumerate().skip(first) {
                    let most = u64::from(burst) * TOKEN + (to - from) * u64::from(per_second);
                    prop_assert!((last - first + 1) as u64 * TOKEN <= most);
                }
            }
        }

        #[test]
        fn who_waits_as_long_as_told_is_let_in(
            per_second in 1_u32..2_000, burst in 1_u32..50, steps in prop::collection::vec(0_u64..2_000, 1..200)
        ) {
            let rule = rule(per_second, burst);
            let (mut bucket, mut now) = (Bucket::full(rule, 0), 0);
            for step in steps {
                now += step;
                if let Decision::Refused { retry_after } = bucket.take(rule, now) {
                    now += retry_after.as_micros() as u64;
                    prop_assert_eq!(bucket.take(rule, now), Decision::Allowed);
                }
            }
        }
    }
}
