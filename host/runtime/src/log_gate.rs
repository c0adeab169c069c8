//! How much a plugin may log over all of its calls: a flood costs its author lines, and nobody a disk.

use crate::sync::lock;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Lines per second, and how many may come at once after a quiet time.
const LINES_PER_SEC: f64 = 100.0;
const LINES_AT_ONCE: f64 = 1_000.0;
/// Bytes per second (a megabyte a minute), and at once.
const BYTES_PER_SEC: f64 = 17_476.0;
const BYTES_AT_ONCE: f64 = 512.0 * 1_024.0;
/// What a line takes in the host's log beside its text: time, level, names.
const AROUND_A_LINE: usize = 160;
/// How often it is said that lines were dropped.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// Whether a line is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admitted {
    Yes,
    /// It is the first after so many that were not.
    After(u64),
    No,
}

#[derive(Debug, Default)]
pub(crate) struct LogGate(Mutex<Allowance>);

#[derive(Debug, Default)]
struct Allowance {
    since: Option<Instant>,
    lines: f64,
    bytes: f64,
    dropped: u64,
    /// When it was last said how many were dropped.
    told: Option<Instant>,
}

impl LogGate {
    pub(crate) fn admit(&self, bytes: usize, now: Instant) -> Admitted {
        let mut allowance = lock(&self.0);
        match allowance.since.replace(now) {
            None => (allowance.lines, allowance.bytes) = (LINES_AT_ONCE, BYTES_AT_ONCE),
            Some(since) => {
                let secs = now.saturating_duration_since(since).as_secs_f64();
                allowance.lines = (allowance.lines + secs * LINES_PER_SEC).min(LINES_AT_ONCE);
                allowance.bytes = (allowance.bytes + secs * BYTES_PER_SEC).min(BYTES_AT_ONCE);
            }
        }
        let bytes = u32::try_from(bytes.saturating_add(AROUND_A_LINE)).map_or(BYTES_AT_ONCE, f64::from);
        if allowance.lines < 1.0 || allowance.bytes < bytes {
            allowance.dropped = allowance.dropped.saturating_add(1);
            return Admitted::No;
        }
        allowance.lines -= 1.0;
        allowance.bytes -= bytes;
        // In a flood a line gets through again and again: a notice before each would be a flood of its own.
        let told_just_now = allowance.told.is_some_and(|told| now.saturating_duration_since(told) < TELL_EVERY);
        if allowance.dropped == 0 || told_just_now {
            return Admitted::Yes;
        }
        allowance.told = Some(now);
        Admitted::After(std::mem::take(&mut allowance.dropped))
    }
}

#[cfg(test)]
mod tests {
    use super::{Admitted, LogGate};
    use std::time::{Duration, Instant};

    #[test]
    fn a_flood_is_cut_counted_and_told_of() {
        let gate = LogGate::default();
        let start = Instant::now();
        let admitted = |secs: u64, bytes: usize| gate.admit(bytes, start + Duration::from_secs(secs));
        let published = (0..5_000).filter(|_| admitted(0, 10) == Admitted::Yes).count();
        assert_eq!(published, 1_000);
        assert_eq!(admitted(1, 10), Admitted::After(4_000));
        assert_eq!(admitted(1, 10), Admitted::Yes);
    }

    #[test]
    fn what_was_dropped_is_told_once_a_second_and_none_is_forgotten() {
        let gate = LogGate::default();
        let start = Instant::now();
        let (mut told, mut dropped, mut refused) = (0, 0, 0);
        for ms in 0..10_000 {
            match gate.admit(10, start + Duration::from_millis(ms)) {
                Admitted::Yes => {}
                Admitted::No => refused += 1,
                Admitted::After(lines) => (told, dropped) = (told + 1, dropped + lines),
            }
        }
        assert!((5..=10).contains(&told), "{told}");
        if let Admitted::After(lines) = gate.admit(10, start + Duration::from_secs(12)) {
            dropped += lines;
        }
        assert_eq!(dropped, refused);
    }

    #[test]
    fn short_lines_pay_for_what_stands_around_them() {
        let gate = LogGate::default();
        let start = Instant::now();
        // A hundred a second for ten minutes: as many lines as are allowed, and more than the bytes that are.
        let lines = (0..60_000).filter(|at| gate.admit(100, start + Duration::from_millis(at * 10)) != Admitted::No);
        let bytes = lines.count() * (100 + super::AROUND_A_LINE);
        assert!(bytes < (512 << 10) + 601 * 17_476, "{bytes}");
    }

    #[test]
    fn long_lines_are_limited_to_a_megabyte_a_minute() {
        let gate = LogGate::default();
        let start = Instant::now();
        let minute = 0..60_000;
        let bytes: usize = minute
            .filter(|ms| gate.admit(4_096, start + Duration::from_millis(*ms)) != Admitted::No)
            .map(|_| 4_096)
            .sum();
        // What may come at once, and a minute's allowance.
        assert!((1 << 20..(3 << 20) / 2 + 4_096).contains(&bytes), "{bytes}");
    }
}
