//! The port through which the house calls plugins, and what goes in and out of it.

use super::evidence::{bytes, maybe_bytes};
use super::{CallError, LogLine, Manifest, PluginStats, Wants};
use crate::error::StoreError;
use crate::id::{ConnectionId, PluginId};
use crate::time::Timestamp;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What an operator allows a connection beyond what the plugin's manifest may always have.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Grants {
    /// Private networks that it may reach, as CIDR ("10.1.2.0/24"). Empty: public addresses only.
    pub networks: Vec<String>,
    /// Plain `http` may be used, to the granted networks only.
    pub insecure_http: bool,
    /// Keys of [abilities](super::Ability) that the plugin asks for and this connection does not give. In force from
    /// the next call on.
    pub withheld: BTreeSet<String>,
}

impl Grants {
    /// Whether the connection gives an ability, by its key.
    pub fn allow(&self, ability: &str) -> bool {
        !self.withheld.contains(ability)
    }
}

/// On whose behalf a plugin is called.
#[derive(Debug, Clone)]
pub struct CallTarget {
    /// The connection: its settings, credentials, state and grants.
    pub connection: ConnectionId,
    /// Which plugin.
    pub plugin: PluginId,
    /// Which version of it, by the digest that was consented to; none is the active one.
    pub digest: Option<Arc<str>>,
    /// The validated settings, a JSON object.
    pub settings: Arc<serde_json::Value>,
    /// What the operator granted.
    pub grants: Arc<Grants>,
    /// Who goes first where an upstream's patience is shared.
    pub priority: CallPriority,
}

/// Who goes first, first to last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CallPriority {
    /// A person waits.
    Interactive,
    /// Something happens now.
    Live,
    /// Looking for what was missed.
    Reconcile,
    /// History.
    Backfill,
}

/// What one call used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallUsage {
    /// Thread CPU time, microseconds.
    pub cpu_us: u64,
    /// Wall time, microseconds.
    pub wall_us: u64,
    /// Outbound requests made.
    pub requests: u32,
    /// High-water mark of guest memory, bytes.
    pub memory_bytes: u64,
}

/// A write to the plugin's state, to be committed in the transaction that stores the call's items, so that
/// a remembered ETag can never be newer than what it stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateWrite {
    /// The plugin's key.
    pub key: String,
    /// None removes it.
    #[serde(with = "maybe_bytes")]
    pub value: Option<Vec<u8>>,
}

/// What a successful call gives, with what must be stored beside it.
#[derive(Debug, Clone)]
pub struct Called<T> {
    /// The plugin's answer.
    pub value: T,
    /// To be committed with it.
    pub state: Vec<StateWrite>,
    /// What it cost.
    pub usage: CallUsage,
}

/// An item as it came over the boundary; [`crate::items`] types it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawItem {
    /// Upstream identity within its kind.
    pub id: String,
    /// Catalogue kind.
    pub kind: String,
    /// When the upstream says this was true.
    pub at: Timestamp,
    /// One line for people.
    pub title: String,
    /// Its page upstream.
    pub url: Option<String>,
    /// Further facts.
    pub attrs: Vec<(String, String)>,
    /// JSON of the kind.
    #[serde(with = "bytes")]
    pub payload: Vec<u8>,
}

/// A delivery at the door: nothing about it is believed yet.
#[derive(Debug, Clone, Copy)]
pub struct RawDelivery<'a> {
    /// All of them, names in lower case.
    pub headers: &'a [(String, String)],
    /// What stood after the `?` of the address, as it was written.
    pub query: Option<&'a str>,
    /// The raw bytes.
    pub body: &'a [u8],
    /// When it came.
    pub received_at: Timestamp,
}

/// A stored, verified delivery on its way to the plugin.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WebhookDelivery {
    /// The headers that the manifest lists, lower case.
    pub headers: Vec<(String, String)>,
    /// The raw bytes.
    #[serde(with = "bytes")]
    pub body: Vec<u8>,
    /// When it was accepted.
    pub received_at: Timestamp,
}

/// What a delivery turned out to be.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Reception {
    /// What it says.
    pub items: Vec<RawItem>,
    /// Why it says nothing, when it says nothing.
    pub note: Option<String>,
}

/// One page to pull.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct PageRequest {
    /// Where the page before ended.
    pub cursor: Option<String>,
    /// At most this many items.
    pub limit: u32,
}

/// One page that was pulled.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct PullBatch {
    /// What it says.
    pub items: Vec<RawItem>,
    /// There is more now.
    pub next: Option<String>,
    /// Resume from here later.
    pub checkpoint: Option<String>,
}

/// A request to act.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ActionInvocation {
    /// Declared name.
    pub name: String,
    /// Validated JSON input.
    pub input: String,
    /// Stable over retries.
    pub idempotency_key: String,
    /// Who asked.
    pub actor: String,
}

/// What acting brought.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ActionOutcome {
    /// JSON for who asked.
    pub output: String,
    /// What is now different.
    pub items: Vec<RawItem>,
}

/// A connection that works.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct HealthReport {
    /// One line for people.
    pub summary: String,
    /// Further facts.
    pub attrs: Vec<(String, String)>,
}

