//! The port.

use super::{Label, MOST_STEPS, MetricsError, Sample, Series};
use crate::time::Timestamp;
use async_trait::async_trait;

/// One moment of an expression.
#[derive(Debug, Clone, PartialEq)]
pub struct InstantQuery {
    /// PromQL; Flux where the store speaks that.
    pub query: String,
    /// When.
    pub at: Timestamp,
}

/// An expression at every step from `start` to `end`, both of them included.
#[derive(Debug, Clone, PartialEq)]
pub struct RangeQuery {
    /// PromQL; Flux where the store speaks that.
    pub query: String,
    /// First step.
    pub start: Timestamp,
    /// No step after this.
    pub end: Timestamp,
    /// Microseconds from step to step.
    pub step: i64,
}

impl RangeQuery {
    /// How many steps there are; why there cannot be any, or that there are too many.
    pub fn steps(&self) -> Result<i64, MetricsError> {
        if self.step < 1_000_000 {
            return Err(MetricsError::TooLarge("a step is at least one second".to_owned()));
        }
        if self.end < self.start {
            return Err(MetricsError::TooLarge("the end is before the start".to_owned()));
        }
        let steps = self.end.since(self.start) / self.step + 1;
        if steps > MOST_STEPS {
            return Err(MetricsError::TooLarge(format!(
                "{steps} steps are more than {MOST_STEPS}: ask for a longer step or a shorter range"
            )));
        }
        Ok(steps)
    }
}

/// A stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// From here.
    pub start: Timestamp,
    /// To here.
    pub end: Timestamp,
}

/// Which series there are.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesQuery {
    /// An instant selector: `name{label="value"}`.
    pub selector: String,
    /// With points in this stretch; adapters may answer with more.
    pub window: Window,
    /// At most so many.
    pub limit: usize,
}

/// Which names of labels there are, or which values of one.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelsQuery {
    /// The values of this label, `__name__` for the metrics; all names of labels without it.
    pub values_of: Option<String>,
    /// Only of series that this finds.
    pub selector: Option<String>,
    /// With points in this stretch; adapters may answer with more.
    pub window: Window,
    /// At most so many.
    pub limit: usize,
}

/// A line of an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The metric, unless the expression made another one of it.
    pub metric: Option<String>,
    /// By name.
    pub labels: Vec<Label>,
    /// By time. Here a number may be infinite or none: one may be divided by nought.
    pub points: Vec<(Timestamp, f64)>,
}

/// What an expression came to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answer {
    /// By metric and labels.
    pub rows: Vec<Row>,
    /// What whoever asked should know of it, in sentences: that a part is not exact, say.
    pub notes: Vec<String>,
}

impl From<Vec<Row>> for Answer {
    fn from(rows: Vec<Row>) -> Self {
        Self { rows, notes: Vec::new() }
    }
}

impl std::ops::Deref for Answer {
    type Target = [Row];

    fn deref(&self) -> &[Row] {
        &self.rows
    }
}

/// The port: where series are kept. What a store promises stands in the [module](super).
#[async_trait]
pub trait SeriesStore: Send + Sync {
    /// Keep all of these points, or none that is missed: returns once they are durable.
    async fn write(&self, samples: Vec<Sample>) -> Result<(), MetricsError>;
    /// One moment.
    async fn query(&self, query: &InstantQuery) -> Result<Answer, MetricsError>;
    /// A range, in steps.
    async fn query_range(&self, query: &RangeQuery) -> Result<Answer, MetricsError>;
    /// Series, sorted.
    async fn series(&self, query: &SeriesQuery) -> Result<Vec<Series>, MetricsError>;
    /// Names or values, sorted.
    async fn labels(&self, query: &LabelsQuery) -> Result<Vec<String>, MetricsError>;
    /// Finish what was begun; what is asked afterwards fails.
    async fn close(&self);
}
