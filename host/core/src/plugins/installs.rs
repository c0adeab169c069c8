//! Installed plugins: from bytes that a stranger sends to code that runs, and back out again.
//!
//! A plugin has any number of kept versions and at most one active one. Which version a connection runs is the digest
//! that was consented to; activating a version re-pins the connections in the transaction that makes it active, so
//! that no call ever falls between two versions.

mod behind;
mod changes;
mod commit;
mod desk;
mod error;
mod folder;
mod judge;
mod model;
mod notices;
mod ports;
mod restore;
mod revoke;
mod shadow;
mod turns;
mod watch;

pub use behind::Behind;
pub use desk::{Approval, InstallRequest, Installed, Installs};
pub use error::{InstallError, PackageRefusal};
pub use model::{
    Data, Inspection, Install, PluginEvent, Refused, RevocationTarget, Revoked, Source, Version, VersionState,
    Withdrawn,
};
pub use notices::Unstored;
pub use ports::{
    Comparison, InstallStore, Notice, PackageContents, PackageStore, PluginRuntime, PublisherPin, Saved, VersionFigures,
};
pub use shadow::{Shadow, ShadowRule, ShadowVerdict};
pub use turns::Turns;
pub use watch::{HealthRule, Watched};
