//! What a package is, and what would stand in its way.

use super::desk::Installs;
use super::error::InstallError;
use super::model::{Inspection, Install, RevocationTarget, Source, Version, VersionState};
use super::ports::PackageContents;
use crate::error::StoreError;
use crate::id::PluginId;
use crate::plugins::trust::{self, Distrust, Signature, Trusted};
use crate::plugins::{Wants, digest_of};
use std::sync::Arc;

/// A package that was judged: what it is, and what an installation would begin with.
pub(super) struct Judged {
    pub(super) inspection: Inspection,
    pub(super) install: Option<Install>,
    pub(super) refused: Option<InstallError>,
}

impl Installs {
    pub(super) async fn judge(&self, package: &Arc<[u8]>, allow_similar_name: bool) -> Result<Judged, InstallError> {
        let digest = digest_of(package);
        // The signature comes first: bytes that nobody vouches for are not even parsed.
        let signature = self.runtime.signature(package)?;
        let pinned = match &signature {
            Some(signature) => self.store.pin(&signature.publisher).await?.map(|pin| pin.key),
            None => None,
        };
        let trusted = trust::judge(&self.policy, pinned.as_ref(), signature.as_ref())?;
        let contents = self.runtime.read(Arc::clone(package)).await?;
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

pub(super) fn version_of(inspection: &Inspection, source: Source, now: crate::time::Timestamp) -> Version {
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
