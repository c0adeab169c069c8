//! Due times are kept by the wall clock, and a wall clock may be set. What was noted while it was ahead would wait until
//! it gets there again: that is noticed here, and such times are put right. Where it is not known by how much the clock
//! was ahead, what waits for longer than anything may be put off is tried now.

use crate::error::StoreError;
use crate::time::Timestamp;
use async_trait::async_trait;
use std::time::Duration;

/// Less than this is the work of whoever keeps the clock right.
const BEARABLE: i64 = 2_000_000;

/// Looks right after the clock was set, when times that were read before may still be on their way into the store.
const FRESH: u64 = 3;
/// Later it is looked that often, as long as somebody may still come with such a time.
const EVERY: u64 = 15;

/// How much was put right.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Corrected {
    /// Deliveries.
    pub deliveries: u64,
    /// Feeds.
    pub feeds: u64,
}

/// How long anything is meant to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// For another attempt.
    pub retry: Timestamp,
    /// For whoever has it.
    pub lease: Timestamp,
}

/// The port.
#[async_trait]
pub trait Timers: Send + Sync {
    /// The latest time at which something is noted to have happened already.
    async fn latest(&self) -> Result<Option<Timestamp>, StoreError>;
    /// The clock went back by so many microseconds: what waits for a later time than now waits so much less. What
    /// somebody is at is left to them.
    async fn set_back(&self, now: Timestamp, micros: i64) -> Result<Corrected, StoreError>;
    /// What waits for a first attempt is due now, and so is what waits for another one for longer than anything does; a
    /// lease ends when one that is taken now would.
    async fn bound(&self, now: Timestamp, bounds: Bounds) -> Result<Corrected, StoreError>;
}

/// Two clocks, one that can be set and one that cannot, that should go alike.
#[derive(Debug, Clone, Copy)]
pub struct Watch {
    wall: Timestamp,
    steady: Duration,
}

impl Watch {
    /// What both say now. The steady one counts from anywhere.
    pub fn begin(wall: Timestamp, steady: Duration) -> Self {
        Self { wall, steady }
    }

    /// What both say now: by how many microseconds the wall clock was set since the last look, if it was.
    pub fn look(&mut self, wall: Timestamp, steady: Duration) -> Option<i64> {
        let passed = i64::try_from(steady.saturating_sub(self.steady).as_micros()).unwrap_or(i64::MAX);
        let jump = wall.since(self.wall).saturating_sub(passed);
        *self = Self::begin(wall, steady);
        (jump.saturating_abs() >= BEARABLE).then_some(jump)
    }
}

/// By how many microseconds the clock is behind what it said before, or another one says: something is noted to have
/// happened later than now.
pub fn behind(latest: Option<Timestamp>, now: Timestamp) -> Option<i64> {
    let behind = latest?.since(now);
    (behind >= BEARABLE).then_some(behind)
}

/// Whether to look for times that are out of bounds, so many looks after the clock was set, when leases last for so many.
pub fn is_worth_a_look(looks: u64, lease: u64) -> bool {
    looks < FRESH || looks == lease || (looks < lease && looks.is_multiple_of(EVERY))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(secs: f64) -> Timestamp {
        #[expect(clippy::cast_possible_truncation, reason = "seconds of a test")]
        Timestamp((secs * 1e6) as i64)
    }

    #[test]
    fn a_clock_that_is_set_is_told_from_time_that_passes() {
        let mut watch = Watch::begin(secs(1000.0), Duration::from_secs(5));
        for (wall, steady, jump) in [
            (1001.0, 6.0, None),
            // Nobody looked for an hour.
            (4601.0, 3606.0, None),
            // Slewed, again and again.
            (4603.5, 3607.0, None),
            (4606.0, 3608.0, None),
            (8207.0, 3609.0, Some(3_600_000_000)),
            (8208.0, 3610.0, None),
            (4609.0, 3611.0, Some(-3_600_000_000)),
            (4609.0, 3613.0, Some(-2_000_000)),
            (4609.0, 3614.9, None),
        ] {
            assert_eq!(watch.look(secs(wall), Duration::from_secs_f64(steady)), jump, "{wall} {steady}");
        }
    }

    #[test]
    fn what_happened_later_than_now_tells_of_a_clock_that_was_ahead() {
        assert_eq!(behind(None, secs(10.0)), None);
        assert_eq!(behind(Some(secs(9.0)), secs(10.0)), None);
        assert_eq!(behind(Some(secs(11.9)), secs(10.0)), None);
        assert_eq!(behind(Some(secs(3610.0)), secs(10.0)), Some(3_600_000_000));
        assert_eq!(behind(Some(Timestamp(i64::MAX)), Timestamp(i64::MIN)), Some(i64::MAX));
    }

    #[test]
    fn it_is_looked_for_as_long_as_leases_last() {
        let looks: Vec<u64> = (0..100).filter(|looks| is_worth_a_look(*looks, 50)).collect();
        assert_eq!(looks, [0, 1, 2, 15, 30, 45, 50]);
    }
}
