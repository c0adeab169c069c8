//! Limits of points and of answers.

use super::{MetricsError, Sample};
use crate::time::Timestamp;

/// How far in the future a point may lie: clocks differ, and nothing is known of tomorrow. Seconds.
pub const AHEAD: i64 = 3_600;

/// Most steps of a range query, as Prometheus has it.
pub const MOST_STEPS: i64 = 11_000;

/// Most series of an answer.
pub const MOST_SERIES: usize = 2_000;

/// Most points of an answer.
pub const MOST_POINTS: usize = 500_000;

/// What may be set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Series of one metric.
    pub series_per_metric: usize,
    /// Series of this host.
    pub series: usize,
    /// Points that may wait to be written.
    pub queue_points: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { series_per_metric: 10_000, series: 200_000, queue_points: 100_000 }
    }
}

impl Sample {
    /// Whether the point may be kept: a finite number, not before `oldest`, and not from a future that nobody knows.
    pub fn admit(&self, oldest: Timestamp, now: Timestamp) -> Result<(), MetricsError> {
        let refuse = |problem: String| Err(MetricsError::Point { series: self.series.to_string(), problem });
        let Self { point, .. } = self;
        if !point.value.is_finite() {
            return refuse(format!("{} is not a finite number", point.value));
        }
        if point.at < oldest.max(Timestamp(0)) {
            return refuse("its time is older than anything that is kept; `metrics.raw_days` says how long".to_owned());
        }
        if point.at > now.plus_secs(AHEAD) {
            return refuse(format!("its time is more than {} minutes in the future", AHEAD / 60));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Point, Series};
    use super::*;

    #[test]
    fn a_point_is_a_finite_number_of_a_time_that_is_kept() {
        let now = Timestamp(1_000_000_000_000_000);
        let check = |value: f64, at: i64, refused: Option<&str>| {
            let series = Series::new("m", [("a", "b")]).unwrap();
            let sample = Sample { series, point: Point { at: Timestamp(at), value } };
            match (sample.admit(now.plus_secs(-60), now), refused) {
                (Ok(()), None) => {}
                (Err(error), Some(says)) => assert!(error.to_string().contains(says), "{error}"),
                (got, wanted) => panic!("{value} at {at}: {got:?} and not {wanted:?}"),
            }
        };
        check(0.0, now.0, None);
        check(-1e308, now.plus_secs(-60).0, None);
        check(1.0, now.plus_secs(AHEAD).0, None);
        check(f64::NAN, now.0, Some("NaN is not a finite number"));
        check(f64::INFINITY, now.0, Some("inf is not a finite number"));
        check(f64::from_bits(0x7ff0_0000_0000_0002), now.0, Some("not a finite number"));
        check(1.0, now.plus_secs(-61).0, Some("metrics.raw_days"));
        check(1.0, now.plus_secs(AHEAD + 1).0, Some("60 minutes in the future"));
    }
}
