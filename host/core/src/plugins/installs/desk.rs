//! The desk where plugins are installed and changed. Each step is one transaction of the store; the runtime is told
//! before it when it must be ready for the new version, and after it when it may let go of the old one.

use super::error::InstallError;
use super::model::{
    Data, Inspection, Install, PluginEvent, RevocationTarget, Revoked, Source, Version, VersionState, Withdrawn,
};
use super::ports::{InstallStore, PackageContents, PackageStore, PluginRuntime, PublisherPin, Saved};
use super::shadow::{Shadow, ShadowRule};
use crate::error::StoreError;
use crate::events::{Bus, Topic};
use crate::feeds::FeedStore;
use crate::id::PluginId;
use crate::plugins::trust::{self, Distrust, PublisherKey, Signature, TrustPolicy, Trusted};
use crate::plugins::{Plugins, Wants};
use crate::time::Clock;
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// A package on its way in.
#[derive(Debug, Clone)]
pub struct InstallRequest {
    /// Its bytes.
    pub package: Arc<[u8]>,
    /// Where they came from.
    pub source: Source,
    /// The digest whose abilities a person agreed to.
    pub consent: Option<String>,
    /// The name may look like another one.
    pub allow_similar_name: bool,
    /// Compare it with the active version first, by this rule, instead of activating it.
    pub shadow: Option<ShadowRule>,
    /// Who asks.
    pub actor: String,
}

/// How an installation went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Approval {
    /// It runs.
    Active,
    /// It ran already.
    Unchanged,
    /// It wants more than the active version, which goes on running until somebody agrees.
    Waiting,
    /// It is compared with the active version.
    Shadow,
}

/// An installation that was not refused.
#[derive(Debug, Clone)]
pub struct Installed {
    /// What the package is.
    pub inspection: Inspection,
    /// How it went.
    pub approval: Approval,
}

/// The desk.
#[derive(Clone)]
pub struct Installs {
    /// What is installed.
    pub store: Arc<dyn InstallStore>,
    /// The packages themselves.
    pub packages: Arc<dyn PackageStore>,
    /// Who runs them.
    pub runtime: Arc<dyn PluginRuntime>,
    /// To forget what was cached for a connection.
    pub plugins: Arc<dyn Plugins>,
    /// What is pulled.
    pub feeds: Arc<dyn FeedStore>,
    /// Who is told.
    pub bus: Arc<dyn Bus>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Whom to believe.
    pub policy: TrustPolicy,
}

/// A package that was judged: what it is, and what an installation would begin with.
struct Judged {
    inspection: Inspection,
    install: Option<Install>,
    refused: Option<InstallError>,
}

impl Installs {
    /// Everything about a package that a person wants to know before they agree. Nothing is kept or compiled.
    pub async fn inspect(&self, package: &[u8]) -> Result<Inspection, InstallError> {
        let judged = self.judge(package, true).await?;
        Ok(Inspection { refused: judged.refused.map(|why| why.to_string()), ..judged.inspection })
    }

    /// Install a package, or update to it.
    pub async fn install(&self, request: InstallRequest) -> Result<Installed, InstallError> {
        let judged = self.judge(&request.package, request.allow_similar_name).await?;
        if let Some(refused) = judged.refused {
            return Err(refused);
        }
        let inspection = judged.inspection;
        if inspection.is_active {
            return Ok(Installed { inspection, approval: Approval::Unchanged });
        }
        if let Some(agreed) = request.consent.as_ref().filter(|agreed| **agreed != inspection.digest) {
            return Err(InstallError::OtherDigest { agreed: agreed.clone(), given: inspection.digest });
        }
        let agreed = request.consent.is_some();
        let wider = inspection.update.as_ref().is_none_or(|(_, change)| change.is_wider());
        if judged.install.is_none() && !agreed {
            return Err(InstallError::ConsentNeeded(Box::new(inspection)));
        }
        self.runtime.load(&inspection.digest, Arc::clone(&request.package)).await?;
        self.packages.put(&inspection.digest, &request.package).await?;
        let approval = match request.shadow {
            Some(_) if judged.install.as_ref().is_some_and(|install| install.active().is_some()) => Approval::Shadow,
            _ if wider && !agreed => Approval::Waiting,
            _ => Approval::Active,
        };
        self.keep(&inspection, judged.install, approval, &request).await?;
        Ok(Installed { inspection, approval })
    }

