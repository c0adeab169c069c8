//! Time as this house keeps it: microseconds since the Unix epoch, UTC, from a clock that is handed in.

use serde::{Deserialize, Serialize};

/// Microseconds since the Unix epoch, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// From the milliseconds that items and the plugin contract use.
    pub fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1000))
    }

    /// To milliseconds, rounded down.
    pub fn millis(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// Moved by some microseconds; stops at the ends of the scale.
    #[must_use]
    pub fn plus_micros(self, micros: i64) -> Self {
        Self(self.0.saturating_add(micros))
    }

    /// Moved by some seconds; stops at the ends of the scale.
    #[must_use]
    pub fn plus_secs(self, secs: i64) -> Self {
        self.plus_micros(secs.saturating_mul(1_000_000))
    }

    /// Microseconds from `earlier` to here, negative when `earlier` is later.
    pub fn since(self, earlier: Timestamp) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// As a calendar date and time, if the calendar reaches that far.
    pub fn to_utc(self) -> Option<chrono::DateTime<chrono::Utc>> {
        chrono::DateTime::from_timestamp_micros(self.0)
    }
}

impl From<chrono::DateTime<chrono::Utc>> for Timestamp {
    fn from(at: chrono::DateTime<chrono::Utc>) -> Self {
        Self(at.timestamp_micros())
    }
}

/// Where the time comes from. The system's in production, a hand-set one in tests.
pub trait Clock: Send + Sync {
    /// The present wall-clock time.
    fn now(&self) -> Timestamp;
}

/// Where new ids and secrets come from.
pub trait Randomness: Send + Sync {
    /// Fill the buffer with bytes that nobody can guess.
    fn fill(&self, bytes: &mut [u8]);
}
