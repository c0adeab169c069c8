//! Where records are kept.

use super::record::CallRecord;
use crate::error::StoreError;
use crate::id::{CallId, ConnectionId, PluginId};
use crate::page::{Page, PageOf};
use crate::plugins::{FailureClass, FaultSource};
use crate::time::Timestamp;
use async_trait::async_trait;

/// How calls ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutcomeFilter {
    /// With an answer.
    Ok,
    /// With a failure.
    Failed,
}

/// Which records.
#[derive(Debug, Clone, Default)]
pub struct CallQuery {
    /// Which page of them, newest first.
    pub page: PageOf,
    /// Only of this plugin.
    pub plugin: Option<PluginId>,
    /// Only for this connection.
    pub connection: Option<ConnectionId>,
    /// Only those that ended so.
    pub outcome: Option<OutcomeFilter>,
}

/// A kept record, in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallSummary {
    /// Which call.
    pub id: CallId,
    /// When.
    pub at: Timestamp,
    /// Of which plugin.
    pub plugin: PluginId,
    /// Of which version.
    pub version: String,
    /// `sha256:...` of the package.
    pub digest: String,
    /// For which connection.
    pub connection: ConnectionId,
    /// "webhook", "source", ...
    pub kind: String,
    /// Whose fault and what kind of failure, code and message; none when it answered.
    pub failure: Option<(FaultSource, FailureClass, String, String)>,
    /// It can be made again.
    pub replayable: bool,
    /// Size of the record, bytes.
    pub size: u64,
}

/// How much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeepCalls {
    /// Nothing older.
    pub since: Timestamp,
    /// All records together, bytes: of the plugin that has most, the oldest go first.
    pub bytes: u64,
}

/// The port.
#[async_trait]
pub trait EvidenceStore: Send + Sync {
    /// Keep a record. Keeping it twice is fine.
    async fn put(&self, record: &CallRecord) -> Result<(), StoreError>;
    /// One record.
    async fn call(&self, call: &CallId) -> Result<Option<CallRecord>, StoreError>;
    /// Kept records, newest first.
    async fn calls(&self, query: &CallQuery) -> Result<Page<CallSummary>, StoreError>;
    /// Let go of what is old or too much, a bounded number a time; call again while any went. How many went.
    async fn purge_calls(&self, keep: &KeepCalls) -> Result<u64, StoreError>;
}
