//! `PluginHost::replay`: a recorded call, made again.

use crate::lanes::Lane;
use crate::registry::PluginHost;
use opssight_core::plugins::digest_of;
use opssight_core::plugins::evidence::{CallRecord, Difference, NotReplayable, Scope, compare};
use opssight_core::plugins::installs::{PackageRefusal, PluginRuntime};
use std::sync::Arc;

/// What to make the call on.
#[derive(Debug, Clone, Copy)]
pub enum Subject<'a> {
    /// A version that is loaded.
    Digest(&'a str),
    /// This package, whoever vouches for it.
    Package(&'a [u8]),
}

/// A call that was made again.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Replayed {
    /// As it went now.
    pub record: CallRecord,
    /// Where that is not as it went then; empty when both are the same, byte for byte.
    pub differences: Vec<Difference>,
}

impl Replayed {
    /// The differences in words.
    pub fn in_words(&self) -> Vec<String> {
        self.differences.iter().map(ToString::to_string).collect()
    }
}

/// Why a call is not made again. Fits after "failed to".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// The record is not whole.
    #[error(transparent)]
    NotWhole(#[from] NotReplayable),
    /// This host makes no such calls.
    #[error("replay the call: this version knows no calls of the kind \"{0}\"")]
    Kind(String),
    /// The record's input is not one of its kind.
    #[error("replay the call: read its input: {0}")]
    Input(#[source] serde_json::Error),
    /// There is no such version here.
    #[error("replay the call: the version {0} is not loaded")]
    NotLoaded(String),
    /// The package cannot be used.
    #[error("replay the call: load the package: {}", .0.message)]
    Package(PackageRefusal),
    /// The host is shutting down, or failed.
    #[error("replay the call: the host is shutting down or failed; its log says more")]
    Closing,
}

impl PluginHost {
    /// Make a recorded call again, offline: everything that it learns comes from the record. Nothing that it does has
    /// an effect, and it is neither counted nor logged.
    pub async fn replay(&self, record: &CallRecord, on: Subject<'_>) -> Result<Replayed, ReplayError> {
        record.replayable()?;
        let (digest, loaded_for_this) = match on {
            Subject::Digest(digest) => (digest.to_owned(), false),
            Subject::Package(package) => {
                let digest = digest_of(package);
                let is_new = !self.shelf.has(&digest);
                self.load(&digest, package.into()).await.map_err(ReplayError::Package)?;
                (digest, is_new)
            }
        };
        let plugin = self.shelf.version(&digest).ok_or_else(|| ReplayError::NotLoaded(digest.clone()))?;
        if loaded_for_this {
            self.shelf.unload(&digest);
        }
        let slot = self.slots.take(&record.plugin, Lane::Heavy).await;
        let then = Arc::new(record.clone());
        let task = {
            let (stage, then) = (Arc::clone(&self.stage), Arc::clone(&then));
            async move {
                let _slot = slot;
                stage.play(plugin, then).await
            }
        };
        let task = self.threads.spawn(Lane::Heavy, task).ok_or(ReplayError::Closing)?;
        let now = task.await.map_err(|panic| {
            tracing::error!(%panic, "a replay ended in a panic of the host");
            ReplayError::Closing
        })??;
        Ok(Replayed { differences: compare(&then, &now, Scope::Everything), record: now })
    }
}
