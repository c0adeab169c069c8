//! The later steps of a plugin's life, each asked for by a person or by a rule.

use super::commit::{Change, Step};
use super::desk::{Installs, kept};
use super::error::InstallError;
use super::model::{Data, Install, Version, VersionState, Withdrawn};
use super::ports::PublisherPin;
use super::shadow::{Shadow, ShadowRule};
use crate::events::Topic;
use crate::id::PluginId;
use crate::plugins::trust::PublisherKey;
use crate::time::Timestamp;

impl Installs {
    /// Agree to the version that waits.
    pub async fn approve(&self, plugin: &PluginId, digest: &str, actor: &str) -> Result<Install, InstallError> {
        let _turn = self.turn(plugin).await?;
        let install = self.find(plugin).await?;
        waiting(&install, digest, "approve")?;
        let step = Step { what: "approved", actor, why: "what it wants was agreed to", leave: None };
        self.make_active(install, digest, step).await
    }

    /// Refuse the version that waits; the active one goes on.
    pub async fn reject(&self, plugin: &PluginId, digest: &str, actor: &str) -> Result<Install, InstallError> {
        let _turn = self.turn(plugin).await?;
        let mut install = self.find(plugin).await?;
        waiting(&install, digest, "reject")?;
        let reason = format!("refused by {actor}");
        install.set(digest, VersionState::Withdrawn(Withdrawn { reason: reason.clone(), revoked: false }));
        let event = self.event(plugin, Some(digest), "rejected", actor, reason);
        self.commit(install, event, Change::default()).await
    }

    /// Go back to the version that ran before, or to another one that ran here. What was left does not come back by
    /// itself, and the deliveries that it failed by its own fault are processed again.
    pub async fn rollback(
        &self,
        plugin: &PluginId,
        digest: Option<&str>,
        actor: &str,
        why: &str,
    ) -> Result<Install, InstallError> {
        let _turn = self.turn(plugin).await?;
        self.roll_back(self.find(plugin).await?, digest, actor, why).await
    }

    pub(super) async fn roll_back(
        &self,
        install: Install,
        digest: Option<&str>,
        actor: &str,
        why: &str,
    ) -> Result<Install, InstallError> {
        let plugin = &install.plugin.clone();
        let Some(digest) = digest.map(str::to_owned).or_else(|| install.fallback()) else {
            let kept = "no other version that ran here is kept";
            return Err(InstallError::NotNow(format!("roll {plugin} back: {kept}")));
        };
        if kept(&install, &digest)?.activated_at.is_none() {
            return Err(InstallError::NotNow(format!(
                "roll {plugin} back to {digest}: it never ran here, install it as an update"
            )));
        }
        let since = install.active().and_then(|version| version.activated_at);
        let leave = Withdrawn { reason: crate::fact::clean(&format!("rolled back: {why}")), revoked: false };
        let step = Step { what: "rolled-back", actor, why, leave: Some(leave) };
        let install = self.make_active(install, &digest, step).await?;
        if let Some(since) = since {
            self.replay_faults(plugin, since).await?;
        }
        Ok(install)
    }

    async fn replay_faults(&self, plugin: &PluginId, since: Timestamp) -> Result<(), InstallError> {
        let mut replayed = 0;
        for connection in self.store.connections_of(plugin).await? {
            replayed += self.inbox.replay_faults(&connection, since, self.clock.now()).await?;
        }
        if replayed > 0 {
            let detail = format!("{replayed} deliveries that the version before failed are processed again");
            self.store.note(self.event(plugin, None, "replayed", "host", detail)).await?;
        }
        Ok(())
    }

    /// Switch all calls of a plugin on or off. Deliveries are taken all the same, and wait.
    pub async fn enable(&self, plugin: &PluginId, enabled: bool, actor: &str) -> Result<Install, InstallError> {
        let _turn = self.turn(plugin).await?;
        let mut install = self.find(plugin).await?;
        if install.enabled == enabled {
            return Ok(install);
        }
        install.enabled = enabled;
        let (what, detail) = if enabled {
            ("enabled", "calls are made again")
        } else {
            ("disabled", "no calls are made; deliveries are taken and wait")
        };
        let event = self.event(plugin, None, what, actor, detail.to_owned());
        let install = self.commit(install, event, Change::default()).await?;
        self.runtime.enable(plugin, enabled && self.enabled);
        self.bus.wake(Topic::Inbox);
        self.bus.wake(Topic::Feeds);
        Ok(install)
    }

