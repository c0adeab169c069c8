//! Why an installation, or a later step of a plugin's life, does not happen.

use super::model::Inspection;
use crate::blobs::BlobError;
use crate::error::{Kind, StoreError};
use crate::id::PluginId;
use crate::plugins::trust::Distrust;

/// What the runtime has against a package. Fits after "it cannot be installed: ".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PackageRefusal {
    /// Machine readable: "import", "manifest", "too-large", "compile", "signature".
    pub code: String,
    /// What is wrong and how to mend it.
    pub message: String,
}

/// Why it did not happen.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// There is something wrong with the package itself.
    #[error("install the package: {0}")]
    Package(#[from] PackageRefusal),
    /// We do not believe that it is its publisher's.
    #[error("install the package: {0}")]
    Distrust(#[from] Distrust),
    /// The name belongs to somebody else.
    #[error(
        "install the package: the name {plugin} belongs to the publisher {owner} here, and this one is by {publisher}: uninstall the other one first"
    )]
    OtherOwner {
        /// The name.
        plugin: PluginId,
        /// Whose it is.
        owner: String,
        /// Who wants it.
        publisher: String,
    },
    /// The name could be mistaken for another.
    #[error(
        "install the package: its name {plugin} looks like {other}, which is installed: if you really mean {plugin}, say so (--allow-similar-name)"
    )]
    LooksLike {
        /// The new name.
        plugin: PluginId,
        /// The one that it looks like.
        other: String,
    },
    /// Older than what ran here already.
    #[error(
        "install the package: version {given} is older than {highest}, which ran here: go back with `opssight plugin rollback`, which takes only versions that this host has had"
    )]
    Downgrade {
        /// The package's.
        given: semver::Version,
        /// The highest that was active.
        highest: semver::Version,
    },
    /// The same version number with other content.
    #[error(
        "install the package: version {0} is installed with other content: publishers must not change a version, ask for a new one"
    )]
    ChangedVersion(semver::Version),
    /// It was revoked.
    #[error("use the version: it was revoked: {0}")]
    Revoked(String),
    /// A person must look at what it can do and agree.
    #[error("install the package: what it can do needs your consent, look at it and repeat with the digest {}", .0.digest)]
    ConsentNeeded(Box<Inspection>),
    /// What was agreed to is not what came.
    #[error("install the package: you agreed to {agreed}, but this is {given}")]
    OtherDigest {
        /// By the person.
        agreed: String,
        /// The package's.
        given: String,
    },
    /// No such plugin.
    #[error("find the plugin `{0}`: it is not installed")]
    NotInstalled(PluginId),
    /// No such version of it.
    #[error("find the version {digest} of `{plugin}`: this host keeps {kept:?}")]
    NoVersion {
        /// Of which plugin.
        plugin: PluginId,
        /// What was asked for.
        digest: String,
        /// What there is.
        kept: Vec<String>,
    },
    /// It is installed, and its package is not here.
    #[error(
        "load {plugin} {version}: its package {digest} is not here: install it again; or, if another host installed it, let both share their packages (blobs.url)"
    )]
    PackageGone {
        /// Of which plugin.
        plugin: PluginId,
        /// Which version.
        version: semver::Version,
        /// Which package.
        digest: String,
    },
    /// The step does not fit how things stand.
    #[error("{0}")]
    NotNow(String),
    /// Somebody else changed it at the same time.
    #[error("keep the change of the plugin: it was changed meanwhile; look at it again")]
    Stale,
    /// So many change it at the same time that this one did not even wait: nothing of it was done.
    #[error("change the plugin `{0}`: too many changes of it wait already; try again in a moment")]
    Busy(PluginId),
    /// The store failed.
    #[error("keep the change of the plugin")]
    Store(#[from] StoreError),
    /// The place of the packages failed.
    #[error("{0}")]
    Packages(#[from] BlobError),
}

impl InstallError {
    /// The neutral kind.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Package(_) | Self::Distrust(_) => Kind::Invalid,
            Self::OtherOwner { .. }
            | Self::LooksLike { .. }
            | Self::Downgrade { .. }
            | Self::ChangedVersion(_)
            | Self::Revoked(_)
            | Self::ConsentNeeded(_)
            | Self::OtherDigest { .. }
            | Self::NotNow(_)
            | Self::PackageGone { .. }
            | Self::Stale => Kind::Conflict,
            Self::NotInstalled(_) | Self::NoVersion { .. } => Kind::NotFound,
            Self::Busy(_) => Kind::TooMany,
            Self::Store(_) => Kind::Unavailable,
            Self::Packages(error) => error.kind(),
        }
    }

    /// The machine-readable code.
    pub fn code(&self) -> &str {
        match self {
            Self::Package(refusal) => &refusal.code,
            Self::Distrust(Distrust::Unsigned) => "unsigned",
            Self::Distrust(Distrust::WrongKey { .. }) => "wrong-key",
            Self::Distrust(Distrust::NotListed(_)) => "publisher-not-trusted",
            Self::Distrust(Distrust::RevokedKey { .. }) => "key-revoked",
            Self::Distrust(Distrust::OtherPublisher { .. }) => "other-publisher",
            Self::OtherOwner { .. } => "name-taken",
            Self::LooksLike { .. } => "similar-name",
            Self::Downgrade { .. } => "downgrade",
            Self::ChangedVersion(_) => "changed-version",
            Self::Revoked(_) => "revoked",
            Self::ConsentNeeded(_) => "consent-needed",
            Self::OtherDigest { .. } => "other-digest",
            Self::NotInstalled(_) => "not-installed",
            Self::NoVersion { .. } => "no-such-version",
            Self::PackageGone { .. } => "package-gone",
            Self::NotNow(_) => "not-now",
            Self::Stale => "changed-meanwhile",
            Self::Busy(_) => "too-many-changes",
            Self::Store(_) => "store-unavailable",
            Self::Packages(_) => "packages-unavailable",
        }
    }
}