    async fn keep(
        &self,
        inspection: &Inspection,
        install: Option<Install>,
        approval: Approval,
        request: &InstallRequest,
    ) -> Result<(), InstallError> {
        let now = self.clock.now();
        let mut install = install.unwrap_or_else(|| Install::new(&inspection.manifest));
        install.versions.retain(|version| version.digest != inspection.digest);
        install.versions.insert(0, version_of(inspection, request.source.clone(), now));
        let number = &inspection.manifest.version;
        let (what, detail) = match approval {
            Approval::Active => {
                install.activate(&inspection.digest, now);
                let what = if install.previous.is_some() { "updated" } else { "installed" };
                (what, format!("version {number} runs"))
            }
            Approval::Waiting => {
                // Only the newest offer waits.
                for version in install.versions.iter_mut().filter(|version| version.state == VersionState::Waiting) {
                    version.state = VersionState::Kept;
                }
                install.set(&inspection.digest, VersionState::Waiting);
                let added = inspection.update.as_ref().map_or(0, |(_, change)| change.added.len());
                ("waiting", format!("version {number} wants {added} things that nobody agreed to yet"))
            }
            Approval::Shadow => {
                self.end_shadow(&mut install);
                install.set(&inspection.digest, VersionState::Shadow);
                let rule = request.shadow.unwrap_or_default();
                install.shadow = Some(Shadow::new(inspection.digest.clone(), rule, now));
                ("shadow", format!("version {number} is compared with the active one for {} calls", rule.calls))
            }
            Approval::Unchanged => return Ok(()),
        };
        let pin = inspection.pins.as_ref().map(|key| PublisherPin {
            publisher: inspection.manifest.publisher.clone(),
            key: key.clone(),
            at: now,
        });
        let active = (approval == Approval::Active).then(|| inspection.digest.clone());
        let event = self.event(&install.plugin, Some(&inspection.digest), what, &request.actor, detail);
        self.commit(install, event, pin, active).await
    }

    /// Agree to the version that waits.
    pub async fn approve(&self, plugin: &PluginId, digest: &str, actor: &str) -> Result<Install, InstallError> {
        let install = self.find(plugin).await?;
        let version = kept(&install, digest)?;
        if version.state != VersionState::Waiting {
            return Err(InstallError::NotNow(format!("approve {digest} of {plugin}: it does not wait for approval")));
        }
        self.make_active(install, digest, "approved", actor, "what it wants was agreed to").await
    }

    /// Refuse the version that waits; the active one goes on.
    pub async fn reject(&self, plugin: &PluginId, digest: &str, actor: &str) -> Result<Install, InstallError> {
        let mut install = self.find(plugin).await?;
        if kept(&install, digest)?.state != VersionState::Waiting {
            return Err(InstallError::NotNow(format!("reject {digest} of {plugin}: it does not wait for approval")));
        }
        let reason = format!("refused by {actor}");
        install.set(digest, VersionState::Withdrawn(Withdrawn { reason: reason.clone(), revoked: false }));
        let event = self.event(plugin, Some(digest), "rejected", actor, reason);
        self.commit(install.clone(), event, None, None).await?;
        Ok(install)
    }

    /// Go back to the version that ran before, or to another kept one.
    pub async fn rollback(
        &self,
        plugin: &PluginId,
        digest: Option<&str>,
        actor: &str,
        why: &str,
    ) -> Result<Install, InstallError> {
        let mut install = self.find(plugin).await?;
        let digest = digest.map(str::to_owned).or_else(|| install.previous.clone());
        let Some(digest) = digest else {
            return Err(InstallError::NotNow(format!("roll {plugin} back: nothing ran before this version")));
        };
        let version = kept(&install, &digest)?;
        if version.activated_at.is_none() {
            return Err(InstallError::NotNow(format!(
                "roll {plugin} back to {digest}: it never ran here, install it as an update"
            )));
        }
        let from = install.active().map(|version| version.digest.clone());
        install = self.make_active(install, &digest, "rolled-back", actor, why).await?;
        // What was left must not be taken up again by itself.
        if let Some(from) = from.filter(|from| *from != digest) {
            let withdrawn = Withdrawn { reason: format!("rolled back: {why}"), revoked: false };
            install.set(&from, VersionState::Withdrawn(withdrawn));
            let event = self.event(plugin, Some(&from), "withdrawn", actor, format!("it was rolled back: {why}"));
            self.commit(install.clone(), event, None, None).await?;
        }
        Ok(install)
    }