    /// Compare a kept version with the active one before anything depends on it.
    pub async fn shadow(
        &self,
        plugin: &PluginId,
        digest: &str,
        rule: ShadowRule,
        actor: &str,
    ) -> Result<Install, InstallError> {
        let _turn = self.turn(plugin).await?;
        let mut install = self.find(plugin).await?;
        let version = kept(&install, digest)?.clone();
        let refuse = |why: &str| Err(InstallError::NotNow(format!("compare {digest} of {plugin}: {why}")));
        if version.state == VersionState::Active {
            return refuse("it is the active version");
        }
        if install.active().is_none() {
            return refuse("no version runs that it could be compared with");
        }
        self.ready(&version).await?;
        install.begin_shadow(Shadow::new(digest.to_owned(), rule, false, self.clock.now()));
        let detail = format!("compared with the active version for {} calls", rule.calls);
        let event = self.event(plugin, Some(digest), "shadow", actor, detail);
        let install = self.commit(install, event, Change::default()).await?;
        self.enforce(plugin, digest).await?;
        Ok(install)
    }

    /// Make the shadow the active version now. If it wants more, that is agreed to with it, which is why it is named.
    pub async fn promote(&self, plugin: &PluginId, digest: &str, actor: &str) -> Result<Install, InstallError> {
        let _turn = self.turn(plugin).await?;
        let install = self.find(plugin).await?;
        shadow_of(&install, digest)?;
        self.end_by_promoting(install, digest, actor).await
    }

    /// Let go of the shadow.
    pub async fn drop_shadow(
        &self,
        plugin: &PluginId,
        digest: &str,
        actor: &str,
        why: &str,
    ) -> Result<Install, InstallError> {
        let _turn = self.turn(plugin).await?;
        let install = self.find(plugin).await?;
        shadow_of(&install, digest)?;
        self.end_by_dropping(install, digest, actor, why).await
    }

    pub(super) async fn end_by_promoting(
        &self,
        install: Install,
        digest: &str,
        actor: &str,
    ) -> Result<Install, InstallError> {
        let shadow = shadow_of(&install, digest)?;
        let why = format!("{} calls compared, {} different", shadow.compared, shadow.different);
        let step = Step { what: "promoted", actor, why: &why, leave: None };
        self.make_active(install, digest, step).await
    }

    pub(super) async fn end_by_dropping(
        &self,
        mut install: Install,
        digest: &str,
        actor: &str,
        why: &str,
    ) -> Result<Install, InstallError> {
        let reason = crate::fact::clean(&format!("dropped from the shadow: {why}"));
        install.end_shadow();
        install.set(digest, VersionState::Withdrawn(Withdrawn { reason, revoked: false }));
        let event = self.event(&install.plugin, Some(digest), "dropped", actor, why.to_owned());
        self.commit(install, event, Change::default()).await
    }

    /// Uninstall a plugin.
    pub async fn uninstall(&self, plugin: &PluginId, data: Data, actor: &str) -> Result<(), InstallError> {
        let _turn = self.turn(plugin).await?;
        let install = self.find(plugin).await?;
        let connections = self.store.connections_of(plugin).await?;
        let detail = match data {
            Data::Keep => format!("{} connections are kept", connections.len()),
            Data::Remove => format!("{} connections were removed", connections.len()),
        };
        let event = self.event(plugin, None, "uninstalled", actor, detail);
        if !self.store.forget(plugin, data == Data::Remove, event).await? {
            return Err(InstallError::NotInstalled(plugin.clone()));
        }
        self.stop_all(plugin);
        connections.iter().for_each(|connection| self.plugins.forget(connection));
        // Nothing of it runs any more, whatever becomes of its files.
        for version in &install.versions {
            self.remove_package(plugin, &version.digest).await;
        }
        Ok(())
    }

    /// Trust another key for a publisher from now on; none forgets it, so that the next installation pins one.
    pub async fn trust(&self, publisher: &str, key: Option<PublisherKey>, actor: &str) -> Result<(), InstallError> {
        if self.policy.publishers.contains_key(publisher) {
            let file = "the configuration decides about it (plugins.trust.publishers)";
            return Err(InstallError::NotNow(format!("change the key of {publisher}: {file}")));
        }
        let at = self.clock.now();
        let detail = match &key {
            Some(key) => format!("packages by {publisher} must be signed with {key}"),
            None => format!("the key of {publisher} is forgotten"),
        };
        let event = self.event(&PluginId(format!("publisher:{publisher}")), None, "trusted", actor, detail);
        let pin = key.map(|key| PublisherPin { publisher: publisher.to_owned(), key, at });
        Ok(self.store.repin(publisher, pin, event).await?)
    }
}

fn waiting<'a>(install: &'a Install, digest: &str, doing: &str) -> Result<&'a Version, InstallError> {
    let version = kept(install, digest)?;
    if version.state == VersionState::Waiting {
        return Ok(version);
    }
    Err(InstallError::NotNow(format!("{doing} {digest} of {}: it does not wait for approval", install.plugin)))
}

fn shadow_of<'a>(install: &'a Install, digest: &str) -> Result<&'a Shadow, InstallError> {
    let refuse = |why: &str| InstallError::NotNow(format!("end the shadow of {}: {why}", install.plugin));
    let shadow = install.shadow.as_ref().ok_or_else(|| refuse("there is none"))?;
    if shadow.digest == digest { Ok(shadow) } else { Err(refuse(&format!("it is {} and not {digest}", shadow.digest))) }
}
