//! Functions over a window that a record answers.

use super::Rollup;

/// A function of PromQL over a range, whose value a [`Rollup`] of the range has in it. All others (quantiles, deviations,
/// the last two points) need the points themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    /// `avg_over_time`
    Avg,
    /// `sum_over_time`
    Sum,
    /// `min_over_time`
    Min,
    /// `max_over_time`
    Max,
    /// `count_over_time`
    Count,
    /// `last_over_time`
    Last,
    /// `present_over_time`
    Present,
    /// `rate`
    Rate,
    /// `increase`
    Increase,
    /// `delta`
    Delta,
}

impl Function {
    /// All of them, as PromQL spells them.
    pub const ALL: [(&str, Self); 10] = [
        ("avg_over_time", Self::Avg),
        ("sum_over_time", Self::Sum),
        ("min_over_time", Self::Min),
        ("max_over_time", Self::Max),
        ("count_over_time", Self::Count),
        ("last_over_time", Self::Last),
        ("present_over_time", Self::Present),
        ("rate", Self::Rate),
        ("increase", Self::Increase),
        ("delta", Self::Delta),
    ];

    /// The function of this name, if a record answers it.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(known, _)| name.eq_ignore_ascii_case(known)).map(|(_, function)| function)
    }

    /// Its value over the window after `from`, up to `to` and with it, in microseconds, of which this is the record. None
    /// where PromQL gives none.
    pub fn value(self, window: &Rollup, from: i64, to: i64) -> Option<f64> {
        Some(match self {
            Self::Avg => window.sum / real(window.count),
            Self::Sum => window.sum,
            Self::Min => window.min,
            Self::Max => window.max,
            Self::Count => real(window.count),
            Self::Last => window.last.value,
            Self::Present => 1.0,
            Self::Rate => extrapolated(window, from, to, true)? / (micros(to - from) / 1e6),
            Self::Increase => extrapolated(window, from, to, true)?,
            Self::Delta => extrapolated(window, from, to, false)?,
        })
    }
}

/// How much it grew, drawn on to the ends of the window as Prometheus does it: as far as the points' own distance allows,
/// and a counter not below nought.
fn extrapolated(window: &Rollup, from: i64, to: i64, is_counter: bool) -> Option<f64> {
    let sampled = micros(window.last.at.since(window.first.at));
    if window.count < 2 || sampled <= 0.0 || to <= from {
        return None;
    }
    let grown = window.last.value - window.first.value + if is_counter { window.dropped } else { 0.0 };
    let between = sampled / real(window.count - 1);
    let mut before = micros(window.first.at.0 - from);
    let after = micros(to - window.last.at.0);
    if is_counter && grown > 0.0 && window.first.value >= 0.0 {
        before = before.min(sampled * (window.first.value / grown));
    }
    let reach = |distance: f64| if distance < between * 1.1 { distance } else { between / 2.0 };
    Some(grown * ((sampled + reach(before) + reach(after)) / sampled))
}

#[expect(clippy::cast_precision_loss, reason = "PromQL counts in floating point")]
fn real(count: u64) -> f64 {
    count as f64
}

#[expect(clippy::cast_precision_loss, reason = "PromQL measures time in floating point")]
fn micros(length: i64) -> f64 {
    length as f64
}

#[cfg(test)]
mod tests;
