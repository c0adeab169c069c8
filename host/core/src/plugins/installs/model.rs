//! What is known of an installed plugin.

use super::shadow::Shadow;
use crate::id::PluginId;
use crate::plugins::trust::{PublisherKey, Signature};
use crate::plugins::{Manifest, Wants, WantsChange};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Versions that are kept beside the active one, so that one can go back.
pub(super) const KEPT: usize = 10;

/// Where a package came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "kebab-case")]
pub enum Source {
    /// Somebody handed over its bytes.
    Upload,
    /// The plugin folder, at start.
    Folder {
        /// The file.
        path: String,
    },
    /// A registry, a directory or a mirror.
    Catalogue {
        /// "oci://registry.example/plugins/github:1.2.3@sha256:..." or a path.
        reference: String,
    },
}

/// How a version stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum VersionState {
    /// It runs.
    Active,
    /// It wants more than the active one, and somebody has to agree.
    Waiting,
    /// Its answers are compared with those of the active one.
    Shadow,
    /// It ran, or was installed and never ran, and can be activated again.
    Kept,
    /// It was taken out of service and does not come back.
    Withdrawn(Withdrawn),
}

/// Why a version does not come back by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withdrawn {
    /// In words.
    pub reason: String,
    /// It may not even be activated by hand.
    pub revoked: bool,
}

/// One version of a plugin that this host keeps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Version {
    /// `sha256:...` of the package.
    pub digest: String,
    /// Who signed it; none was taken by a host in development.
    pub signature: Option<Signature>,
    /// What it declares.
    pub manifest: Manifest,
    /// Interfaces that it imports.
    pub imports: Vec<String>,
    /// Kinds that it exports.
    pub exports: Vec<String>,
    /// Size of the package in bytes.
    pub size: u64,
    /// Where it came from.
    pub source: Source,
    /// When it came.
    pub installed_at: Timestamp,
    /// When it was activated last.
    pub activated_at: Option<Timestamp>,
    /// How it stands.
    #[serde(flatten)]
    pub state: VersionState,
}

impl Version {
    /// What it can do.
    pub fn wants(&self) -> Wants {
        Wants::of(&self.manifest, &self.imports)
    }
}

/// An installed plugin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Install {
    /// Which.
    pub plugin: PluginId,
    /// Whose name it belongs to.
    pub publisher: String,
    /// Switched on: calls are made.
    pub enabled: bool,
    /// Where the way back leads: of the versions that ran here and were not withdrawn, the one that ran last.
    pub previous: Option<String>,
    /// The highest version that was ever active: nothing below it is installed, only rolled back to.
    pub highest: semver::Version,
    /// Kept versions, newest installation first.
    pub versions: Vec<Version>,
    /// The version that is being compared with the active one.
    pub shadow: Option<Shadow>,
    /// Grows with each change; a change is only kept if nobody else made one meanwhile.
    pub revision: i64,
    /// Its revisions begin here: at the time of its first installation, so that none is of two lives of the plugin.
    #[serde(default)]
    pub first: i64,
}

impl Install {
    /// A plugin of which nothing is kept yet.
    pub(super) fn new(manifest: &Manifest, since: Timestamp) -> Self {
        Self {
            plugin: PluginId(manifest.id.clone()),
            publisher: manifest.publisher.clone(),
            enabled: true,
            previous: None,
            highest: manifest.version.clone(),
            versions: Vec::new(),
            shadow: None,
            revision: since.0,
            first: since.0,
        }
    }

    /// The version that runs.
    pub fn active(&self) -> Option<&Version> {
        self.versions.iter().find(|version| version.state == VersionState::Active)
    }

    /// Nothing of it is stored yet.
    pub fn is_new(&self) -> bool {
        self.revision == self.first.saturating_add(1)
    }

    /// A kept version.
    pub fn version(&self, digest: &str) -> Option<&Version> {
        self.versions.iter().find(|version| version.digest == digest)
    }

    pub(super) fn set(&mut self, digest: &str, state: VersionState) {
        if let Some(version) = self.versions.iter_mut().find(|version| version.digest == digest) {
            version.state = state;
        }
    }

    /// Make a version the one that runs; what ran is kept for the way back, and what it was compared with has changed.
    pub(super) fn activate(&mut self, digest: &str, now: Timestamp) {
        if let Some(before) = self.active().map(|version| version.digest.clone()) {
            self.set(&before, VersionState::Kept);
        }
        self.end_shadow();
        let Some(version) = self.versions.iter_mut().find(|version| version.digest == digest) else { return };
        version.state = VersionState::Active;
        version.activated_at = Some(now);
        let number = version.manifest.version.clone();
        // An older offer that still waits would be a step back without its name.
        self.stop_waiting(|waiting| waiting.manifest.version < number);
        self.highest = self.highest.clone().max(number);
    }

    /// Offer a version for approval. Only the newest offer waits.
    pub(super) fn offer(&mut self, digest: &str) {
        self.stop_waiting(|_| true);
        if self.shadow.as_ref().is_some_and(|shadow| shadow.digest == digest) {
            self.shadow = None;
        }
        self.set(digest, VersionState::Waiting);
    }

