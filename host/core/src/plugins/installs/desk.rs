//! The desk where plugins are installed. Each step is one transaction of the store; the runtime is told before it when
//! it must be ready for the new version, and after it when it may let go of the old one.

use super::behind::Behind;
use super::commit::Change;
use super::error::InstallError;
use super::judge::{Judged, version_of};
use super::model::{Inspection, Install, Refused, Source, Version, VersionState};
use super::notices::Unstored;
use super::ports::{InstallStore, PackageStore, PluginRuntime, PublisherPin};
use super::shadow::{Shadow, ShadowRule};
use super::turns::{Place, Turns};
use crate::error::StoreError;
use crate::events::Bus;
use crate::feeds::FeedStore;
use crate::hooks::Inbox;
use crate::id::PluginId;
use crate::plugins::Plugins;
use crate::plugins::trust::TrustPolicy;
use crate::time::Clock;
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
    /// Who changes which plugin now.
    pub turns: Turns,
    /// What the runtime told and the store has not taken yet.
    pub unstored: Unstored,
    /// What could not be loaded here.
    pub behind: Behind,
}

/// A package that is ready to be installed when its turn comes.
struct Prepared {
    plugin: PluginId,
    digest: String,
    place: Place,
}

/// A package that may be installed.
struct Admitted {
    inspection: Inspection,
    install: Option<Install>,
    /// Somebody agreed to what it wants.
    agreed: bool,
}

impl Installs {
    /// Everything about a package that a person wants to know before they agree. Nothing is kept or compiled.
    pub async fn inspect(&self, package: &Arc<[u8]>) -> Result<Inspection, InstallError> {
        let judged = self.judge(package, false).await?;
        let refused = judged.refused.map(|why| Refused { code: why.code().to_owned(), message: why.to_string() });
        Ok(Inspection { refused, ..judged.inspection })
    }

    /// Install a package, or update to it.
    pub async fn install(&self, request: InstallRequest) -> Result<Installed, InstallError> {
        let Prepared { plugin, digest, place } = self.prepare(&request).await?;
        let _turn = place.turn().await;
        let outcome = self.install_in_turn(&request).await;
        if outcome.is_err() {
            // Only who has a turn may say that nobody needs what was made ready.
            self.unprepare(&plugin, &digest).await;
        }
        outcome
    }

    /// Compile what will be installed, as far as can be told now. That can take minutes, in which nobody who wants to
    /// change the plugin should have to wait: above all no revocation. The place comes before it, so that no more
    /// packages are compiled, and in memory, than may wait.
    async fn prepare(&self, request: &InstallRequest) -> Result<Prepared, InstallError> {
        let judged = self.judge(&request.package, request.allow_similar_name).await?;
        let digest = judged.inspection.digest.clone();
        let plugin = PluginId(judged.inspection.manifest.id.clone());
        let is_known = judged.install.as_ref().is_some_and(|install| install.version(&digest).is_some());
        if !is_known {
            self.admit(judged, request).await?;
        }
        let place = self.place_for(&plugin)?;
        if !is_known {
            self.runtime.load(&digest, Arc::clone(&request.package)).await?;
        }
        Ok(Prepared { plugin, digest, place })
    }

    /// What was made ready and is not kept after all is let go of.
    async fn unprepare(&self, plugin: &PluginId, digest: &str) {
        match self.store.install(plugin).await {
            Ok(install) if install.as_ref().is_none_or(|install| install.version(digest).is_none()) => {
                self.runtime.unload(digest);
            }
            // Loaded, it takes up room and does nothing.
            Ok(_) | Err(_) => {}
        }
    }

    async fn install_in_turn(&self, request: &InstallRequest) -> Result<Installed, InstallError> {
        let judged = self.judge(&request.package, request.allow_similar_name).await?;
        if let Some(approval) = self.settled(&judged.inspection, judged.install.as_ref(), request).await? {
            return Ok(Installed { inspection: judged.inspection, approval });
        }
        let Admitted { inspection, install, agreed } = self.admit(judged, request).await?;
        let wider = inspection.update.as_ref().is_none_or(|(_, change)| change.is_wider());
        self.forget_loaded(&PluginId(inspection.manifest.id.clone()), &inspection.digest).await?;
        self.runtime.load(&inspection.digest, Arc::clone(&request.package)).await?;
        self.packages.put(&inspection.digest, &request.package).await?;
        let approval = match request.shadow {
            Some(_) if install.as_ref().is_some_and(|install| install.active().is_some()) => Approval::Shadow,
            _ if wider && !agreed => Approval::Waiting,
            _ => Approval::Active,
        };
        self.keep(&inspection, install, approval, request).await?;
        Ok(Installed { inspection, approval })
    }

    /// Whether it may be installed at all, and whether somebody agreed to what it wants.
    async fn admit(&self, judged: Judged, request: &InstallRequest) -> Result<Admitted, InstallError> {
        let Judged { inspection, install, refused } = judged;
        if let Some(refused) = refused {
            return Err(refused);
        }
        if let Some(agreed) = request.consent.as_ref().filter(|agreed| **agreed != inspection.digest) {
            return Err(InstallError::OtherDigest { agreed: agreed.clone(), given: inspection.digest });
        }
        let agreed = request.consent.is_some() || self.was_placed(&inspection, install.as_ref(), request).await?;
        if install.is_none() && !agreed {
            return Err(InstallError::ConsentNeeded(Box::new(inspection)));
        }
        Ok(Admitted { inspection, install, agreed })
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
}

pub(super) fn kept<'a>(install: &'a Install, digest: &str) -> Result<&'a Version, InstallError> {
    install.version(digest).ok_or_else(|| InstallError::NoVersion {
        plugin: install.plugin.clone(),
        digest: digest.to_owned(),
        kept: install.versions.iter().map(|version| version.digest.clone()).collect(),
    })
}
