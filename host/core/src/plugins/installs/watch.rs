//! Looking after what runs: a fresh version that fails is rolled back, a shadow is promoted or dropped by its rule.

use super::commit::Change;
use super::desk::Installs;
use super::error::InstallError;
use super::model::Install;
use super::ports::{Comparison, VersionFigures};
use super::revoke::TRIES;
use super::shadow::ShadowVerdict;
use crate::id::PluginId;
use crate::time::Timestamp;

/// When a fresh version is rolled back by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HealthRule {
    /// Only so long after it was activated, seconds: later, its failures are not news of the update.
    pub window_secs: i64,
    /// Not before so many calls failed by its own fault.
    pub faults: u64,
    /// And these are at least so many of a hundred calls.
    pub percent: u64,
}

impl Default for HealthRule {
    fn default() -> Self {
        Self { window_secs: 3_600, faults: 5, percent: 20 }
    }
}

impl HealthRule {
    /// Whether a version that was activated at `since` fails too often to stay.
    pub fn is_failing(&self, since: Timestamp, now: Timestamp, figures: VersionFigures) -> bool {
        now.since(since) <= self.window_secs.saturating_mul(1_000_000)
            && figures.faults >= self.faults
            && figures.faults.saturating_mul(100) >= figures.calls.saturating_mul(self.percent)
    }
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Watched {
    /// It failed and the version before runs again.
    RolledBack(PluginId),
    /// The shadow runs now.
    Promoted(PluginId),
    /// The shadow differed too much.
    Dropped(PluginId),
    /// The shadow did well, wants more than the active version, and waits for somebody to agree.
    Waits(PluginId),
    /// What should have been done failed; in words. It is tried again the next time.
    Failed(PluginId, String),
}

impl Installs {
    /// Look at everything once, and do what other processes did; call this every few seconds. Without a rule nothing is rolled back by itself. A plugin
    /// that is being changed is left to the next look: a change can take a compiler's time, which is not the others'.
    pub async fn watch(&self, rule: Option<HealthRule>) -> Result<Vec<Watched>, InstallError> {
        self.store_notices().await?;
        let installs = self.list().await?;
        let failed = self.catch_up(&installs).await?;
        let mut done: Vec<Watched> = failed.into_iter().map(|(plugin, error)| failure(plugin, &error)).collect();
        for install in installs {
            let plugin = install.plugin;
            match self.watch_one(&plugin, rule).await {
                Ok(watched) => done.extend(watched),
                // It was uninstalled, or changed past this desk: the next look sees how it is.
                Err(InstallError::Stale | InstallError::NotInstalled(_)) => {}
                Err(error) => done.push(failure(plugin, &error)),
            }
        }
        Ok(done)
    }

    async fn watch_one(&self, plugin: &PluginId, rule: Option<HealthRule>) -> Result<Option<Watched>, InstallError> {
        let Some(_turn) = self.free_turn(plugin) else { return Ok(None) };
        let install = self.find(plugin).await?;
        if let Some(rule) = rule
            && let Some(watched) = self.watch_health(&install, rule).await?
        {
            return Ok(Some(watched));
        }
        if install.shadow.is_some() { self.watch_shadow(install).await } else { Ok(None) }
    }

    async fn watch_health(&self, install: &Install, rule: HealthRule) -> Result<Option<Watched>, InstallError> {
        let (Some(active), Some(_)) = (install.active(), install.fallback()) else { return Ok(None) };
        let (Some(since), Some(figures)) = (active.activated_at, self.runtime.figures(&active.digest)) else {
            return Ok(None);
        };
        if !rule.is_failing(since, self.clock.now(), figures) {
            return Ok(None);
        }
        let why = format!("{} of {} calls of the new version failed by its own fault", figures.faults, figures.calls);
        self.roll_back(install.clone(), None, "host", &why).await?;
        Ok(Some(Watched::RolledBack(install.plugin.clone())))
    }

    async fn watch_shadow(&self, install: Install) -> Result<Option<Watched>, InstallError> {
        let plugin = install.plugin.clone();
        let comparisons = self.runtime.comparisons(&plugin);
        let mut install = self.count(install, &comparisons).await?;
        let Some(shadow) = &install.shadow else { return Ok(None) };
        let (verdict, digest, agreed) = (shadow.verdict(), shadow.digest.clone(), shadow.agreed);
        let why = format!("{} of {} compared calls differed", shadow.different, shadow.compared);
        match verdict {
            ShadowVerdict::Wait => Ok(None),
            ShadowVerdict::Drop => {
                self.end_by_dropping(install, &digest, "host", &why).await?;
                Ok(Some(Watched::Dropped(plugin)))
            }
            ShadowVerdict::Promote if !agreed && is_wider(&install, &digest) => {
                install.offer(&digest);
                let event = self.event(&plugin, Some(&digest), "waiting", "host", format!("{why}; it wants more"));
                self.commit(install, event, Change::default()).await?;
                Ok(Some(Watched::Waits(plugin)))
            }
            ShadowVerdict::Promote => {
                self.end_by_promoting(install, &digest, "host").await?;
                Ok(Some(Watched::Promoted(plugin)))
            }
        }
    }

    /// Add comparisons to what is known of the shadow. They are nowhere else, so they are added again when somebody
    /// changes the install at the same moment; if they began another shadow, the comparisons say nothing about it.
    async fn count(&self, mut install: Install, comparisons: &[Comparison]) -> Result<Install, InstallError> {
        let begun = |install: &Install| install.shadow.as_ref().map(|shadow| (shadow.digest.clone(), shadow.since));
        let (plugin, compared) = (install.plugin.clone(), begun(&install));
        for _ in 0..TRIES {
            let is_same = begun(&install) == compared;
            let Some(shadow) = install.shadow.as_mut().filter(|_| is_same && !comparisons.is_empty()) else {
                return Ok(install);
            };
            shadow.note(comparisons);
            match self.commit(install, None, Change::default()).await {
                Err(InstallError::Stale) => install = self.find(&plugin).await?,
                done => return done,
            }
        }
        Err(InstallError::Stale)
    }
}

fn failure(plugin: PluginId, error: &InstallError) -> Watched {
    Watched::Failed(plugin, error.to_string())
}

fn is_wider(install: &Install, digest: &str) -> bool {
    match (install.active(), install.version(digest)) {
        (Some(active), Some(version)) => active.wants().change(&version.wants()).is_wider(),
        _ => true,
    }
}
