//! What the desk needs of others: a store, a place for packages, and the runtime.

use super::error::PackageRefusal;
use super::model::{Install, PluginEvent, RevocationTarget, Revoked};
use crate::blobs::BlobError;
use crate::error::StoreError;
use crate::id::{CallId, ConnectionId, PluginId};
use crate::plugins::Manifest;
use crate::plugins::trust::{PublisherKey, Signature};
use crate::time::Timestamp;
use async_trait::async_trait;
use std::sync::Arc;

/// Whose key is known since when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublisherPin {
    /// The namespace.
    pub publisher: String,
    /// Its key.
    pub key: PublisherKey,
    /// When it was pinned.
    pub at: Timestamp,
}

/// One change of an installed plugin. All of it, or nothing.
#[derive(Debug, Clone)]
pub struct Saved {
    /// How it stands afterwards; kept only if the stored revision is one less.
    pub install: Install,
    /// What to note, if it is worth a line: a count that grows is not.
    pub event: Option<PluginEvent>,
    /// A publisher's key that is pinned with it.
    pub pin: Option<PublisherPin>,
    /// All connections of the plugin run this version from now on.
    pub repin: Option<String>,
    /// Connections that run one of these are not pinned any more: they run what is active.
    pub unpin: Vec<String>,
}

/// The port: what is installed.
#[async_trait]
pub trait InstallStore: Send + Sync {
    /// All of them, by plugin.
    async fn installs(&self) -> Result<Vec<Install>, StoreError>;
    /// One of them.
    async fn install(&self, plugin: &PluginId) -> Result<Option<Install>, StoreError>;
    /// Keep a change. False: somebody else made one meanwhile, or pinned another key for the publisher.
    async fn save(&self, change: Saved) -> Result<bool, StoreError>;
    /// Remove a plugin, with the connections when `connections` says so; the record of what happened stays.
    async fn forget(&self, plugin: &PluginId, connections: bool, event: PluginEvent) -> Result<bool, StoreError>;
    /// The pinned key of a publisher.
    async fn pin(&self, publisher: &str) -> Result<Option<PublisherPin>, StoreError>;
    /// All pinned keys, by publisher.
    async fn pins(&self) -> Result<Vec<PublisherPin>, StoreError>;
    /// Replace a publisher's pinned key; none removes it.
    async fn repin(&self, publisher: &str, pin: Option<PublisherPin>, event: PluginEvent) -> Result<(), StoreError>;
    /// What is revoked.
    async fn revocations(&self) -> Result<Vec<Revoked>, StoreError>;
    /// Revoke.
    async fn revoke(&self, revoked: &Revoked, event: PluginEvent) -> Result<(), StoreError>;
    /// End a revocation. False: there was none.
    async fn pardon(&self, target: &RevocationTarget, event: PluginEvent) -> Result<bool, StoreError>;
    /// Connections that were made before consent was kept run the active version from now on: how many.
    async fn adopt(&self, plugin: &PluginId, digest: &str) -> Result<u64, StoreError>;
    /// The connections of a plugin.
    async fn connections_of(&self, plugin: &PluginId) -> Result<Vec<ConnectionId>, StoreError>;
    /// Digests that connections of the plugin run.
    async fn pinned_digests(&self, plugin: &PluginId) -> Result<Vec<String>, StoreError>;
    /// Whether something ever happened to a plugin: "uninstalled".
    async fn happened(&self, plugin: &PluginId, what: &str) -> Result<bool, StoreError>;
    /// Note something that happened without a change of the install.
    async fn note(&self, event: PluginEvent) -> Result<(), StoreError>;
    /// What happened, newest first, before a place.
    async fn events(
        &self,
        plugin: Option<&PluginId>,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<PluginEvent>, StoreError>;
}

/// The port: bytes of packages by digest.
#[async_trait]
pub trait PackageStore: Send + Sync {
    /// Durable when it returns, and there for every host that shares the place. Keeping it twice is fine.
    async fn put(&self, digest: &str, package: &[u8]) -> Result<(), BlobError>;
    /// The bytes, if they are there. They are checked against the digest.
    async fn get(&self, digest: &str) -> Result<Option<Vec<u8>>, BlobError>;
    /// Remove one.
    async fn remove(&self, digest: &str) -> Result<(), BlobError>;
    /// The digests of all that were last kept before a time.
    async fn kept_before(&self, time: Timestamp) -> Result<Vec<String>, BlobError>;
}

/// What a package holds.
#[derive(Debug, Clone)]
pub struct PackageContents {
    /// What it declares.
    pub manifest: Manifest,
    /// Interfaces that it imports.
    pub imports: Vec<String>,
    /// Kinds that it exports.
    pub exports: Vec<String>,
    /// Things to know that do not refuse it.
    pub remarks: Vec<String>,
}

/// How one version did since it was loaded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct VersionFigures {
    /// Calls made.
    pub calls: u64,
    /// Calls that failed by the plugin's own fault: traps, budgets, answers against the contract.
    pub faults: u64,
}

/// One call that was made again on the shadow version.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The active version's call.
    pub call: CallId,
    /// For which connection.
    pub connection: ConnectionId,
    /// "webhook", "source", ...
    pub kind: String,
    /// When.
    pub at: Timestamp,
    /// Where the answers differ, in words; none when they are the same.
    pub difference: Option<String>,
}

/// Something that the runtime has to tell about a plugin: a breaker that opened, for example.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Which plugin.
    pub plugin: PluginId,
    /// Which version.
    pub digest: String,
    /// "breaker-opened", "breaker-closed", "revealed".
    pub what: String,
    /// One sentence.
    pub detail: String,
}

/// The port: who runs packages.
#[async_trait]
pub trait PluginRuntime: Send + Sync {
    /// Check a package's signature over its bytes. Nothing is parsed. None: it carries none.
    fn signature(&self, package: &[u8]) -> Result<Option<Signature>, PackageRefusal>;
    /// Read a package whose signature was judged: manifest, imports, exports. Nothing is compiled.
    async fn read(&self, package: Arc<[u8]>) -> Result<PackageContents, PackageRefusal>;
    /// Compile (in a jail, unless it was before) and keep it ready under its digest. Loading twice is fine.
    async fn load(&self, digest: &str, package: Arc<[u8]>) -> Result<(), PackageRefusal>;
    /// Which loaded version is the active one; none: the plugin is not there any more.
    fn activate(&self, plugin: &PluginId, digest: Option<&str>);
    /// Make no calls of it until told otherwise; those under way end as they end.
    fn enable(&self, plugin: &PluginId, enabled: bool);
    /// Stop using a version now: calls under way are interrupted, no new ones are made. How many were interrupted.
    fn kill(&self, digest: &str, reason: &str) -> u64;
    /// Let go of a version that nothing refers to.
    fn unload(&self, digest: &str);
    /// How a version did. None: it is not loaded.
    fn figures(&self, digest: &str) -> Option<VersionFigures>;
    /// Make each call of the active version again, offline, on this one; none ends it.
    fn shadow(&self, plugin: &PluginId, digest: Option<&str>);
    /// Comparisons since the last time this was asked.
    fn comparisons(&self, plugin: &PluginId) -> Vec<Comparison>;
    /// What happened since the last time this was asked, for the record.
    fn notices(&self) -> Vec<Notice>;
}
