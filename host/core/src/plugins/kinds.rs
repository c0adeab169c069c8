//! The kinds of plugin that the house does not yet build a whole feature on: each has a port of one function and the
//! types that go in and out of it.
//!
//! A plugin is not believed. Whatever a rule relies on is a type here that cannot be made of anything else: columns
//! of one length, scores from 0 to 1, times of this century, one receipt per notification.

mod costs;
mod detector;
mod inventory;
mod notifier;

pub use costs::{CostColumns, CostPage, CostRequest, CostSource, Granularity};
pub use detector::{Detector, Finding, FindingParts, Score, Series};
pub use inventory::{Inventory, InventoryPage};
pub use notifier::{Notification, Notified, Notifier, NotifyFailure, Receipt, Severity};

use crate::items::is_plausible;
use crate::time::Timestamp;

/// The kinds of call as manifests, metrics and people name them: each is an interface that a plugin may export.
pub const KINDS: [&str; 8] = ["webhook", "source", "actions", "health", "notifier", "costs", "inventory", "detector"];

/// What a plugin gave and cannot have meant. Names the field and, in a list, the index.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{at} {problem}")]
pub struct Malformed {
    /// Where: "finding 3: score".
    pub at: String,
    /// What is wrong: "is NaN".
    pub problem: String,
}

impl Malformed {
    /// A problem at a place.
    pub fn new(at: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { at: at.into(), problem: problem.into() }
    }
}

/// Larger numbers are refused: their squares, which every statistic makes, would no longer be finite.
pub const LARGEST: f64 = 1e150;

/// A number that can be calculated and stored with. None for NaN, infinities, what is so large that its square
/// overflows, and what is so small that it is no normal number any more (every operation with those is a hundred
/// times slower).
pub fn number(value: f64) -> Option<f64> {
    (value == 0.0 || (value.is_normal() && value.abs() <= LARGEST)).then_some(value)
}

/// A time in the contract's milliseconds, if it can be meant.
pub fn time(millis: i64) -> Option<Timestamp> {
    is_plausible(millis).then(|| Timestamp::from_millis(millis))
}

fn checked_time(at: impl FnOnce() -> String, millis: i64) -> Result<Timestamp, Malformed> {
    time(millis).ok_or_else(|| Malformed::new(at(), format!("is {millis}, which lies outside of 2000 to 2100")))
}
