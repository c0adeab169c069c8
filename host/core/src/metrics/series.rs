//! What a series is called.

use crate::time::Timestamp;

/// Most labels of a series.
pub const MAX_LABELS: usize = 30;
const MAX_NAME: usize = 200;
const MAX_LABEL_NAME: usize = 128;
const MAX_LABEL_VALUE: usize = 1024;

/// A label: its name and its value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label {
    /// `[a-zA-Z][a-zA-Z0-9_]*`.
    pub name: String,
    /// Any text without control characters, never empty.
    pub value: String,
}

/// A metric and its labels, sorted by name. One that exists keeps the rules.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Series {
    metric: String,
    labels: Vec<Label>,
}

/// A value of a series at a time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// When.
    pub at: Timestamp,
    /// How much, in the unit that the metric's name says.
    pub value: f64,
}

/// A point of a series.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Of what.
    pub series: Series,
    /// When and how much.
    pub point: Point,
}

/// Why a name or label is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SeriesProblem {
    /// The metric's name.
    #[error(
        "metric `{0}`: a name is 1 to {MAX_NAME} of `a-z A-Z 0-9 _`, begins with a letter, and ends in its unit, \
         like `cicd_pipeline_run_duration_seconds`"
    )]
    Metric(String),
    /// A label's name.
    #[error(
        "label `{label}` of {metric}: a name is 1 to {MAX_LABEL_NAME} of `a-z A-Z 0-9 _`, begins with a letter, and is \
         not `time`"
    )]
    LabelName {
        /// Of which metric.
        metric: String,
        /// Which.
        label: String,
    },
    /// A label's value.
    #[error("label `{label}` of {metric}: a value has at most {MAX_LABEL_VALUE} bytes and no control characters")]
    LabelValue {
        /// Of which metric.
        metric: String,
        /// Which.
        label: String,
    },
    /// A label twice.
    #[error("label `{label}` of {metric} is there twice")]
    Twice {
        /// Of which metric.
        metric: String,
        /// Which.
        label: String,
    },
    /// Too many of them.
    #[error("{metric} has {count} labels: at most {MAX_LABELS} are kept")]
    TooMany {
        /// Of which metric.
        metric: String,
        /// How many.
        count: usize,
    },
}

impl Series {
    /// A series, if its name and labels keep the rules. A label without a value is none, as in Prometheus.
    pub fn new<N, V>(metric: impl Into<String>, labels: impl IntoIterator<Item = (N, V)>) -> Result<Self, SeriesProblem>
    where
        N: Into<String>,
        V: Into<String>,
    {
        let metric = metric.into();
        if !is_name(&metric, MAX_NAME) {
            return Err(SeriesProblem::Metric(shown(&metric)));
        }
        let labels = labels.into_iter().map(|(name, value)| Label { name: name.into(), value: value.into() });
        let mut labels: Vec<Label> = labels.filter(|label| !label.value.is_empty()).collect();
        if labels.len() > MAX_LABELS {
            return Err(SeriesProblem::TooMany { metric, count: labels.len() });
        }
        for Label { name, value } in &labels {
            if !is_name(name, MAX_LABEL_NAME) || name == "time" {
                return Err(SeriesProblem::LabelName { metric, label: shown(name) });
            }
            if value.len() > MAX_LABEL_VALUE || value.chars().any(char::is_control) {
                return Err(SeriesProblem::LabelValue { metric, label: name.clone() });
            }
        }
        labels.sort_unstable();
        let twice = labels.iter().zip(labels.iter().skip(1)).find(|(one, other)| one.name == other.name);
        if let Some((label, _)) = twice {
            return Err(SeriesProblem::Twice { metric, label: label.name.clone() });
        }
        Ok(Self { metric, labels })
    }

    /// The metric's name.
    pub fn metric(&self) -> &str {
        &self.metric
    }

    /// By name.
    pub fn labels(&self) -> &[Label] {
        &self.labels
    }
}

impl std::fmt::Display for Series {
    /// As PromQL spells it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.metric)?;
        if self.labels.is_empty() {
            return Ok(());
        }
        let labels: Vec<String> = self.labels.iter().map(|label| format!("{}={:?}", label.name, label.value)).collect();
        write!(f, "{{{}}}", labels.join(","))
    }
}

/// Without a colon, which Prometheus keeps for rules, and without a leading underscore, which it and InfluxDB keep for
/// themselves.
fn is_name(name: &str, longest: usize) -> bool {
    name.len() <= longest
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// A wrong name as an error may show it: short, and nothing invisible in it.
fn shown(name: &str) -> String {
    crate::fact::clean(name).chars().take(80).collect()
}

#[cfg(test)]
mod tests;
