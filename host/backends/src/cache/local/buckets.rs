//! Buckets by key. One is forgotten once it is full again, and never before: to forget it would be to fill it.

use opssight_core::limits::{Bucket, Decision, Rule};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// As many may lie there before full ones are looked for.
const FEW: usize = 1024;

/// The buckets of this process, by a clock that only goes forward.
pub(in crate::cache) struct Buckets {
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
    pub(in crate::cache) fn take(&self, key: &str, rule: Rule) -> Decision {
        let now = u64::try_from(self.since.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.inside().take(key, rule, now)
    }

    pub(in crate::cache) fn give_back(&self, key: &str, rule: Rule) {
        if let Some((bucket, _)) = self.inside().buckets.get_mut(key) {
            bucket.give_back(rule);
        }
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inside {
    fn take(&mut self, key: &str, rule: Rule, now: u64) -> Decision {
        if let Some((bucket, kept)) = self.buckets.get_mut(key) {
            *kept = rule;
            return bucket.take(rule, now);
        }
        self.sweep(now);
        let mut bucket = Bucket::full(rule, now);
        let decision = bucket.take(rule, now);
        self.buckets.insert(key.to_owned(), (bucket, rule));
        decision
    }

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

    #[test]
    fn buckets_are_forgotten_when_they_are_full_and_not_before() {
        let (one, two) = (NonZeroU32::MIN, NonZeroU32::new(2).unwrap());
        let rule = Rule { per_second: one, burst: two };
        let mut inside = Inside { buckets: HashMap::new(), sweep_at: FEW };
        inside.take("kept", rule, 0);
        inside.take("kept", rule, 0);
        for key in 0..FEW * 3 {
            inside.take(&key.to_string(), rule, 900_000);
        }
        assert_eq!(inside.buckets.len(), FEW * 3 + 1, "none of them is full");
        assert_eq!(inside.take("kept", rule, 1_500_000), Decision::Allowed);
        assert!(matches!(inside.take("kept", rule, 1_500_000), Decision::Refused { .. }), "one and a half came back");
        for key in 0..FEW * 4 {
            inside.take(&format!("later {key}"), rule, 60_000_000);
        }
        assert_eq!(inside.buckets.len(), FEW * 4, "the earlier ones are gone");
    }
}
