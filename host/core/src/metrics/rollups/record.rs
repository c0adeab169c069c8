//! One record.

use crate::metrics::Point;

/// What is kept of points of a series that follow one another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rollup {
    /// How many they are, at least one.
    pub count: u64,
    /// All of them together.
    pub sum: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
    /// The earliest.
    pub first: Point,
    /// The latest.
    pub last: Point,
    /// What a counter had counted whenever it began anew: the last value before each fall, added up.
    pub dropped: f64,
}

impl Rollup {
    /// Of one point.
    pub fn of(point: Point) -> Self {
        let Point { value, .. } = point;
        Self { count: 1, sum: value, min: value, max: value, first: point, last: point, dropped: 0.0 }
    }

    /// With what comes after it.
    pub fn append(&mut self, later: &Self) {
        self.dropped += later.dropped;
        if later.first.value < self.last.value {
            self.dropped += self.last.value;
        }
        self.count += later.count;
        self.sum += later.sum;
        self.min = self.min.min(later.min);
        self.max = self.max.max(later.max);
        self.last = later.last;
    }

    /// Of all of these, which follow one another; none of none.
    pub fn all(parts: impl IntoIterator<Item = Self>) -> Option<Self> {
        parts.into_iter().reduce(|mut all, part| {
            all.append(&part);
            all
        })
    }
}
