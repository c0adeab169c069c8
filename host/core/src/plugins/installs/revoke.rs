//! The kill switch, and lifting it again.

use super::commit::Change;
use super::desk::Installs;
use super::error::InstallError;
use super::model::{RevocationTarget, Revoked, Version, VersionState, Withdrawn};
use crate::id::PluginId;

/// What must not be lost is written again when somebody else changes the install at the same moment, so often.
pub(super) const TRIES: u32 = 10;

impl Installs {
    /// Stop it now, and never use it again until the revocation is lifted. Calls under way are interrupted; how many.
    pub async fn revoke(&self, target: RevocationTarget, reason: &str, actor: &str) -> Result<u64, InstallError> {
        let revoked =
            Revoked { target, reason: crate::fact::clean(reason), at: self.clock.now(), actor: actor.to_owned() };
        let event = self.event(&revoked.target.subject(), None, "revoked", actor, revoked.reason.clone());
        // Durable before it is in force: a revocation that a crash forgets is none.
        self.store.revoke(&revoked, event).await?;
        let installs = self.store.installs().await?;
        let mut interrupted = 0;
        for install in &installs {
            for version in install.versions.iter().filter(|version| revoked.target.covers(&install.plugin, version)) {
                interrupted += self.runtime.kill(&version.digest, &revoked.reason);
            }
        }
        // One that cannot be marked now keeps none of the others from it; it is marked at the next start.
        let mut failed = None;
        for install in &installs {
            match self.take_back_in_turn(&install.plugin, &revoked).await {
                Ok(calls) => interrupted += calls,
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        failed.map_or(Ok(interrupted), Err)
    }

    /// End a revocation. What it stopped stays stopped until it is installed, rolled back to or approved.
    pub async fn pardon(&self, target: &RevocationTarget, actor: &str) -> Result<(), InstallError> {
        let event = self.event(&target.subject(), None, "pardoned", actor, "the revocation was lifted".to_owned());
        if !self.store.pardon(target, event).await? {
            return Err(InstallError::NotNow(format!("lift the revocation of {}: there is none", target.text())));
        }
        let still = self.store.revocations().await?;
        let mut failed = None;
        for install in self.store.installs().await? {
            if let Err(error) = self.free_in_turn(&install.plugin, &still).await {
                failed = failed.or(Some(error));
            }
        }
        failed.map_or(Ok(()), Err)
    }

    async fn take_back_in_turn(&self, plugin: &PluginId, revoked: &Revoked) -> Result<u64, InstallError> {
        let _turn = self.urgent_turn(plugin).await;
        self.take_back(plugin, revoked).await
    }

    async fn free_in_turn(&self, plugin: &PluginId, still: &[Revoked]) -> Result<(), InstallError> {
        let _turn = self.urgent_turn(plugin).await;
        self.free(plugin, still).await
    }

    /// Give back what no revocation covers any more.
    pub(super) async fn free(&self, plugin: &PluginId, still: &[Revoked]) -> Result<(), InstallError> {
        for _ in 0..TRIES {
            let Some(mut install) = self.store.install(plugin).await? else { return Ok(()) };
            let is_free = |version: &&Version| {
                matches!(&version.state, VersionState::Withdrawn(withdrawn) if withdrawn.revoked)
                    && !still.iter().any(|revoked| revoked.target.covers(plugin, version))
            };
            let free: Vec<String> = install.versions.iter().filter(is_free).map(|v| v.digest.clone()).collect();
            if free.is_empty() {
                return Ok(());
            }
            free.iter().for_each(|digest| install.set(digest, VersionState::Kept));
            let event = self.event(plugin, None, "freed", "host", "it may be used again".to_owned());
            match self.commit(install, event, Change::default()).await {
                Ok(_) => return Ok(()),
                Err(InstallError::Stale) => {}
                Err(error) => return Err(error),
            }
        }
        Err(InstallError::Stale)
    }

    /// Take what a revocation covers out of an install; how many calls were interrupted.
    pub(super) async fn take_back(&self, plugin: &PluginId, revoked: &Revoked) -> Result<u64, InstallError> {
        let mut interrupted = 0;
        for _ in 0..TRIES {
            let Some(mut install) = self.store.install(plugin).await? else { return Ok(interrupted) };
            let is_hit = |version: &&Version| {
                revoked.target.covers(plugin, version)
                    && !matches!(&version.state, VersionState::Withdrawn(withdrawn) if withdrawn.revoked)
            };
            let hit: Vec<String> = install.versions.iter().filter(is_hit).map(|v| v.digest.clone()).collect();
            if hit.is_empty() {
                return Ok(interrupted);
            }
            if install.shadow.as_ref().is_some_and(|shadow| hit.contains(&shadow.digest)) {
                install.end_shadow();
            }
            for digest in &hit {
                interrupted += self.runtime.kill(digest, &revoked.reason);
                let withdrawn = Withdrawn { reason: revoked.reason.clone(), revoked: true };
                install.set(digest, VersionState::Withdrawn(withdrawn));
            }
            if install.active().is_none() {
                install.end_shadow();
            }
            let detail = format!("{} versions stopped: {}", hit.len(), revoked.reason);
            let event = self.event(plugin, None, "stopped", &revoked.actor, detail);
            match self.commit(install, event, Change { unpin: hit, ..Change::default() }).await {
                Ok(_) => return Ok(interrupted),
                Err(InstallError::Stale) => {}
                Err(error) => return Err(error),
            }
        }
        Err(InstallError::Stale)
    }
}