    /// Switch all calls of a plugin on or off. Deliveries are taken all the same, and wait.
    pub async fn enable(&self, plugin: &PluginId, enabled: bool, actor: &str) -> Result<Install, InstallError> {
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
        self.commit(install.clone(), event, None, None).await?;
        self.runtime.enable(plugin, enabled);
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
        let mut install = self.find(plugin).await?;
        let version = kept(&install, digest)?.clone();
        if version.state == VersionState::Active {
            return Err(InstallError::NotNow(format!("compare {digest} of {plugin}: it is the active version")));
        }
        self.ready(&version).await?;
        self.end_shadow(&mut install);
        install.set(digest, VersionState::Shadow);
        install.shadow = Some(Shadow::new(digest.to_owned(), rule, self.clock.now()));
        let detail = format!("compared with the active version for {} calls", rule.calls);
        let event = self.event(plugin, Some(digest), "shadow", actor, detail);
        self.commit(install.clone(), event, None, None).await?;
        Ok(install)
    }

    /// Make the shadow the active version now. If it wants more, that is agreed to with it.
    pub async fn promote(&self, plugin: &PluginId, actor: &str) -> Result<Install, InstallError> {
        let install = self.find(plugin).await?;
        let shadow = shadow_of(&install)?.clone();
        let why = format!("{} calls compared, {} different", shadow.compared, shadow.different);
        self.make_active(install, &shadow.digest, "promoted", actor, &why).await
    }

    /// Let go of the shadow.
    pub async fn drop_shadow(&self, plugin: &PluginId, actor: &str, why: &str) -> Result<Install, InstallError> {
        let mut install = self.find(plugin).await?;
        let shadow = shadow_of(&install)?.clone();
        let withdrawn = Withdrawn { reason: format!("dropped from the shadow: {why}"), revoked: false };
        install.set(&shadow.digest, VersionState::Withdrawn(withdrawn));
        install.shadow = None;
        let event = self.event(plugin, Some(&shadow.digest), "dropped", actor, why.to_owned());
        self.commit(install.clone(), event, None, None).await?;
        Ok(install)
    }

    /// The kill switch: stop it now, and never use it again until the revocation is lifted. Calls under way are
    /// interrupted; how many.
    pub async fn revoke(&self, target: RevocationTarget, reason: &str, actor: &str) -> Result<u64, InstallError> {
        let revoked =
            Revoked { target, reason: crate::fact::clean(reason), at: self.clock.now(), actor: actor.to_owned() };
        let about = match &revoked.target {
            RevocationTarget::Plugin(plugin) => plugin.clone(),
            other => PluginId(other.text()),
        };
        let event = self.event(&about, None, "revoked", actor, revoked.reason.clone());
        // Durable before it is in force: a revocation that a crash forgets is none.
        self.store.revoke(&revoked, event).await?;
        let mut interrupted = 0;
        for install in self.store.installs().await? {
            interrupted += self.take_back(install, &revoked).await?;
        }
        Ok(interrupted)
    }

    /// End a revocation. What it stopped stays stopped until it is installed or rolled back to.
    pub async fn pardon(&self, target: &RevocationTarget, actor: &str) -> Result<(), InstallError> {
        let about = PluginId(target.text());
        let event = self.event(&about, None, "pardoned", actor, "the revocation was lifted".to_owned());
        if self.store.pardon(target, event).await? {
            for mut install in self.store.installs().await? {
                let plugin = install.plugin.clone();
                let covered: Vec<String> = install
                    .versions
                    .iter()
                    .filter(|version| target.covers(&plugin, version))
                    .map(|version| version.digest.clone())
                    .collect();
                covered.iter().for_each(|digest| install.set(digest, VersionState::Kept));
                if !covered.is_empty() {
                    let event = self.event(&install.plugin, None, "pardoned", actor, "it may be used again".to_owned());
                    self.commit(install, event, None, None).await?;
                }
            }
            return Ok(());
        }
        Err(InstallError::NotNow(format!("lift the revocation of {}: there is none", target.text())))
    }

