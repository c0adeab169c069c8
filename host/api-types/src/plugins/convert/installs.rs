//! From the core's installs.

use crate::plugins::changes::{Data, Publisher, Revocation, RevocationTarget};
use crate::plugins::installs::{Ability, AbilityChange, Inspection, Installed, RaisedBudget, Refused, Signer};
use crate::plugins::versions::{Difference, PluginEvent, Shadow, Version, VersionName};
use crate::units::utc;
use opssight_core::plugins::installs as core;
use opssight_core::plugins::trust::{PublisherKey, Signature};
use opssight_core::plugins::{self, Wants, WantsChange};

impl From<plugins::Ability> for Ability {
    fn from(ability: plugins::Ability) -> Self {
        Self {
            key: ability.key,
            terms: ability.terms,
            says: ability.says,
            risk: super::danger(ability.risk).to_owned(),
            can_be_withheld: ability.can_be_withheld,
        }
    }
}

fn abilities(abilities: Vec<plugins::Ability>) -> Vec<Ability> {
    abilities.into_iter().map(Ability::from).collect()
}

impl AbilityChange {
    fn of(from: String, change: WantsChange) -> Self {
        Self {
            from,
            wider: change.is_wider(),
            added: abilities(change.added),
            removed: abilities(change.removed),
            raised: change.raised.into_iter().map(RaisedBudget::from).collect(),
        }
    }
}

impl From<(String, Option<u32>, Option<u32>)> for RaisedBudget {
    fn from((name, then, now): (String, Option<u32>, Option<u32>)) -> Self {
        Self { name, then, now }
    }
}

fn raised(change: WantsChange) -> Vec<RaisedBudget> {
    change.raised.into_iter().map(RaisedBudget::from).collect()
}

impl From<Signature> for Signer {
    fn from(signature: Signature) -> Self {
        Self { publisher: signature.publisher, key: signature.key.0 }
    }
}

impl From<core::Inspection> for Inspection {
    fn from(inspection: core::Inspection) -> Self {
        let manifest = inspection.manifest;
        Self {
            plugin: manifest.id,
            name: manifest.name,
            version: manifest.version.to_string(),
            publisher: manifest.publisher,
            description: manifest.description,
            licence: manifest.licence,
            digest: inspection.digest,
            size: inspection.size,
            kinds: inspection.exports,
            imports: inspection.imports,
            signer: inspection.signature.map(Signer::from),
            new_key: inspection.pins.is_some(),
            cannot: inspection.wants.cannot(),
            abilities: abilities(inspection.wants.abilities),
            update: inspection.update.map(|(from, change)| AbilityChange::of(from.to_string(), change)),
            is_active: inspection.is_active,
            remarks: inspection.remarks,
            refused: inspection.refused.map(|refused| Refused { code: refused.code, message: refused.message }),
        }
    }
}

impl From<core::Installed> for Installed {
    fn from(installed: core::Installed) -> Self {
        let approval = match installed.approval {
            core::Approval::Active => "active",
            core::Approval::Unchanged => "unchanged",
            core::Approval::Waiting => "waiting",
            core::Approval::Shadow => "shadow",
        };
        Self { approval: approval.to_owned(), inspection: installed.inspection.into() }
    }
}

impl Version {
    /// The kept versions of an install, newest installation first.
    pub fn all_of(install: core::Install) -> Vec<Self> {
        let active = install.active().map(core::Version::wants).unwrap_or_default();
        let fallback = install.previous;
        let shown = |version| Self::of(version, fallback.as_deref(), &active);
        install.versions.into_iter().map(shown).collect()
    }

