//! The circuit breaker of one connection: a plugin that keeps failing by its own fault is not called for a while, and
//! each time that it fails again, for a longer while.

use crate::time::Timestamp;
use std::collections::VecDeque;

/// When a breaker opens, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerRule {
    /// So many faults ...
    pub faults: usize,
    /// ... within so many seconds open it.
    pub within_secs: i64,
    /// First time, seconds; doubles each time.
    pub first_secs: i64,
    /// Longest time, seconds.
    pub longest_secs: i64,
}

impl Default for BreakerRule {
    /// Five within five minutes; 30 s, 1 min, ... 1 h.
    fn default() -> Self {
        Self { faults: 5, within_secs: 300, first_secs: 30, longest_secs: 3_600 }
    }
}

/// The state of one connection's breaker.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Breaker {
    faults: VecDeque<Timestamp>,
    open_until: Option<Timestamp>,
    /// When it opened.
    opened: Timestamp,
    /// Times that it opened without a success in between.
    trips: u32,
    /// Since when one call is on its way to find out whether it works again.
    probing: Option<Timestamp>,
}

/// A probe that was not heard of for so long is given up: whoever made it may have gone away.
const LONGEST_PROBE_SECS: i64 = 180;

impl Breaker {
    /// May a call be made? No: how long to wait, microseconds.
    pub fn admit(&mut self, now: Timestamp) -> Result<(), i64> {
        let Some(until) = self.open_until else { return Ok(()) };
        if now < self.opened {
            // The clock was set back. It stays open for as long as it was to, and not until the clock is there again.
            self.open_until = Some(until.plus_micros(now.since(self.opened)));
            self.opened = now;
            return self.admit(now);
        }
        let wait = until.since(now);
        if wait > 0 {
            return Err(wait);
        }
        let given_up = LONGEST_PROBE_SECS * 1_000_000;
        if self.probing.is_some_and(|since| (0..given_up).contains(&now.since(since))) {
            // The others wait for what the probe finds out.
            return Err(1_000_000);
        }
        self.probing = Some(now);
        Ok(())
    }

    /// A call did not fail by the plugin's fault. True: it was open, and is closed now.
    pub fn succeeded(&mut self) -> bool {
        let was_open = self.open_until.is_some();
        *self = Self::default();
        was_open
    }

    /// A call was given up before it said anything about the plugin.
    pub fn abandoned(&mut self) {
        self.probing = None;
    }

    /// A call failed by the plugin's fault. Some: this opened it, until then.
    pub fn faulted(&mut self, now: Timestamp, rule: BreakerRule) -> Option<Timestamp> {
        let probed = self.probing.take().is_some();
        if self.open_until.is_some() && !probed {
            // A call that began before it opened.
            return None;
        }
        self.faults.push_back(now);
        let oldest = now.plus_secs(-rule.within_secs);
        while self.faults.front().is_some_and(|at| *at < oldest) {
            self.faults.pop_front();
        }
        if !probed && self.faults.len() < rule.faults {
            return None;
        }
        let secs = rule.first_secs.saturating_mul(1 << self.trips.min(20)).min(rule.longest_secs);
        let until = now.plus_secs(secs);
        (self.opened, self.open_until) = (now, Some(until));
        self.trips = self.trips.saturating_add(1);
        self.faults.clear();
        Some(until)
    }

    /// Until when no calls are made, if it is open.
    pub fn open_until(&self) -> Option<Timestamp> {
        self.open_until
    }
}