    async fn take_back(&self, mut install: Install, revoked: &Revoked) -> Result<u64, InstallError> {
        let hit: Vec<Version> = install
            .versions
            .iter()
            .filter(|version| revoked.target.covers(&install.plugin, version))
            .cloned()
            .collect();
        let mut interrupted = 0;
        for version in &hit {
            interrupted += self.runtime.kill(&version.digest, &revoked.reason);
            let withdrawn = Withdrawn { reason: revoked.reason.clone(), revoked: true };
            install.set(&version.digest, VersionState::Withdrawn(withdrawn));
        }
        if hit.is_empty() {
            return Ok(0);
        }
        if install.shadow.as_ref().is_some_and(|shadow| hit.iter().any(|version| version.digest == shadow.digest)) {
            install.shadow = None;
        }
        let detail = format!("{} versions stopped: {}", hit.len(), revoked.reason);
        let event = self.event(&install.plugin, None, "stopped", &revoked.actor, detail);
        self.commit(install, event, None, None).await?;
        Ok(interrupted)
    }

    /// Uninstall a plugin.
    pub async fn uninstall(&self, plugin: &PluginId, data: Data, actor: &str) -> Result<(), InstallError> {
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
        self.runtime.activate(plugin, None);
        for version in &install.versions {
            self.runtime.kill(&version.digest, "it was uninstalled");
            self.runtime.unload(&version.digest);
            self.packages.remove(&version.digest).await?;
        }
        connections.iter().for_each(|connection| self.plugins.forget(connection));
        Ok(())
    }

    /// Trust another key for a publisher from now on; none forgets it, so that the next installation pins one.
    pub async fn trust(&self, publisher: &str, key: Option<PublisherKey>, actor: &str) -> Result<(), InstallError> {
        let at = self.clock.now();
        let detail = match &key {
            Some(key) => format!("packages by {publisher} must be signed with {key}"),
            None => format!("the key of {publisher} is forgotten"),
        };
        let event = self.event(&PluginId(format!("publisher:{publisher}")), None, "trusted", actor, detail);
        let pin = key.map(|key| PublisherPin { publisher: publisher.to_owned(), key, at });
        Ok(self.store.repin(publisher, pin, event).await?)
    }

    /// At start: load what was installed, each version after its signature and digest were checked again.
    /// What cannot be loaded is told and does not keep the others out.
    pub async fn restore(&self) -> Result<Vec<(PluginId, InstallError)>, StoreError> {
        let mut failed = Vec::new();
        for install in self.store.installs().await? {
            let plugin = install.plugin.clone();
            if let Err(error) = self.restore_one(&install).await {
                let detail = error.to_string();
                self.store.note(self.event(&plugin, None, "not-loaded", "host", detail)).await?;
                failed.push((plugin, error));
            }
        }
        Ok(failed)
    }

    async fn restore_one(&self, install: &Install) -> Result<(), InstallError> {
        let Some(active) = install.active() else { return Ok(()) };
        self.store.adopt(&install.plugin, &active.digest).await?;
        let pinned = self.store.pinned_digests(&install.plugin).await?;
        for version in &install.versions {
            let runs = version.state == VersionState::Active
                || version.state == VersionState::Shadow
                || pinned.contains(&version.digest);
            if runs && !matches!(version.state, VersionState::Withdrawn(Withdrawn { revoked: true, .. })) {
                self.ready(version).await?;
            }
        }
        self.runtime.activate(&install.plugin, Some(&active.digest));
        self.runtime.enable(&install.plugin, install.enabled);
        self.runtime.shadow(&install.plugin, install.shadow.as_ref().map(|shadow| shadow.digest.as_str()));
        Ok(())
    }

    /// Installed plugins, by id.
    pub async fn list(&self) -> Result<Vec<Install>, StoreError> {
        self.store.installs().await
    }

    /// One of them.
    pub async fn find(&self, plugin: &PluginId) -> Result<Install, InstallError> {
        self.store.install(plugin).await?.ok_or_else(|| InstallError::NotInstalled(plugin.clone()))
    }