    fn of(version: core::Version, fallback: Option<&str>, active: &Wants) -> Self {
        let wants = version.wants();
        let withdrawn = match &version.state {
            core::VersionState::Withdrawn(withdrawn) => Some(withdrawn.clone()),
            _ => None,
        };
        Self {
            is_fallback: fallback == Some(version.digest.as_str()),
            raised: raised(active.change(&wants)),
            abilities: abilities(wants.abilities),
            version: version.manifest.version.to_string(),
            state: state(&version.state).to_owned(),
            revoked: withdrawn.as_ref().is_some_and(|withdrawn| withdrawn.revoked),
            reason: withdrawn.map(|withdrawn| withdrawn.reason),
            signer: version.signature.map(Signer::from),
            size: version.size,
            source: match version.source {
                core::Source::Upload => "upload".to_owned(),
                core::Source::Folder { path } => format!("folder: {path}"),
                core::Source::Catalogue { reference } => reference,
            },
            installed_at: utc(version.installed_at),
            activated_at: version.activated_at.map(utc),
            digest: version.digest,
        }
    }
}

fn state(state: &core::VersionState) -> &'static str {
    match state {
        core::VersionState::Active => "active",
        core::VersionState::Waiting => "waiting",
        core::VersionState::Shadow => "shadow",
        core::VersionState::Kept => "kept",
        core::VersionState::Withdrawn(_) => "withdrawn",
    }
}

impl VersionName {
    /// The version of an install in a state, if there is one.
    pub fn waiting(install: &core::Install) -> Option<Self> {
        let waits = |version: &&core::Version| version.state == core::VersionState::Waiting;
        let version = install.versions.iter().find(waits)?;
        Some(Self { version: version.manifest.version.to_string(), digest: version.digest.clone() })
    }
}

impl Shadow {
    /// The shadow of an install, if it has one.
    pub fn of(install: &core::Install) -> Option<Self> {
        let shadow = install.shadow.clone()?;
        let version = install.version(&shadow.digest)?;
        let sample = |(call, kind, difference)| Difference { call, kind, difference };
        Some(Self {
            version: version.manifest.version.to_string(),
            digest: shadow.digest,
            since: utc(shadow.since),
            calls: shadow.rule.calls,
            differences: shadow.rule.differences,
            agreed: shadow.agreed,
            compared: shadow.compared,
            different: shadow.different,
            samples: shadow.samples.into_iter().map(sample).collect(),
        })
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

impl From<core::RevocationTarget> for RevocationTarget {
    fn from(target: core::RevocationTarget) -> Self {
        match target {
            core::RevocationTarget::Plugin(plugin) => Self { plugin: Some(plugin.0), ..Self::default() },
            core::RevocationTarget::Digest(digest) => Self { digest: Some(digest), ..Self::default() },
            core::RevocationTarget::Key(key) => Self { key: Some(key.0), ..Self::default() },
        }
    }
}

/// A digest that is cut short would be kept, and never stop anything.
fn is_digest(text: &str) -> bool {
    let lower = |byte: &u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte);
    text.strip_prefix("sha256:").is_some_and(|hex| hex.len() == 64 && hex.as_bytes().iter().all(lower))
}

impl RevocationTarget {
    /// The one thing that it names; none if it names none, several, or a digest or key that is none.
    pub fn read(self) -> Option<core::RevocationTarget> {
        match self {
            Self { plugin: Some(plugin), digest: None, key: None } => {
                Some(core::RevocationTarget::Plugin(plugin.into()))
            }
            Self { plugin: None, digest: Some(digest), key: None } if is_digest(&digest) => {
                Some(core::RevocationTarget::Digest(digest))
            }
            Self { plugin: None, digest: None, key: Some(key) } => {
                PublisherKey::parse(&key).map(core::RevocationTarget::Key)
            }
            _ => None,
        }
    }
}

impl From<core::Revoked> for Revocation {
    fn from(revoked: core::Revoked) -> Self {
        Self { target: revoked.target.into(), reason: revoked.reason, at: utc(revoked.at), actor: revoked.actor }
    }
}

impl From<core::PublisherPin> for Publisher {
    fn from(pin: core::PublisherPin) -> Self {
        Self { publisher: pin.publisher, key: pin.key.0, how: "pinned".to_owned(), pinned_at: Some(utc(pin.at)) }
    }
}

impl From<Data> for core::Data {
    fn from(data: Data) -> Self {
        match data {
            Data::Keep => Self::Keep,
            Data::Remove => Self::Remove,
        }
    }
}