/// Why a delivery was not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// What should carry the signature or the token is missing.
    #[error("the delivery carries no signature")]
    Missing,
    /// The header does not look as the manifest says.
    #[error("the delivery's signature is malformed")]
    Malformed,
    /// The signature is not the one that our secret makes.
    #[error("the delivery's signature does not match")]
    Mismatch,
    /// It was signed too long ago, or by a clock that is ahead of ours.
    #[error("the delivery was not signed just now")]
    Expired,
    /// The connection has no secret to verify with.
    #[error("the connection has no webhook secret")]
    NoSecret,
    /// The connection's secret is not of the form that the scheme wants.
    #[error("the connection's webhook secret does not have the form that the scheme wants")]
    BadSecret,
    /// The plugin takes no deliveries.
    #[error("the connection's plugin takes no deliveries")]
    NotReceiving,
}

/// An installed plugin, as people see it.
#[derive(Debug, Clone)]
pub struct InstalledPlugin {
    /// What it declares.
    pub manifest: Arc<Manifest>,
    /// `sha256:...` of the package.
    pub digest: String,
    /// Size of the package in bytes.
    pub size: u64,
    /// Interfaces that it imports: all it can do.
    pub imports: Vec<String>,
    /// Kinds that it exports: "source", "webhook", "actions", "health".
    pub exports: Vec<String>,
    /// Limits in force for one call, by kind: the least of default, manifest's wish and operator's cap.
    pub budgets: BTreeMap<String, Budget>,
    /// What it did since this host started.
    pub stats: PluginStats,
}

/// What one call may use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Budget {
    /// Thread CPU time, milliseconds.
    pub cpu_ms: u32,
    /// Wall time, milliseconds.
    pub wall_ms: u32,
    /// Linear memory, MiB.
    pub memory_mib: u32,
    /// Outbound requests.
    pub requests: u32,
    /// One response, KiB.
    pub response_kib: u32,
}

/// The port: everything that the house asks of plugins.
#[async_trait]
pub trait Plugins: Send + Sync {
    /// Those that are installed, by id.
    fn installed(&self) -> Vec<InstalledPlugin>;

    /// One of them.
    fn find(&self, plugin: &PluginId) -> Option<InstalledPlugin>;

    /// What a version of one of them declares, without gathering its statistics. `digest` none: the active version.
    fn manifest(&self, plugin: &PluginId, digest: Option<&str>) -> Option<Arc<Manifest>>;

    /// What a version of one of them can do. `digest` none: the active version.
    fn wants(&self, plugin: &PluginId, digest: Option<&str>) -> Option<Wants>;

    /// The last lines that the active version of a plugin logged, oldest first.
    fn log(&self, plugin: &PluginId) -> Vec<LogLine>;

    /// Check a delivery's signature over its raw bytes, as the manifest of the target's version declares.
    fn verify(
        &self,
        target: &CallTarget,
        credentials: &Credentials,
        delivery: &RawDelivery<'_>,
    ) -> Result<(), VerifyError>;

    /// Turn a delivery into items.
    async fn receive(&self, target: &CallTarget, delivery: WebhookDelivery) -> Result<Called<Reception>, CallError>;

    /// Pull one page of one feed.
    async fn pull(
        &self,
        target: &CallTarget,
        feed: &str,
        checkpoint: Option<String>,
        page: PageRequest,
    ) -> Result<Called<PullBatch>, CallError>;

    /// Act.
    async fn act(&self, target: &CallTarget, invocation: ActionInvocation) -> Result<Called<ActionOutcome>, CallError>;

    /// Ask whether the connection works.
    async fn check(&self, target: &CallTarget) -> Result<Called<HealthReport>, CallError>;

    /// The connection's settings, credentials or grants changed, or it is gone: drop what was cached for it
    /// (minted tokens, open connections).
    fn forget(&self, connection: &ConnectionId);

    /// The connection's grants are now these. Calls that are under way may not go on with what was taken away.
    fn regrant(&self, connection: &ConnectionId, grants: &Arc<Grants>);
}

/// Durable plugin state, read side. Writes go with the transaction that stores the items.
#[async_trait]
pub trait PluginState: Send + Sync {
    /// One value.
    async fn get(&self, connection: &ConnectionId, key: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// Keys with a prefix, in order, after `after`, at most `limit`.
    async fn keys(
        &self,
        connection: &ConnectionId,
        prefix: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<String>, StoreError>;

    /// Bytes (keys and values) and number of keys in use.
    async fn usage(&self, connection: &ConnectionId) -> Result<(u64, u64), StoreError>;
}

/// The secrets of one connection, by the manifest's credential name.
pub type Credentials = BTreeMap<String, Credential>;

/// One filled-in credential. Prints nothing of itself.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credential {
    /// Which of the manifest's schemes was chosen, by its name: "bearer", "aws-sigv4", "hmac-sha256".
    pub scheme: String,
    /// The scheme's inputs by name; some of them secret.
    pub inputs: BTreeMap<String, String>,
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credential").field("scheme", &self.scheme).finish_non_exhaustive()
    }
}

/// Where the runtime gets a connection's credentials, each time it needs them.
#[async_trait]
pub trait CredentialSource: Send + Sync {
    /// All credentials of a connection; empty when it has none.
    async fn credentials(&self, connection: &ConnectionId) -> Result<Credentials, StoreError>;
}