    async fn make_active(
        &self,
        mut install: Install,
        digest: &str,
        what: &str,
        actor: &str,
        why: &str,
    ) -> Result<Install, InstallError> {
        let version = kept(&install, digest)?.clone();
        self.ready(&version).await?;
        if install.shadow.as_ref().is_some_and(|shadow| shadow.digest != digest) {
            self.end_shadow(&mut install);
        }
        install.activate(digest, self.clock.now());
        let detail = format!("version {} runs: {why}", version.manifest.version);
        let event = self.event(&install.plugin, Some(digest), what, actor, detail);
        self.commit(install.clone(), event, None, Some(digest.to_owned())).await?;
        install.revision += 1;
        Ok(install)
    }

    /// Loaded and not revoked.
    async fn ready(&self, version: &Version) -> Result<(), InstallError> {
        let plugin = PluginId(version.manifest.id.clone());
        if let Some(revoked) =
            self.store.revocations().await?.into_iter().find(|revoked| revoked.target.covers(&plugin, version))
        {
            return Err(InstallError::Revoked(revoked.reason));
        }
        let package = self.packages.get(&version.digest).await?.ok_or_else(|| {
            InstallError::NotNow(format!(
                "load {plugin} {}: its package {} is gone, install it again",
                version.manifest.version, version.digest
            ))
        })?;
        if self.runtime.signature(&package)? != version.signature {
            return Err(InstallError::NotNow(format!(
                "load {plugin} {}: its signature is not the one it was installed with",
                version.manifest.version
            )));
        }
        Ok(self.runtime.load(&version.digest, package.into()).await?)
    }

