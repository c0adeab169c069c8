//! What other processes on the same store changed. A plugin is installed, updated or revoked in one of them and runs in
//! all: each looks at the revisions that are stored, and does by itself what it has not done yet.

use super::desk::Installs;
use super::error::InstallError;
use super::model::{Install, Version, VersionState};
use crate::error::StoreError;
use crate::events::Topic;
use crate::id::PluginId;
use crate::time::Timestamp;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What could not be done is tried again after this long, seconds.
const AGAIN_SECS: i64 = 30;

/// What this process did already, by plugin.
#[derive(Clone, Default)]
pub struct Applied(Arc<Mutex<BTreeMap<PluginId, Done>>>);

#[derive(Default)]
struct Done {
    /// The revision that was done; none before the first time.
    stood: Option<i64>,
    active: Option<String>,
    digests: Vec<String>,
    /// A change was begun here and not kept: what runs may be neither how it stood nor how it is.
    is_doubtful: bool,
    /// The revision that could not be done.
    failed: Option<Failed>,
}

#[derive(Clone, Copy)]
struct Failed {
    revision: i64,
    /// When it is worth another try; none: not before somebody changes the install.
    again: Option<Timestamp>,
}

impl Applied {
    /// What is stored is what runs here.
    fn note(&self, install: &Install) {
        let active = install.active().map(|version| version.digest.clone());
        let stood = Some(install.revision);
        let done = Done { stood, active, digests: digests(install).collect(), ..Done::default() };
        self.lock().insert(install.plugin.clone(), done);
    }

    /// This process made the change. If it stands on one of another process that was not done here yet, there is still
    /// something to do.
    pub(super) fn note_own(&self, install: &Install) {
        let stood = self.lock().get(&install.plugin).filter(|done| !done.is_doubtful).and_then(|done| done.stood);
        // What was loaded in an earlier life of the plugin is still to be let go of one day.
        let known = self.digests(&install.plugin);
        if stood == Some(install.revision - 1) || (stood.is_none() && install.is_new()) {
            self.note(install);
        }
        self.loads(&install.plugin, digests(install).chain(known));
    }

    /// These are loaded, whatever comes of it: an uninstalled plugin leaves none of them.
    pub(super) fn loads(&self, plugin: &PluginId, digests: impl IntoIterator<Item = String>) {
        let mut known = self.lock();
        let done = known.entry(plugin.clone()).or_default();
        for digest in digests {
            if !done.digests.contains(&digest) {
                done.digests.push(digest);
            }
        }
    }

    /// A change of this process was not kept.
    pub(super) fn doubt(&self, plugin: &PluginId) {
        self.lock().entry(plugin.clone()).or_default().is_doubtful = true;
    }

    /// It could not be done. What is wrong with the package itself stays so; one that is not here may come.
    pub(super) fn put_off(&self, install: &Install, error: &InstallError, now: Timestamp) {
        let may_come = matches!(
            error,
            InstallError::Packages(_) | InstallError::PackageGone { .. } | InstallError::Store(_) | InstallError::Stale
        );
        let failed = Failed { revision: install.revision, again: may_come.then(|| now.plus_secs(AGAIN_SECS)) };
        self.lock().entry(install.plugin.clone()).or_default().failed = Some(failed);
    }

    pub(super) fn forget(&self, plugin: &PluginId) {
        self.lock().remove(plugin);
    }

    /// Whether there is something to do about it now.
    fn is_behind(&self, install: &Install, now: Timestamp) -> bool {
        let known = self.lock();
        let Some(done) = known.get(&install.plugin) else { return true };
        let failed = done.failed.filter(|failed| failed.revision == install.revision);
        let is_put_off = failed.is_some_and(|failed| failed.again.is_none_or(|again| now < again));
        (done.is_doubtful || done.stood != Some(install.revision)) && !is_put_off
    }

    /// Whether another version ran here, or none after one did.
    fn ran_other(&self, plugin: &PluginId, digest: &str) -> bool {
        let known = self.lock();
        let done = known.get(plugin).filter(|done| done.stood.is_some());
        done.is_some_and(|done| done.active.as_deref() != Some(digest))
    }

    /// The version that ran here when something was done the last time.
    pub(super) fn active(&self, plugin: &PluginId) -> Option<String> {
        self.lock().get(plugin).and_then(|done| done.active.clone())
    }

    /// Digests of the plugin that this process knew.
    fn digests(&self, plugin: &PluginId) -> Vec<String> {
        self.lock().get(plugin).map(|done| done.digests.clone()).unwrap_or_default()
    }

