//! From the core's installs.

use super::{
    Ability, AbilityChange, CatalogueEntry, CatalogueVersion, Inspection, Installation, NewRevocation, PluginEvent,
    PluginVersion, Publisher, RaisedBudget, RefusedPackage, Revocation, ShadowDifference, ShadowState, Signer,
};
use crate::plugins::convert::danger;
use crate::units::utc;
use opssight_core::plugins::catalogue;
use opssight_core::plugins::installs::{
    self as core, Install, PublisherPin, RevocationTarget, Shadow, Source, Version, VersionState,
};
use opssight_core::plugins::trust::{PublisherKey, Signature};
use opssight_core::plugins::{self, WantsChange};

impl From<plugins::Ability> for Ability {
    fn from(ability: plugins::Ability) -> Self {
        Self {
            key: ability.key,
            says: ability.says,
            risk: danger(ability.risk).to_owned(),
            can_be_withheld: ability.can_be_withheld,
        }
    }
}

impl From<WantsChange> for AbilityChange {
    fn from(change: WantsChange) -> Self {
        Self {
            wider: change.is_wider(),
            added: change.added.into_iter().map(Ability::from).collect(),
            removed: change.removed.into_iter().map(Ability::from).collect(),
            raised: change.raised.into_iter().map(|(budget, from, to)| RaisedBudget { budget, from, to }).collect(),
        }
    }
}

impl From<Signature> for Signer {
    fn from(signature: Signature) -> Self {
        Self { publisher: signature.publisher, key: signature.key.0 }
    }
}

impl From<core::Inspection> for Inspection {
    fn from(inspection: core::Inspection) -> Self {
        let manifest = inspection.manifest;
        let (update_from, change) = inspection
            .update
            .map_or((None, None), |(version, change)| (Some(version.to_string()), Some(AbilityChange::from(change))));
        Self {
            digest: inspection.digest,
            id: manifest.id,
            name: manifest.name,
            version: manifest.version.to_string(),
            publisher: manifest.publisher,
            description: manifest.description,
            licence: manifest.licence,
            size: inspection.size,
            kinds: inspection.exports,
            signer: inspection.signature.map(Signer::from),
            pins_key: inspection.pins.is_some(),
            cannot: inspection.wants.cannot(),
            abilities: inspection.wants.abilities.into_iter().map(Ability::from).collect(),
            update_from,
            change,
            is_active: inspection.is_active,
            remarks: inspection.remarks,
            refused: inspection.refused.map(|refused| RefusedPackage { code: refused.code, message: refused.message }),
        }
    }
}

impl Installation {
    /// With what would change if a version took the active one's place.
    pub fn of(install: Install) -> Self {
        let active = install.active().cloned();
        Self {
            id: install.plugin.0,
            publisher: install.publisher,
            enabled: install.enabled,
            active: active.as_ref().map(|active| active.digest.clone()),
            previous: install.previous,
            versions: install.versions.into_iter().map(|version| PluginVersion::of(version, active.as_ref())).collect(),
            shadow: install.shadow.map(ShadowState::from),
        }
    }
}

impl PluginVersion {
    fn of(version: Version, active: Option<&Version>) -> Self {
        let change = active
            .filter(|active| active.digest != version.digest)
            .map(|active| active.wants().change(&version.wants()).into());
        let (state, reason, revoked) = match version.state {
            VersionState::Active => ("active", None, false),
            VersionState::Waiting => ("waiting", None, false),
            VersionState::Shadow => ("shadow", None, false),
            VersionState::Kept => ("kept", None, false),
            VersionState::Withdrawn(withdrawn) => ("withdrawn", Some(withdrawn.reason), withdrawn.revoked),
        };
        Self {
            digest: version.digest,
            version: version.manifest.version.to_string(),
            state: state.to_owned(),
            reason,
            revoked,
            signer: version.signature.map(Signer::from),
            source: match version.source {
                Source::Upload => "upload".to_owned(),
                Source::Folder { path } => path,
                Source::Catalogue { reference } => reference,
            },
            size: version.size,
            installed_at: utc(version.installed_at),
            activated_at: version.activated_at.map(utc),
            change,
        }
    }
}

impl From<Shadow> for ShadowState {
    fn from(shadow: Shadow) -> Self {
        let sample = |(call, kind, difference)| ShadowDifference { call, kind, difference };
        Self {
            digest: shadow.digest,
            since: utc(shadow.since),
            calls: shadow.rule.calls,
            differences: shadow.rule.differences,
            compared: shadow.compared,
            different: shadow.different,
            samples: shadow.samples.into_iter().map(sample).collect(),
        }
    }
}

impl NewRevocation {
    /// What is revoked; none if it is not exactly one thing.
    pub fn target(&self) -> Option<RevocationTarget> {
        match (&self.plugin, &self.digest, &self.key) {
            (Some(plugin), None, None) => Some(RevocationTarget::Plugin(plugin.as_str().into())),
            (None, Some(digest), None) => Some(RevocationTarget::Digest(digest.clone())),
            (None, None, Some(key)) => Some(RevocationTarget::Key(PublisherKey(key.clone()))),
            _ => None,
        }
    }
}

impl From<core::Revoked> for Revocation {
    fn from(revoked: core::Revoked) -> Self {
        Self { target: revoked.target.text(), reason: revoked.reason, at: utc(revoked.at), actor: revoked.actor }
    }
}

impl From<PublisherPin> for Publisher {
    fn from(pin: PublisherPin) -> Self {
        Self { name: pin.publisher, key: pin.key.0, pinned_at: utc(pin.at) }
    }
}

impl From<core::PluginEvent> for PluginEvent {
    fn from(event: core::PluginEvent) -> Self {
        Self {
            seq: event.seq,
            at: utc(event.at),
            plugin: event.plugin.0,
            digest: event.digest,
            what: event.what,
            actor: event.actor,
            detail: event.detail,
        }
    }
}

impl CatalogueEntry {
    /// Beside what is installed here.
    pub fn of(entry: catalogue::CatalogueEntry, installed: Option<String>) -> Self {
        Self {
            id: entry.id,
            name: entry.name,
            version: entry.version.to_string(),
            publisher: entry.publisher,
            description: entry.description,
            licence: entry.licence,
            kinds: entry.kinds,
            digest: entry.digest,
            size: entry.size,
            place: entry.place,
            installed,
        }
    }
}

impl From<catalogue::CatalogueVersion> for CatalogueVersion {
    fn from(version: catalogue::CatalogueVersion) -> Self {
        Self { version: version.version.to_string(), place: version.place }
    }
}
