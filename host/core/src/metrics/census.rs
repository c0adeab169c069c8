//! Which series there are, so that their number stays bounded: a label whose value never comes twice would fill any
//! store. A series that was admitted goes on for ever; one too many is refused, and its refusal names the setting.

use super::{Limits, MetricsError, Series};
use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

/// The series of this host, by metric, each as a hash: two that share one count as one, once in many million.
#[derive(Debug, Default)]
pub struct Census {
    metrics: HashMap<String, HashSet<u64>>,
    total: usize,
}

impl Census {
    /// Whether the series of a metric were counted: those that the store holds from before.
    pub fn knows(&self, metric: &str) -> bool {
        self.metrics.contains_key(metric)
    }

    /// Count what the store holds of a metric, whatever the limits are now.
    pub fn recall(&mut self, metric: &str, held: &[Series]) {
        let known = self.metrics.entry(metric.to_owned()).or_default();
        for series in held {
            if known.insert(hash(series)) {
                self.total += 1;
            }
        }
    }

    /// Let these in: all of them, or none and why.
    pub fn admit<'s>(
        &mut self,
        all: impl IntoIterator<Item = &'s Series>,
        limits: &Limits,
    ) -> Result<(), MetricsError> {
        let mut new: Vec<(&Series, u64)> = Vec::new();
        let mut refused = None;
        for series in all {
            let known = self.metrics.entry(series.metric().to_owned()).or_default();
            let hash = hash(series);
            if known.contains(&hash) {
                continue;
            }
            let refuse = |whose: String, limit, setting| {
                Some(MetricsError::Cardinality { series: series.to_string(), whose, limit, setting })
            };
            if known.len() >= limits.series_per_metric {
                refused = refuse(
                    format!("the metric {}", series.metric()),
                    limits.series_per_metric,
                    "metrics.series_per_metric",
                );
            } else if self.total >= limits.series {
                refused = refuse("this host".to_owned(), limits.series, "metrics.series");
            }
            if refused.is_some() {
                break;
            }
            known.insert(hash);
            self.total += 1;
            new.push((series, hash));
        }
        let Some(refused) = refused else { return Ok(()) };
        for (series, hash) in new {
            if let Some(known) = self.metrics.get_mut(series.metric()) {
                known.remove(&hash);
                self.total -= 1;
            }
        }
        Err(refused)
    }
}

fn hash(series: &Series) -> u64 {
    let mut hasher = DefaultHasher::new();
    series.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(metric: &str, label: &str) -> Series {
        Series::new(metric, [("l", label)]).unwrap()
    }

    #[test]
    fn a_series_too_many_is_refused_and_those_that_exist_go_on() {
        let limits = Limits { series_per_metric: 2, series: 3, ..Limits::default() };
        let mut census = Census::default();
        census.recall("a", &[series("a", "1")]);
        let a = |label| series("a", label);
        assert!(census.admit(&[a("1"), a("2"), a("2")], &limits).is_ok());
        let refused = census.admit(&[a("3")], &limits).unwrap_err().to_string();
        assert!(
            refused.contains("2 series of the metric a") && refused.contains("metrics.series_per_metric"),
            "{refused}"
        );
        assert!(census.admit(&[a("1"), a("2")], &limits).is_ok());
        // What is refused as a whole leaves no room taken.
        let refused = census.admit(&[series("b", "1"), series("b", "2")], &limits).unwrap_err().to_string();
        assert!(refused.contains("3 series of this host") && refused.contains("`metrics.series`"), "{refused}");
        assert!(census.admit(&[series("c", "1")], &limits).is_ok());
        assert!(census.admit(&[series("b", "1")], &limits).is_err());
    }

    #[test]
    fn what_the_store_holds_from_before_is_counted_whatever_the_limit() {
        let limits = Limits { series_per_metric: 1, ..Limits::default() };
        let mut census = Census::default();
        assert!(!census.knows("a"));
        census.recall("a", &[series("a", "1"), series("a", "2")]);
        assert!(census.knows("a"));
        assert!(census.admit(&[series("a", "1"), series("a", "2")], &limits).is_ok());
        assert!(census.admit(&[series("a", "3")], &limits).is_err());
    }
}