    fn plugins(&self) -> Vec<PluginId> {
        self.lock().keys().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<PluginId, Done>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Installs {
    /// Do what others did, to all plugins that they changed: what could not be done is told, and tried again later.
    pub(super) async fn catch_up(&self, stored: &[Install]) -> Result<Vec<(PluginId, InstallError)>, StoreError> {
        for plugin in self.applied.plugins() {
            if !stored.iter().any(|install| install.plugin == plugin) {
                self.let_all_go(&plugin).await?;
            }
        }
        let mut failed = Vec::new();
        for install in stored {
            let plugin = &install.plugin;
            if !self.applied.is_behind(install, self.clock.now()) {
                continue;
            }
            // Who has the turn is changing it here, and the next look sees what came of it.
            let Some(_turn) = self.free_turn(plugin) else { continue };
            let Some(install) = self.store.install(plugin).await? else { continue };
            if let Err(error) = self.run_as_stored(&install).await {
                self.applied.put_off(&install, &error, self.clock.now());
                self.note_not_loaded(plugin, &error).await?;
                failed.push((plugin.clone(), error));
            }
        }
        Ok(failed)
    }

    /// It was uninstalled by another process.
    async fn let_all_go(&self, plugin: &PluginId) -> Result<(), StoreError> {
        let Some(_turn) = self.free_turn(plugin) else { return Ok(()) };
        if self.store.install(plugin).await?.is_some() {
            return Ok(());
        }
        self.stop_all(plugin);
        for connection in self.store.connections_of(plugin).await? {
            self.plugins.forget(&connection);
        }
        Ok(())
    }

    /// Nothing of an uninstalled plugin runs any more.
    pub(super) fn stop_all(&self, plugin: &PluginId) {
        self.runtime.shadow(plugin, None);
        self.runtime.activate(plugin, None);
        for digest in self.applied.digests(plugin) {
            self.runtime.kill(&digest, "it was uninstalled");
            self.runtime.unload(&digest);
        }
        self.applied.forget(plugin);
    }

    /// From what is stored to what runs here.
    pub(super) async fn run_as_stored(&self, install: &Install) -> Result<(), InstallError> {
        let plugin = &install.plugin;
        for (digest, reason) in install.versions.iter().filter_map(revoked) {
            self.runtime.kill(digest, reason);
        }
        let Some(active) = install.active() else {
            self.runtime.shadow(plugin, None);
            self.restore_stopped(install).await?;
            self.applied.note(install);
            return Ok(());
        };
        let is_new = self.applied.ran_other(plugin, &active.digest);
        if is_new {
            // Loaded afresh, as where it was activated: nothing of an earlier life is held against it.
            self.runtime.unload(&active.digest);
        }
        self.ready(active).await?;
        self.tell(install);
        self.ready_beside(install, active).await?;
        if is_new {
            self.changed_here(install).await?;
        }
        let pinned = self.store.pinned_digests(plugin).await?;
        let is_gone = |digest: &String| install.version(digest).is_none();
        self.unload_idle(install, &pinned);
        self.applied.digests(plugin).iter().filter(|digest| is_gone(digest)).for_each(|digest| {
            self.runtime.unload(digest);
        });
        self.applied.note(install);
        Ok(())
    }

    /// The versions that run beside the active one: those of connections that are pinned to one, and the shadow.
    async fn ready_beside(&self, install: &Install, active: &Version) -> Result<(), StoreError> {
        let plugin = &install.plugin;
        let pinned = self.store.pinned_digests(plugin).await?;
        let mut shadow = None;
        for version in install.versions.iter().filter(|version| version.digest != active.digest) {
            let is_shadow = version.state == VersionState::Shadow;
            if !is_shadow && !pinned.contains(&version.digest) {
                continue;
            }
            match self.ready(version).await {
                Ok(()) if is_shadow => shadow = Some(version.digest.as_str()),
                Ok(()) => {}
                // The active version runs, which is what counts.
                Err(error) => self.note_not_loaded(plugin, &error).await?,
            }
        }
        self.runtime.shadow(plugin, shadow);
        Ok(())
    }

    /// What was cached for connections is of the version before, and what waited for this one need not wait any more.
    async fn changed_here(&self, install: &Install) -> Result<(), StoreError> {
        for connection in self.store.connections_of(&install.plugin).await? {
            self.plugins.forget(&connection);
        }
        self.bus.wake(Topic::Feeds);
        self.bus.wake(Topic::Inbox);
        Ok(())
    }
}

fn digests(install: &Install) -> impl Iterator<Item = String> {
    install.versions.iter().map(|version| version.digest.clone())
}

fn revoked(version: &Version) -> Option<(&str, &str)> {
    match &version.state {
        VersionState::Withdrawn(withdrawn) if withdrawn.revoked => Some((&version.digest, &withdrawn.reason)),
        _ => None,
    }
}
