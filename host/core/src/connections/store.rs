//! What a connection is, and the port to whoever keeps them.

use crate::error::StoreError;
use crate::id::{ConnectionId, PluginId};
use crate::page::{Page, PageOf};
use crate::plugins::{CallPriority, CallTarget, Credentials, Grants};
use crate::time::Timestamp;
use async_trait::async_trait;
use std::sync::Arc;

/// A configured plugin. Its credentials are kept apart, sealed.
#[derive(Debug, Clone, PartialEq)]
pub struct Connection {
    /// Its id.
    pub id: ConnectionId,
    /// For people; unique.
    pub name: String,
    /// Which plugin.
    pub plugin: PluginId,
    /// The version whose abilities were consented to, and which therefore runs. None: made before consent was kept;
    /// the active version runs until a start adopts it.
    pub digest: Option<Arc<str>>,
    /// Takes deliveries and is pulled.
    pub enabled: bool,
    /// Validated settings.
    pub settings: Arc<serde_json::Value>,
    /// What it may reach beyond its manifest.
    pub grants: Arc<Grants>,
    /// Made.
    pub created_at: Timestamp,
    /// Last changed; also its version for `If-Match`.
    pub updated_at: Timestamp,
}

impl Connection {
    /// To call its plugin.
    pub fn target(&self, priority: CallPriority) -> CallTarget {
        CallTarget {
            connection: self.id.clone(),
            plugin: self.plugin.clone(),
            digest: self.digest.clone(),
            settings: Arc::clone(&self.settings),
            grants: Arc::clone(&self.grants),
            priority,
        }
    }
}

/// What the last check said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionHealth {
    /// Never checked.
    Unknown,
    /// Works.
    Ok,
    /// Does not.
    Failing,
}

/// A check's result.
#[derive(Debug, Clone)]
pub struct CheckOutcome {
    /// Works or not.
    pub health: ConnectionHealth,
    /// For people.
    pub summary: String,
    /// Whose fault, when failing.
    pub fault: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// How a connection is doing.
#[derive(Debug, Clone, Default)]
pub struct ConnectionStatus {
    /// The last check.
    pub check: Option<CheckOutcome>,
    /// When the newest delivery came.
    pub last_delivery_at: Option<Timestamp>,
    /// Deliveries waiting.
    pub pending: u64,
    /// Deliveries failed for good.
    pub failed: u64,
    /// Its feeds.
    pub feeds: Vec<FeedStatus>,
}

/// How a feed is doing.
#[derive(Debug, Clone)]
pub struct FeedStatus {
    /// Name.
    pub name: String,
    /// Last success.
    pub last_success_at: Option<Timestamp>,
    /// Due next.
    pub next_at: Option<Timestamp>,
    /// The last error, until a success.
    pub error: Option<String>,
    /// Items brought in.
    pub items: u64,
}

/// What became of a new connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inserted {
    /// It is kept.
    Kept,
    /// Another one has its name; nothing was kept.
    NameTaken,
    /// Its plugin does not run the version that the connection is for, but this one, or none at all; nothing was kept.
    OtherVersion(Option<String>),
}

/// The port.
#[async_trait]
pub trait ConnectionStore: Send + Sync {
    /// Keep a new connection, its credentials (sealed) and its feeds (by name, due at once), in one transaction, if the
    /// version that it names, or none, is what its plugin runs then; of a plugin that is not installed, any.
    async fn insert(
        &self,
        connection: &Connection,
        credentials: &Credentials,
        feeds: &[String],
    ) -> Result<Inserted, StoreError>;
    /// Replace a connection, and its credentials where given, if it was last changed at `was` and runs the version that
    /// it names. False: it was not, or does not (or the name is taken).
    async fn update(
        &self,
        connection: &Connection,
        credentials: Option<&Credentials>,
        was: Timestamp,
    ) -> Result<bool, StoreError>;
    /// Remove a connection with its credentials, state, feeds and deliveries; what it reported stays (retention
    /// ends it). False: there was none.
    async fn remove(&self, id: &ConnectionId) -> Result<bool, StoreError>;
    /// One connection. Called for every delivery: cheap.
    async fn connection(&self, id: &ConnectionId) -> Result<Option<Connection>, StoreError>;
    /// A page of connections, newest first.
    async fn connections(&self, plugin: Option<&PluginId>, page: &PageOf) -> Result<Page<Connection>, StoreError>;
    /// How one is doing.
    async fn status(&self, id: &ConnectionId) -> Result<ConnectionStatus, StoreError>;
    /// Take the next check of a connection upon oneself, unless it was checked, or somebody took it, after `before`.
    async fn claim_check(&self, id: &ConnectionId, before: Timestamp, now: Timestamp) -> Result<bool, StoreError>;
    /// Note a check.
    async fn checked(&self, id: &ConnectionId, outcome: &CheckOutcome) -> Result<(), StoreError>;
}
