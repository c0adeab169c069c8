//! Roll-ups: what is kept of many points of a series in one record, and when a question may be answered from it.
//!
//! A store that keeps raw points for a while keeps one record for every minute, hour and day for longer. A record tells
//! enough for [`Function`]s to come to the number that the raw points would give. **The rule**, for every part of the time
//! that a question is about ([`plan`]):
//!
//! 1. The coarsest class that answers *exactly*: it is still kept there, all of it is made, and no window of the question
//!    begins or ends inside of one of its buckets.
//! 2. Else the raw points, while they are kept.
//! 3. Else the finest class that is still kept. A bucket then counts wholly where its last point lies, and the answer says
//!    so in a note.
//!
//! A bucket holds what lies after its begin, up to its end and with it, as a window of PromQL does; so windows that begin
//! and end at whole minutes, hours or days (UTC) are made of whole buckets.

mod function;
mod plan;
mod record;

pub use function::Function;
pub use plan::{Edges, Held, Kept, Plan, Stretch, plan};
pub use record::Rollup;

/// How coarse. In this order: finest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// One record a minute.
    Minute,
    /// One record an hour.
    Hour,
    /// One record a day.
    Day,
}

impl Class {
    /// Finest first.
    pub const ALL: [Self; 3] = [Self::Minute, Self::Hour, Self::Day];

    /// Microseconds of a bucket.
    pub fn width(self) -> i64 {
        const MINUTE: i64 = 60_000_000;
        match self {
            Self::Minute => MINUTE,
            Self::Hour => 60 * MINUTE,
            Self::Day => 24 * 60 * MINUTE,
        }
    }

    /// As settings and metrics spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Minute => "1m",
            Self::Hour => "1h",
            Self::Day => "1d",
        }
    }

    /// The number of the bucket that holds a time.
    pub fn bucket(self, at: i64) -> i64 {
        at.saturating_sub(1).div_euclid(self.width())
    }
}
