//! The desk where plugins are installed. Each step is one transaction of the store; the runtime is told before it when
//! it must be ready for the new version, and after it when it may let go of the old one.

use super::commit::Change;
use super::error::InstallError;
use super::model::{Inspection, Install, Refused, RevocationTarget, Source, Version, VersionState};
use super::ports::{InstallStore, PackageContents, PackageStore, PluginRuntime, PublisherPin};
use super::shadow::{Shadow, ShadowRule};
use crate::error::StoreError;
use crate::events::Bus;
use crate::feeds::FeedStore;
use crate::hooks::Inbox;
use crate::id::PluginId;
use crate::plugins::trust::{self, Distrust, Signature, TrustPolicy, Trusted};
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

impl InstallRequest {
    fn is_from_folder(&self) -> bool {
        matches!(self.source, Source::Folder { .. })
    }
}

/// How an installation went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Approval {
    /// It runs.
    Active,
    /// Nothing changed: it runs already, or what becomes of it was decided before.
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
    /// What a failing version could not use, to give it to the version before.
    pub inbox: Arc<dyn Inbox>,
    /// Who is told.
    pub bus: Arc<dyn Bus>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Whom to believe.
    pub policy: TrustPolicy,
    /// Calls are made at all: the operator's switch for all plugins at once.
    pub enabled: bool,
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
        let judged = self.judge(package, false).await?;
        let refused = judged.refused.map(|why| Refused { code: why.code().to_owned(), message: why.to_string() });
        Ok(Inspection { refused, ..judged.inspection })
    }

    /// Install a package, or update to it.
    pub async fn install(&self, request: InstallRequest) -> Result<Installed, InstallError> {
        let judged = self.judge(&request.package, request.allow_similar_name).await?;
        let inspection = judged.inspection;
        if let Some(approval) = self.settled(&inspection, judged.install.as_ref(), &request).await? {
            return Ok(Installed { inspection, approval });
        }
        if let Some(refused) = judged.refused {
            return Err(refused);
        }
        if let Some(agreed) = request.consent.as_ref().filter(|agreed| **agreed != inspection.digest) {
            return Err(InstallError::OtherDigest { agreed: agreed.clone(), given: inspection.digest });
        }
        let agreed =
            request.consent.is_some() || self.was_placed(&inspection, judged.install.as_ref(), &request).await?;
        if judged.install.is_none() && !agreed {
            return Err(InstallError::ConsentNeeded(Box::new(inspection)));
        }
        let wider = inspection.update.as_ref().is_none_or(|(_, change)| change.is_wider());
        self.forget_loaded(&PluginId(inspection.manifest.id.clone()), &inspection.digest).await?;
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

    /// What an installation of something known comes to when there is nothing to do.
    async fn settled(
        &self,
        inspection: &Inspection,
        install: Option<&Install>,
        request: &InstallRequest,
    ) -> Result<Option<Approval>, InstallError> {
        let Some(install) = install else { return Ok(None) };
        let Some(known) = install.version(&inspection.digest) else { return Ok(None) };
        let asks = request.consent.is_some() || request.shadow.is_some();
        match known.state {
            VersionState::Active => {
                // Installing what runs mends what was lost of it on the disk.
                self.packages.put(&inspection.digest, &request.package).await?;
                self.ready(known).await?;
                self.tell(install);
                Ok(Some(Approval::Unchanged))
            }
            VersionState::Waiting if !asks => Ok(Some(Approval::Waiting)),
            VersionState::Shadow if request.is_from_folder() => Ok(Some(Approval::Shadow)),
            // An author at work puts the same bytes back and means it.
            VersionState::Kept if self.policy.dev => Ok(None),
            // The folder is read at every start. What was refused, rolled back or revoked does not come back by that.
            _ if request.is_from_folder() => Ok(Some(Approval::Unchanged)),
            _ => Ok(None),
        }
    }

    /// Whoever puts the first package of a name into the folder agrees to it. A name that was uninstalled here does not
    /// come back by a file that was left there.
    async fn was_placed(
        &self,
        inspection: &Inspection,
        install: Option<&Install>,
        request: &InstallRequest,
    ) -> Result<bool, StoreError> {
        if install.is_some() || !request.is_from_folder() {
            return Ok(false);
        }
        let plugin = PluginId(inspection.manifest.id.clone());
        Ok(!self.store.happened(&plugin, "uninstalled").await?)
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
        let is_update = install.active().is_some();
        let (digest, number) = (&inspection.digest, &inspection.manifest.version);
        let version = Version {
            activated_at: install.version(digest).and_then(|known| known.activated_at),
            ..version_of(inspection, request.source.clone(), now)
        };
        if install.shadow.as_ref().is_some_and(|shadow| shadow.digest == *digest) {
            install.shadow = None;
        }
        install.versions.retain(|version| version.digest != *digest);
        install.versions.insert(0, version);
        let (what, detail) = match approval {
            Approval::Active => {
                install.activate(digest, now);
                (if is_update { "updated" } else { "installed" }, format!("version {number} runs"))
            }
            Approval::Waiting => {
                install.offer(digest);
                let wider =
                    inspection.update.as_ref().map_or(0, |(_, change)| change.added.len() + change.raised.len());
                ("waiting", format!("version {number} wants {wider} things that nobody agreed to yet"))
            }
            Approval::Shadow => {
                let rule = request.shadow.unwrap_or_default();
                install.begin_shadow(Shadow::new(digest.clone(), rule, request.consent.is_some(), now));
                ("shadow", format!("version {number} is compared with the active one for {} calls", rule.calls))
            }
            Approval::Unchanged => return Ok(()),
        };
        let pin = inspection.pins.as_ref().map(|key| PublisherPin {
            publisher: inspection.manifest.publisher.clone(),
            key: key.clone(),
            at: now,
        });
        let activated = (approval == Approval::Active).then(|| digest.clone());
        let event = self.event(&install.plugin, Some(digest), what, &request.actor, detail);
        self.commit(install, event, Change { pin, activated, ..Change::default() }).await?;
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

    /// A kept version of one of them.
    pub async fn version(&self, plugin: &PluginId, digest: &str) -> Result<Version, InstallError> {
        Ok(kept(&self.find(plugin).await?, digest)?.clone())
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
            if !revoked.target.covers(&plugin, &as_version) {
                continue;
            }
            return Ok(Some(match revoked.target {
                RevocationTarget::Key(key) => Distrust::RevokedKey { key, reason: revoked.reason }.into(),
                _ => InstallError::Revoked(revoked.reason),
            }));
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
        let ran = install.version(&inspection.digest).is_some_and(|known| known.activated_at.is_some());
        if ran && install.active().is_some() && !inspection.is_active && !self.policy.dev {
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

pub(super) fn kept<'a>(install: &'a Install, digest: &str) -> Result<&'a Version, InstallError> {
    install.version(digest).ok_or_else(|| InstallError::NoVersion {
        plugin: install.plugin.clone(),
        digest: digest.to_owned(),
        kept: install.versions.iter().map(|version| version.digest.clone()).collect(),
    })
}

/// `sha256:...` of a package.
pub(crate) fn digest_of(package: &[u8]) -> String {
    let hex: String = Sha256::digest(package).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}
