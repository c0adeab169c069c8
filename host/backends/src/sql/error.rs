//! What goes wrong inside of the store. Outside it is an opaque [`StoreError`].

use crate::secrets::SealError;
use opssight_core::error::StoreError;
use std::sync::Arc;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("run a statement")]
    Sql(#[from] sqlx::Error),
    #[error("read a stored {what}")]
    Stored {
        what: &'static str,
        #[source]
        source: serde_json::Error,
    },
    #[error("understand the stored word `{0}`")]
    Word(String),
    #[error("write JSON")]
    Json(#[source] serde_json::Error),
    #[error("open the credentials")]
    Seal(#[from] SealError),
    #[error("keep an item of a kind that this store has no place for")]
    UnknownKind,
    #[error("commit; whether it happened is not known")]
    NotCommitted(#[source] Arc<sqlx::Error>),
    #[error("write: the batch that it was part of was given up")]
    BatchLost,
    #[error("queue the write: too many are waiting")]
    Overloaded,
    #[error("queue the write: the store is closed")]
    Closed,
    #[error("write: the command panicked")]
    Panicked,
}

impl Error {
    pub(crate) fn stored(what: &'static str) -> impl FnOnce(serde_json::Error) -> Error {
        move |source| Error::Stored { what, source }
    }
}

/// Make an error opaque, with what was being done.
pub(crate) trait Doing<T> {
    fn doing(self, doing: &'static str) -> Result<T, StoreError>;
}

impl<T, E: Into<Error>> Doing<T> for Result<T, E> {
    fn doing(self, doing: &'static str) -> Result<T, StoreError> {
        self.map_err(|error| StoreError::new(doing, error.into()))
    }
}
