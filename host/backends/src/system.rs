//! The machine's clock and randomness.

use opssight_core::time::{Clock, Randomness, Timestamp};
use std::time::{SystemTime, UNIX_EPOCH};

/// The machine's wall clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one `Clock` that reads the machine's")]
    fn now(&self) -> Timestamp {
        let micros = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
            // A clock that was never set stands before the epoch.
            Err(before) => i64::try_from(before.duration().as_micros()).map_or(i64::MIN, |micros| -micros),
        };
        Timestamp(micros)
    }
}

/// How far another clock is ahead of ours, microseconds, that said `theirs` between two looks at ours. What the way there
/// may account for is nothing.
pub(crate) fn ahead(before: Timestamp, theirs: i64, after: Timestamp) -> i64 {
    if theirs > after.0 {
        theirs.saturating_sub(after.0)
    } else if theirs < before.0 {
        theirs.saturating_sub(before.0)
    } else {
        0
    }
}

/// The operating system's randomness, through AWS-LC.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandomness;

impl Randomness for SystemRandomness {
    #[expect(clippy::panic, reason = "a secret that is not random must never be handed out")]
    fn fill(&self, bytes: &mut [u8]) {
        if aws_lc_rs::rand::fill(bytes).is_err() {
            panic!("the operating system gives no randomness");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_way_may_account_for_is_no_difference_of_clocks() {
        for (before, theirs, after, expected) in
            [(10, 10, 10, 0), (10, 15, 20, 0), (10, 20, 20, 0), (10, 25, 20, 5), (10, 4, 20, -6)]
        {
            assert_eq!(ahead(Timestamp(before), theirs, Timestamp(after)), expected, "{before} {theirs} {after}");
        }
    }
}