    fn stop_waiting(&mut self, which: impl Fn(&Version) -> bool) {
        let waiting = self.versions.iter_mut().filter(|version| version.state == VersionState::Waiting);
        waiting.filter(|version| which(version)).for_each(|version| version.state = VersionState::Kept);
    }

    /// Compare a version with the active one from now on.
    pub(super) fn begin_shadow(&mut self, shadow: Shadow) {
        self.end_shadow();
        self.set(&shadow.digest, VersionState::Shadow);
        self.shadow = Some(shadow);
    }

    /// Compare no more.
    pub(super) fn end_shadow(&mut self) {
        if let Some(shadow) = self.shadow.take() {
            self.set(&shadow.digest, VersionState::Kept);
        }
    }

    /// Where the way back leads now.
    pub(super) fn fallback(&self) -> Option<String> {
        let ran = self.versions.iter().filter(|version| version.state == VersionState::Kept);
        let last = ran.filter(|version| version.activated_at.is_some());
        // The first of several is the one that was installed last.
        last.min_by_key(|version| std::cmp::Reverse(version.activated_at)).map(|version| version.digest.clone())
    }

    /// Forget the oldest versions that nothing refers to; their digests.
    pub(super) fn prune(&mut self, pinned: &[String]) -> Vec<String> {
        let mut spare = 0;
        let mut dropped = Vec::new();
        let previous = self.previous.clone();
        self.versions.retain(|version| {
            let needed = matches!(version.state, VersionState::Active | VersionState::Waiting | VersionState::Shadow)
                || previous.as_deref() == Some(version.digest.as_str())
                || pinned.contains(&version.digest);
            if !needed {
                spare += 1;
            }
            let keep = needed || spare <= KEPT;
            if !keep {
                dropped.push(version.digest.clone());
            }
            keep
        });
        dropped
    }
}

/// Why a package would be refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Machine readable: see [`InstallError::code`](super::InstallError::code).
    pub code: String,
    /// What is wrong and how to mend it.
    pub message: String,
}

/// What a package is and would mean here, before anything is kept or compiled.
#[derive(Debug, Clone)]
pub struct Inspection {
    /// `sha256:...` of the package.
    pub digest: String,
    /// Size in bytes.
    pub size: u64,
    /// What it declares.
    pub manifest: Manifest,
    /// Interfaces that it imports.
    pub imports: Vec<String>,
    /// Kinds that it exports.
    pub exports: Vec<String>,
    /// Who signed it.
    pub signature: Option<Signature>,
    /// The key is new here and would be pinned.
    pub pins: Option<PublisherKey>,
    /// What it can do.
    pub wants: Wants,
    /// The active version, and what would change; none for a new plugin.
    pub update: Option<(semver::Version, WantsChange)>,
    /// It is what runs already.
    pub is_active: bool,
    /// Things to know that do not refuse it.
    pub remarks: Vec<String>,
    /// Why it would be refused, if it would.
    pub refused: Option<Refused>,
}

/// Something that happened to an installed plugin, for people and for the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginEvent {
    /// Its place; grows.
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// Which plugin.
    pub plugin: PluginId,
    /// Which version, when it is about one.
    pub digest: Option<String>,
    /// "installed", "approved", "updated", "rolled-back", "revoked", ...
    pub what: String,
    /// Who: an admin, or "host".
    pub actor: String,
    /// One sentence.
    pub detail: String,
}

/// What is revoked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RevocationTarget {
    /// All versions of a plugin.
    Plugin(PluginId),
    /// One package.
    Digest(String),
    /// Everything that a key signed.
    Key(PublisherKey),
}

impl RevocationTarget {
    /// One text for all kinds, for storage.
    pub fn text(&self) -> String {
        match self {
            Self::Plugin(plugin) => format!("plugin:{plugin}"),
            Self::Digest(digest) => format!("digest:{digest}"),
            Self::Key(key) => format!("key:{key}"),
        }
    }

    /// And back.
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_once(':')?;
        match kind {
            "plugin" => Some(Self::Plugin(rest.into())),
            "digest" => Some(Self::Digest(rest.to_owned())),
            "key" => Some(Self::Key(PublisherKey(rest.to_owned()))),
            _ => None,
        }
    }

    /// The plugin that its events are listed under; what is not about one plugin stands under its own text.
    pub(super) fn subject(&self) -> PluginId {
        match self {
            Self::Plugin(plugin) => plugin.clone(),
            other => PluginId(other.text()),
        }
    }

    /// Whether it covers a version.
    pub fn covers(&self, plugin: &PluginId, version: &Version) -> bool {
        match self {
            Self::Plugin(revoked) => revoked == plugin,
            Self::Digest(digest) => *digest == version.digest,
            Self::Key(key) => version.signature.as_ref().is_some_and(|signature| signature.key == *key),
        }
    }
}

/// A revocation in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revoked {
    /// What.
    pub target: RevocationTarget,
    /// Why.
    pub reason: String,
    /// Since when.
    pub at: Timestamp,
    /// Who.
    pub actor: String,
}

/// What becomes of a plugin's connections when it is uninstalled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Data {
    /// They stay as they are, with credentials and state, and work again after a new installation.
    Keep,
    /// They are removed with everything that belongs to them.
    Remove,
}
