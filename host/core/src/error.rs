//! The small neutral set of error kinds, and the opaque storage error of every port.

/// What an error means to whoever asked. `api` has the one table from here to HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The input is wrong; the text says where.
    Invalid,
    /// No or bad credentials.
    Unauthenticated,
    /// Known, but not allowed.
    Forbidden,
    /// There is no such thing.
    NotFound,
    /// It clashes with what is there.
    Conflict,
    /// Too much or too often.
    TooMany,
    /// Not now; later may work.
    Unavailable,
    /// Somebody else's system failed.
    Upstream,
    /// We failed.
    Internal,
}

/// A storage failure, opaque on purpose: rules cannot do anything about its inside.
#[derive(Debug, thiserror::Error)]
#[error("{doing}")]
pub struct StoreError {
    /// A fragment that fits after "failed to".
    pub doing: &'static str,
    /// The driver's own error.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

impl StoreError {
    /// Wrap a driver's error with what was being done.
    pub fn new(doing: &'static str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { doing, source: source.into() }
    }
}
