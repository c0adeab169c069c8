//! One change of an installed plugin, made durable, and what follows from it.

use super::desk::{Installs, kept};
use super::error::InstallError;
use super::model::{Install, PluginEvent, Revoked, Version, VersionState, Withdrawn};
use super::ports::{PublisherPin, Saved};
use crate::error::StoreError;
use crate::events::Topic;
use crate::id::PluginId;

/// What a change does beside the install itself.
#[derive(Debug, Default)]
pub(super) struct Change {
    /// A publisher's key that is known from now on.
    pub(super) pin: Option<PublisherPin>,
    /// The version that runs from now on.
    pub(super) activated: Option<String>,
    /// Versions that no connection may run any more.
    pub(super) unpin: Vec<String>,
}

/// A step to another version, for the record.
pub(super) struct Step<'a> {
    pub(super) what: &'a str,
    pub(super) actor: &'a str,
    pub(super) why: &'a str,
    /// What becomes of the version that ran until now; none keeps it for the way back.
    pub(super) leave: Option<Withdrawn>,
}

impl Installs {
    pub(super) async fn make_active(
        &self,
        mut install: Install,
        digest: &str,
        step: Step<'_>,
    ) -> Result<Install, InstallError> {
        let version = kept(&install, digest)?.clone();
        let plugin = install.plugin.clone();
        if version.state == VersionState::Active {
            return Err(InstallError::NotNow(format!("make {digest} of {plugin} run: it is the active version")));
        }
        self.forget_loaded(&plugin, digest).await?;
        self.ready(&version).await?;
        let before = install.active().map(|version| version.digest.clone());
        install.activate(digest, self.clock.now());
        if let (Some(before), Some(withdrawn)) = (before, step.leave) {
            install.set(&before, VersionState::Withdrawn(withdrawn));
        }
        let detail = format!("version {} runs: {}", version.manifest.version, step.why);
        let event = self.event(&plugin, Some(digest), step.what, step.actor, detail);
        self.commit(install, event, Change { activated: Some(digest.to_owned()), ..Change::default() }).await
    }

    /// A version that is about to run is loaded afresh, so that neither what it did in an earlier life nor that it was
    /// stopped then is held against it. What a connection runs stays as it is.
    pub(super) async fn forget_loaded(&self, plugin: &PluginId, digest: &str) -> Result<(), StoreError> {
        if !self.store.pinned_digests(plugin).await?.iter().any(|pinned| pinned == digest) {
            self.runtime.unload(digest);
        }
        Ok(())
    }

    /// Loaded and not revoked.
    pub(super) async fn ready(&self, version: &Version) -> Result<(), InstallError> {
        let plugin = PluginId(version.manifest.id.clone());
        if let Some(revoked) = self.revocation(&plugin, version).await? {
            return Err(InstallError::Revoked(revoked.reason));
        }
        self.load(version).await
    }

    /// Loaded, from the bytes that were installed.
    pub(super) async fn load(&self, version: &Version) -> Result<(), InstallError> {
        let (plugin, number) = (&version.manifest.id, &version.manifest.version);
        let package = self.packages.get(&version.digest).await?.ok_or_else(|| {
            let (plugin, digest) = (PluginId(plugin.clone()), version.digest.clone());
            InstallError::PackageGone { plugin, version: number.clone(), digest }
        })?;
        if self.runtime.signature(&package)? != version.signature {
            let why = "its signature is not the one it was installed with";
            return Err(InstallError::NotNow(format!("load {plugin} {number}: {why}")));
        }
        self.applied.loads(&PluginId(plugin.clone()), [version.digest.clone()]);
        Ok(self.runtime.load(&version.digest, package.into()).await?)
    }

    pub(super) async fn revocation(&self, plugin: &PluginId, version: &Version) -> Result<Option<Revoked>, StoreError> {
        let revocations = self.store.revocations().await?;
        Ok(revocations.into_iter().find(|revoked| revoked.target.covers(plugin, version)))
    }

    /// The transaction, and what follows from it; how the install stands afterwards.
    pub(super) async fn commit(
        &self,
        mut install: Install,
        event: impl Into<Option<PluginEvent>>,
        change: Change,
    ) -> Result<Install, InstallError> {
        let plugin = install.plugin.clone();
        let pinned = match &change.activated {
            Some(digest) => vec![digest.clone()],
            None => self.store.pinned_digests(&plugin).await?,
        };
        install.previous = install.fallback();
        let dropped = install.prune(&pinned);
        install.revision += 1;
        if change.activated.is_some() {
            // Ready before the first connection may ask for it.
            self.tell(&install);
        }
        let Change { pin, activated, unpin } = change;
        let event = event.into();
        let saved = Saved { install: install.clone(), event, pin, repin: activated.clone(), unpin };
        match self.store.save(saved).await {
            Ok(true) => {}
            Ok(false) => {
                self.tell_as_stored(&plugin).await?;
                return Err(InstallError::Stale);
            }
            Err(error) => {
                self.tell_as_stored(&plugin).await?;
                return Err(error.into());
            }
        }
        self.applied.note_own(&install);
        self.runtime.shadow(&plugin, install.shadow.as_ref().map(|shadow| shadow.digest.as_str()));
        let followed = match &activated {
            Some(digest) => self.follow_and_enforce(&install, digest).await,
            None => Ok(()),
        };
        // Last, because whatever goes wrong with an old package must not keep connections from the version that runs.
        self.let_go(&install, &pinned, &dropped).await;
        followed.map(|()| install)
    }