    /// The transaction, and what follows from it.
    pub(super) async fn commit(
        &self,
        mut install: Install,
        event: PluginEvent,
        pin: Option<PublisherPin>,
        activated: Option<String>,
    ) -> Result<(), InstallError> {
        let dropped = install.prune();
        install.revision += 1;
        let plugin = install.plugin.clone();
        let shadow = install.shadow.as_ref().map(|shadow| shadow.digest.clone());
        let feeds = install.active().map(|version| version.manifest.feeds.clone()).unwrap_or_default();
        if let Some(digest) = &activated {
            // Ready before the first connection may ask for it.
            self.runtime.activate(&plugin, Some(digest));
        }
        let change = Saved { install, event, pin, repin: activated.clone() };
        if !self.store.save(change).await? {
            let stored = self.store.install(&plugin).await?;
            let active = stored.as_ref().and_then(Install::active);
            self.runtime.activate(&plugin, active.map(|version| version.digest.as_str()));
            return Err(InstallError::Stale);
        }
        self.runtime.shadow(&plugin, shadow.as_deref());
        for digest in &dropped {
            self.runtime.unload(digest);
            self.packages.remove(digest).await?;
        }
        if activated.is_some() {
            let feeds: Vec<String> = feeds.into_iter().map(|feed| feed.name).collect();
            for connection in self.store.connections_of(&plugin).await? {
                self.feeds.declare_feeds(&connection, &feeds, self.clock.now()).await?;
                self.plugins.forget(&connection);
            }
            self.bus.wake(Topic::Feeds);
            self.bus.wake(Topic::Inbox);
        }
        Ok(())
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

    fn end_shadow(&self, install: &mut Install) {
        if let Some(shadow) = install.shadow.take() {
            install.set(&shadow.digest, VersionState::Kept);
        }
    }

    async fn judge(&self, package: &[u8], allow_similar_name: bool) -> Result<Judged, InstallError> {
        let digest = digest_of(package);
        // The signature comes first: bytes that nobody vouches for are not even parsed.
        let signature = self.runtime.signature(package)?;
        let pinned = match &signature {
            Some(signature) => self.store.pin(&signature.publisher).await?.map(|pin| pin.key),
            None => None,
        };
        let trusted = trust::judge(&self.policy, pinned.as_ref(), signature.as_ref())?;
        let contents = self.runtime.read(package)?;
        let install = self.store.install(&PluginId(contents.manifest.id.clone())).await?;
        let inspection = inspection(package, digest, contents, signature, trusted, install.as_ref());
        let refused = self.refusal(&inspection, install.as_ref(), allow_similar_name).await?;
        Ok(Judged { inspection, install, refused })
    }

    async fn refusal(
        &self,
        inspection: &Inspection,
        install: Option<&Install>,
        allow_similar_name: bool,
    ) -> Result<Option<InstallError>, StoreError> {
        let manifest = &inspection.manifest;
        let plugin = PluginId(manifest.id.clone());
        if let Some(signature) = inspection.signature.as_ref().filter(|s| s.publisher != manifest.publisher) {
            let (sealed, declared) = (signature.publisher.clone(), manifest.publisher.clone());
            return Ok(Some(Distrust::OtherPublisher { sealed, declared }.into()));
        }
        let as_version = version_of(inspection, Source::Upload, self.clock.now());
        for revoked in self.store.revocations().await? {
            if revoked.target.covers(&plugin, &as_version) {
                return Ok(Some(InstallError::Revoked(revoked.reason)));
            }
        }
        if let Some(install) = install {
            return Ok(self.refused_update(inspection, install));
        }
        if allow_similar_name {
            return Ok(None);
        }
        let others = self.store.installs().await?;
        let other = trust::looks_like(&manifest.id, others.iter().map(|install| install.plugin.as_str()));
        Ok(other.map(|other| InstallError::LooksLike { plugin, other: other.to_owned() }))
    }

    fn refused_update(&self, inspection: &Inspection, install: &Install) -> Option<InstallError> {
        let manifest = &inspection.manifest;
        if install.publisher != manifest.publisher {
            return Some(InstallError::OtherOwner {
                plugin: install.plugin.clone(),
                owner: install.publisher.clone(),
                publisher: manifest.publisher.clone(),
            });
        }
        if install.version(&inspection.digest).is_some_and(|known| known.activated_at.is_some())
            && !inspection.is_active
        {
            return Some(InstallError::NotNow(format!(
                "install {} {}: it ran here before; go back to it with a rollback",
                manifest.id, manifest.version
            )));
        }
        if manifest.version < install.highest && !self.policy.dev {
            let (given, highest) = (manifest.version.clone(), install.highest.clone());
            return Some(InstallError::Downgrade { given, highest });
        }
        let same = install.versions.iter().find(|version| version.manifest.version == manifest.version);
        if same.is_some_and(|same| same.digest != inspection.digest) && !self.policy.dev {
            return Some(InstallError::ChangedVersion(manifest.version.clone()));
        }
        None
    }
}

fn inspection(
    package: &[u8],
    digest: String,
    contents: PackageContents,
    signature: Option<Signature>,
    trusted: Trusted,
    install: Option<&Install>,
) -> Inspection {
    let wants = Wants::of(&contents.manifest, &contents.imports);
    let active = install.and_then(Install::active);
    let update = active.map(|active| (active.manifest.version.clone(), active.wants().change(&wants)));
    let pins = (trusted == Trusted::New).then(|| signature.as_ref().map(|signature| signature.key.clone())).flatten();
    Inspection {
        is_active: active.is_some_and(|active| active.digest == digest),
        size: package.len() as u64,
        digest,
        manifest: contents.manifest,
        imports: contents.imports,
        exports: contents.exports,
        signature,
        pins,
        wants,
        update,
        remarks: contents.remarks,
        refused: None,
    }
}

fn version_of(inspection: &Inspection, source: Source, now: crate::time::Timestamp) -> Version {
    Version {
        digest: inspection.digest.clone(),
        signature: inspection.signature.clone(),
        manifest: inspection.manifest.clone(),
        imports: inspection.imports.clone(),
        exports: inspection.exports.clone(),
        size: inspection.size,
        source,
        installed_at: now,
        activated_at: None,
        state: VersionState::Kept,
    }
}

fn kept<'a>(install: &'a Install, digest: &str) -> Result<&'a Version, InstallError> {
    install.version(digest).ok_or_else(|| InstallError::NoVersion {
        plugin: install.plugin.clone(),
        digest: digest.to_owned(),
        kept: install.versions.iter().map(|version| version.digest.clone()).collect(),
    })
}

fn shadow_of(install: &Install) -> Result<&Shadow, InstallError> {
    install
        .shadow
        .as_ref()
        .ok_or_else(|| InstallError::NotNow(format!("end the shadow of {}: there is none", install.plugin)))
}

/// `sha256:...` of a package.
pub(crate) fn digest_of(package: &[u8]) -> String {
    let hex: String = Sha256::digest(package).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}
