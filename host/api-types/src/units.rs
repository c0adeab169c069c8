//! From the core's microseconds to the wire's times and milliseconds.

use chrono::{DateTime, Utc};
use opssight_core::time::Timestamp;

/// A time. Those that the calendar cannot express never get into the store; they show as its ends.
pub(crate) fn utc(at: Timestamp) -> DateTime<Utc> {
    at.to_utc().unwrap_or(if at.0 < 0 { DateTime::<Utc>::MIN_UTC } else { DateTime::<Utc>::MAX_UTC })
}

/// A duration, rounded down.
pub(crate) fn ms(micros: i64) -> i64 {
    micros.div_euclid(1000)
}

/// A share of a whole, 0 to 1; none of nothing.
pub(crate) fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}
