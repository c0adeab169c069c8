//! What this host should run and does not: another host installed it, or its package could not be had at start.

use super::desk::Installs;
use super::error::InstallError;
use super::model::Install;
use crate::id::PluginId;
use crate::time::Timestamp;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// When a package that could not be had is looked for again, seconds.
const AGAIN_SECS: i64 = 30;

/// What was tried and failed.
#[derive(Clone, Default)]
pub struct Behind(Arc<Mutex<BTreeMap<PluginId, Failed>>>);

struct Failed {
    /// Of the install.
    revision: i64,
    /// When it is worth another try; none: not before somebody changed the install.
    again: Option<Timestamp>,
}

impl Behind {
    fn may_try(&self, install: &Install, now: Timestamp) -> bool {
        match self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&install.plugin) {
            Some(failed) if failed.revision == install.revision => failed.again.is_some_and(|at| at <= now),
            _ => true,
        }
    }

    /// It failed. What is wrong with the package itself stays so until somebody changes the install.
    pub(super) fn note(&self, install: &Install, error: &InstallError, now: Timestamp) {
        let may_come = matches!(error, InstallError::Packages(_) | InstallError::PackageGone { .. });
        let again = may_come.then(|| now.plus_secs(AGAIN_SECS));
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.insert(install.plugin.clone(), Failed { revision: install.revision, again });
    }
}

impl Installs {
    /// Run the active version, as the store has it, if this host does not. The plugin's turn is held.
    pub(super) async fn catch_up(&self, install: &Install) -> Result<(), InstallError> {
        let Some(active) = install.active() else { return Ok(()) };
        if self.runtime.figures(&active.digest).is_some() {
            // Another host may have gone to and fro between versions that are loaded here.
            self.tell(install);
            return Ok(());
        }
        if !self.behind.may_try(install, self.clock.now()) {
            return Ok(());
        }
        let loaded = self.run_as_stored(install).await;
        if let Err(error) = &loaded {
            self.behind.note(install, error, self.clock.now());
            self.note_not_loaded(&install.plugin, error).await?;
        }
        loaded
    }
}
