//! Buckets by key. One is forgotten once it is full again, and never before: to forget it would be to fill it.

use opssight_core::limits::{Bucket, Decision, Rule};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::time::Instant;

/// As many may lie there before full ones are looked for.
const FEW: usize = 1024;

/// The buckets of this process, by a clock that only goes forward.
pub(super) struct Buckets {
    since: Instant,
    inside: Mutex<Inside>,
}

struct Inside {
    buckets: HashMap<String, (Bucket, Rule)>,
    /// Full ones are looked for when there are more than this.
    sweep_at: usize,
}

impl Default for Buckets {
    fn default() -> Self {
        let inside = Inside { buckets: HashMap::new(), sweep_at: FEW };
        Self { since: Instant::now(), inside: Mutex::new(inside) }
    }
}

impl Buckets {
    pub(super) fn take(&self, key: &str, rule: Rule) -> Decision {
        let (mut inside, now) = (self.inside(), self.now());
        if let Some((bucket, kept)) = inside.buckets.get_mut(key) {
            *kept = rule;
            return bucket.take(rule, now);
        }
        inside.sweep(now);
        let mut bucket = Bucket::full(rule, now);
        let decision = bucket.take(rule, now);
        inside.buckets.insert(key.to_owned(), (bucket, rule));
        decision
    }

    pub(super) fn give_back(&self, key: &str, rule: Rule) {
        if let Some((bucket, _)) = self.inside().buckets.get_mut(key) {
            bucket.give_back(rule);
        }
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.since.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

impl Inside {
    /// Twice as many as are left may come before the next look, so that looking costs a constant share.
    fn sweep(&mut self, now: u64) {
        if self.buckets.len() < self.sweep_at {
            return;
        }
        self.buckets.retain(|_, (bucket, rule)| !bucket.is_full(*rule, now));
        self.sweep_at = self.buckets.len().saturating_mul(2).max(FEW);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::num::NonZeroU32;
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn buckets_are_forgotten_when_they_are_full_and_not_before() {
        let (one, two) = (NonZeroU32::MIN, NonZeroU32::new(2).unwrap());
        let rule = Rule { per_second: one, burst: two };
        let buckets = Buckets::default();
        let count = || buckets.inside().buckets.len();
        buckets.take("kept", rule);
        buckets.take("kept", rule);
        tokio::time::advance(Duration::from_millis(1_500)).await;
        for key in 0..FEW * 3 {
            buckets.take(&key.to_string(), rule);
        }
        assert_eq!(count(), FEW * 3 + 1, "none of them is full");
        assert_eq!(buckets.take("kept", rule), Decision::Allowed);
        assert!(matches!(buckets.take("kept", rule), Decision::Refused { .. }), "one and a half came back");
        tokio::time::advance(Duration::from_secs(60)).await;
        for key in 0..FEW * 4 {
            buckets.take(&format!("later {key}"), rule);
        }
        assert_eq!(count(), FEW * 4, "the earlier ones are gone");
    }
}
