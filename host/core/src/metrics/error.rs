//! Why metrics cannot be written or read.

use crate::error::Kind;

/// What went wrong; the texts are for people, and none of them holds a credential.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum MetricsError {
    /// A number or a time.
    #[error("keep a point of {series}: {problem}")]
    Point {
        /// Of which series.
        series: String,
        /// What is wrong with it.
        problem: String,
    },
    /// One series more than there may be.
    #[error(
        "start the series {series}: there are {limit} series of {whose} already; those that exist go on. Give it fewer \
         labels, or raise `{setting}`"
    )]
    Cardinality {
        /// Which.
        series: String,
        /// "this metric" or "this host".
        whose: String,
        /// How many there may be.
        limit: usize,
        /// What raises it.
        setting: &'static str,
    },
    /// More points wait to be written than may.
    #[error(
        "keep {points} more points: overloaded, {waiting} points wait to be written. Write again later, or raise \
         `metrics.queue_points`"
    )]
    Overloaded {
        /// How many were to be kept.
        points: usize,
        /// How many wait.
        waiting: usize,
    },
    /// The query is wrong.
    #[error("understand the query: {problem}")]
    Query {
        /// What is wrong with it.
        problem: String,
        /// From which byte on, where that is known.
        at: Option<usize>,
    },
    /// What is asked for is too much.
    #[error("answer the query: {0}")]
    TooLarge(String),
    /// The store refused for good: the same again would be refused again.
    #[error("keep the points: {place} refused them: {said}")]
    Refused {
        /// Which store, without credentials.
        place: String,
        /// What it said.
        said: String,
    },
    /// The store is not there now.
    #[error("{doing}: {place} cannot be used now: {problem}")]
    Unavailable {
        /// "keep the points", "answer the query".
        doing: &'static str,
        /// Which store, without credentials.
        place: String,
        /// What happened.
        problem: String,
    },
}

impl MetricsError {
    /// What it means to whoever asked.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Point { .. } | Self::Query { .. } | Self::TooLarge(_) => Kind::Invalid,
            Self::Cardinality { .. } => Kind::TooMany,
            Self::Overloaded { .. } | Self::Unavailable { .. } => Kind::Unavailable,
            Self::Refused { .. } => Kind::Upstream,
        }
    }

    /// Whether the same write may end well later.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Overloaded { .. } | Self::Unavailable { .. })
    }
}
