//! How much a plugin may log over all of its calls: a flood costs its author lines, and nobody a disk.

use crate::sync::lock;
use std::sync::Mutex;
use std::time::Instant;

/// Lines per second, and how many may come at once after a quiet time.
const LINES_PER_SEC: f64 = 100.0;
const LINES_AT_ONCE: f64 = 1_000.0;
/// Bytes per second (a megabyte a minute), and at once.
const BYTES_PER_SEC: f64 = 17_476.0;
const BYTES_AT_ONCE: f64 = 512.0 * 1_024.0;

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
        let bytes = u32::try_from(bytes).map_or(BYTES_AT_ONCE, f64::from);
        if allowance.lines < 1.0 || allowance.bytes < bytes {
            allowance.dropped = allowance.dropped.saturating_add(1);
            return Admitted::No;
        }
        allowance.lines -= 1.0;
        allowance.bytes -= bytes;
        match std::mem::take(&mut allowance.dropped) {
            0 => Admitted::Yes,
            dropped => Admitted::After(dropped),
        }
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