    /// The runtime's calls go to the active version, if the plugin is switched on.
    pub(super) fn tell(&self, install: &Install) {
        if let Some(active) = install.active() {
            self.runtime.activate(&install.plugin, Some(&active.digest));
            self.runtime.enable(&install.plugin, install.enabled && self.enabled);
        }
    }

    /// A change was not kept: back to what is.
    async fn tell_as_stored(&self, plugin: &PluginId) -> Result<(), StoreError> {
        self.applied.doubt(plugin);
        let is_loaded = |digest: &str| self.runtime.figures(digest).is_some();
        match self.store.install(plugin).await? {
            Some(stored) if stored.active().is_some_and(|active| is_loaded(&active.digest)) => self.tell(&stored),
            // Another process chose it, and the next look loads it. Until then, what ran here runs.
            Some(_) => {
                let before = self.applied.active(plugin).filter(|digest| is_loaded(digest));
                self.runtime.activate(plugin, before.as_deref());
            }
            None => self.stop_all(plugin),
        }
        Ok(())
    }

    /// What nothing refers to is neither loaded nor kept.
    async fn let_go(&self, install: &Install, pinned: &[String], dropped: &[String]) {
        self.unload_idle(install, pinned);
        for digest in dropped {
            self.runtime.unload(digest);
            self.remove_package(&install.plugin, digest).await;
        }
    }

    /// Versions that are kept and that nothing runs take up no memory.
    pub(super) fn unload_idle(&self, install: &Install, pinned: &[String]) {
        for version in &install.versions {
            let runs = matches!(version.state, VersionState::Active | VersionState::Shadow);
            let next = install.previous.as_ref() == Some(&version.digest) || pinned.contains(&version.digest);
            if !runs && !next {
                self.runtime.unload(&version.digest);
            }
        }
    }

    /// A package that cannot be removed takes up room and does nothing: it is noted, and the next start tries again.
    pub(super) async fn remove_package(&self, plugin: &PluginId, digest: &str) {
        let Err(error) = self.remove_unless_kept(digest).await else { return };
        let detail = format!("its package could not be removed, the next start tries again: {error}");
        // A store that takes no note either has said so to whoever asked it for something.
        let _noted = self.store.note(self.event(plugin, Some(digest), "not-removed", "host", detail)).await;
    }

    /// Another process may keep the same package at this moment. Whoever removes one looks afterwards whether it is
    /// wanted after all, and whoever keeps one puts it there again afterwards: one of the two comes last.
    pub(super) async fn remove_unless_kept(&self, digest: &str) -> Result<(), InstallError> {
        let Some(package) = self.packages.get(digest).await.ok().flatten() else {
            return Ok(self.packages.remove(digest).await?);
        };
        self.packages.remove(digest).await?;
        let installs = self.store.installs().await?;
        if installs.iter().any(|install| install.version(digest).is_some()) {
            self.packages.put(digest, &package).await?;
        }
        Ok(())
    }

    async fn follow_and_enforce(&self, install: &Install, digest: &str) -> Result<(), InstallError> {
        self.follow(install).await?;
        self.enforce(&install.plugin, digest).await
    }

    /// Connections follow the version that runs now.
    async fn follow(&self, install: &Install) -> Result<(), StoreError> {
        let feeds = install.active().map(|version| version.manifest.feeds.as_slice()).unwrap_or_default();
        let feeds: Vec<String> = feeds.iter().map(|feed| feed.name.clone()).collect();
        for connection in self.store.connections_of(&install.plugin).await? {
            self.feeds.declare_feeds(&connection, &feeds, self.clock.now()).await?;
            self.plugins.forget(&connection);
        }
        self.bus.wake(Topic::Feeds);
        self.bus.wake(Topic::Inbox);
        Ok(())
    }

    /// A revocation that came between the judgement and the change wins.
    pub(super) async fn enforce(&self, plugin: &PluginId, digest: &str) -> Result<(), InstallError> {
        let install = self.find(plugin).await?;
        let Some(version) = install.version(digest) else { return Ok(()) };
        let Some(revoked) = self.revocation(plugin, version).await? else { return Ok(()) };
        Box::pin(self.take_back(plugin, &revoked)).await?;
        Err(InstallError::Revoked(revoked.reason))
    }

    /// Note what happened, unless the plugin's last line says just that: what goes on for long is one line and not one
    /// for each look.
    pub(super) async fn note_once(&self, event: PluginEvent) -> Result<(), StoreError> {
        let last = self.store.events(Some(&event.plugin), None, 1).await?;
        if last.first().is_some_and(|last| last.what == event.what && last.detail == event.detail) {
            return Ok(());
        }
        self.store.note(event).await
    }

    pub(super) fn event(
        &self,
        plugin: &PluginId,
        digest: Option<&str>,
        what: &str,
        actor: &str,
        detail: String,
    ) -> PluginEvent {
        PluginEvent {
            seq: 0,
            at: self.clock.now(),
            plugin: plugin.clone(),
            digest: digest.map(str::to_owned),
            what: what.to_owned(),
            actor: actor.to_owned(),
            detail: crate::fact::clean(&detail),
        }
    }
}
