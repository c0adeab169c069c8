//! At start: from what is kept to what runs.

use super::desk::Installs;
use super::error::InstallError;
use super::model::{Install, Revoked, Version, VersionState};
use crate::error::StoreError;
use crate::id::PluginId;
use std::collections::BTreeSet;

/// Longer than any installation takes, and than clocks differ.
const LEFT_ALONE_SECS: i64 = 86_400;

impl Installs {
    /// Load what was installed, each version after its signature and digest were checked again. What cannot be loaded
    /// is told and does not keep the others out.
    pub async fn restore(&self) -> Result<Vec<(PluginId, InstallError)>, StoreError> {
        let mut failed = Vec::new();
        let revocations = self.store.revocations().await?;
        for install in self.store.installs().await? {
            let plugin = install.plugin;
            if let Err(error) = self.restore_one(&plugin, &revocations).await {
                if let Some(install) = self.store.install(&plugin).await? {
                    self.applied.put_off(&install, &error, self.clock.now());
                }
                self.note_not_loaded(&plugin, &error).await?;
                failed.push((plugin, error));
            }
        }
        Ok(failed)
    }

    async fn restore_one(&self, plugin: &PluginId, revocations: &[Revoked]) -> Result<(), InstallError> {
        let _turn = self.urgent_turn(plugin).await;
        // A crash may have come between a revocation, or its end, and the mark on the install.
        for revoked in revocations {
            self.take_back(plugin, revoked).await?;
        }
        self.free(plugin, revocations).await?;
        let install = self.find(plugin).await?;
        if let Some(active) = install.active() {
            self.store.adopt(plugin, &active.digest).await?;
        }
        self.run_as_stored(&install).await
    }

    /// A plugin of which nothing may run goes on taking deliveries, which wait for what comes next, as before the stop.
    pub(super) async fn restore_stopped(&self, install: &Install) -> Result<(), InstallError> {
        let ran = install.versions.iter().filter(|version| version.activated_at.is_some());
        let Some(last) = ran.max_by_key(|version| version.activated_at) else { return Ok(()) };
        self.load(last).await?;
        // Out of service before anything can call it.
        self.runtime.kill(&last.digest, stopped_because(last));
        self.runtime.activate(&install.plugin, Some(&last.digest));
        self.runtime.enable(&install.plugin, install.enabled && self.enabled);
        self.runtime.unload(&last.digest);
        Ok(())
    }

    pub(super) async fn note_not_loaded(&self, plugin: &PluginId, error: &InstallError) -> Result<(), StoreError> {
        self.note_once(self.event(plugin, None, "not-loaded", "host", error.to_string())).await
    }

    /// Remove packages that no install refers to, as a crash may leave them; how many. Another host may be about to
    /// install one, and keeps it before it says so: what is young is left alone.
    pub async fn sweep(&self) -> Result<usize, InstallError> {
        let left = self.packages.kept_before(self.clock.now().plus_secs(-LEFT_ALONE_SECS)).await?;
        // Read after the packages: what was installed in between is known.
        let installs = self.store.installs().await?;
        let versions = installs.iter().flat_map(|install| &install.versions);
        let known: BTreeSet<&str> = versions.map(|version| version.digest.as_str()).collect();
        let mut removed = 0;
        for digest in left.iter().filter(|digest| !known.contains(digest.as_str())) {
            self.remove_unless_kept(digest).await?;
            removed += 1;
        }
        Ok(removed)
    }
}

fn stopped_because(version: &Version) -> &str {
    match &version.state {
        VersionState::Withdrawn(withdrawn) => &withdrawn.reason,
        _ => "no version of it was chosen to run",
    }
}
