//! What the house asks of whoever keeps deployments, changes and the ledger of the metrics.

use super::dora::{ChangeRow, DeploymentRow, Metric};
use super::{Change, Deployment, Outcome};
use crate::error::StoreError;
use crate::id::{ChangeId, DeploymentId};
use crate::page::{Page, PageOf};
use crate::time::Timestamp;
use async_trait::async_trait;
use opssight_items::ChangeState;

/// Which deployments.
#[derive(Debug, Clone, Default)]
pub struct DeploymentQuery {
    /// Of this service.
    pub service: Option<String>,
    /// To this environment.
    pub environment: Option<String>,
    /// With this outcome.
    pub outcome: Option<Outcome>,
    /// Which page.
    pub page: PageOf,
}

/// Which changes.
#[derive(Debug, Clone, Default)]
pub struct ChangeQuery {
    /// Of this service.
    pub service: Option<String>,
    /// In this stage.
    pub state: Option<ChangeState>,
    /// Which page.
    pub page: PageOf,
}

/// Which part of the ledger: rows whose deployment was over in `[from, to)`.
#[derive(Debug, Clone)]
pub struct MetricsQuery {
    /// Of this service.
    pub service: Option<String>,
    /// In this environment.
    pub environment: Option<String>,
    /// Window, start.
    pub from: Timestamp,
    /// Window, end, exclusive.
    pub to: Timestamp,
}

/// One row of the ledger: a deployment that is over, with the changes that it carried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerRow {
    /// "owner/name".
    pub service: String,
    /// Where to.
    pub environment: String,
    /// What it means for the metrics.
    pub deployment: DeploymentRow,
    /// The changes it carried first.
    pub changes: Vec<ChangeRow>,
}

/// Which evidence.
#[derive(Debug, Clone)]
pub struct EvidenceQuery {
    /// Of which metric.
    pub metric: Metric,
    /// Which service, environment and window; both names are set.
    pub of: MetricsQuery,
    /// Which page.
    pub page: PageOf,
}

/// A piece of evidence.
#[derive(Debug, Clone)]
pub struct Evidence {
    /// What it means for the metrics.
    pub row: DeploymentRow,
    /// The deployment.
    pub deployment: Deployment,
    /// For lead time: the change and when work on it began.
    pub change: Option<(ChangeRow, Change)>,
}

/// The port. Writes to deployments and changes come only through [`crate::ingest`]; the ledger follows the event
/// log and is written only by [`DeliveryStore::follow`].
#[async_trait]
pub trait DeliveryStore: Send + Sync {
    /// A page of deployments, newest first.
    async fn deployments(&self, query: &DeploymentQuery) -> Result<Page<Deployment>, StoreError>;
    /// One deployment, with its row of the ledger once it is over.
    async fn deployment(&self, id: &DeploymentId) -> Result<Option<(Deployment, Option<DeploymentRow>)>, StoreError>;
    /// A page of changes, newest first.
    async fn changes(&self, query: &ChangeQuery) -> Result<Page<Change>, StoreError>;
    /// One change.
    async fn change(&self, id: &ChangeId) -> Result<Option<Change>, StoreError>;
    /// The ledger of a window, by service, environment and end; at most 100,000 rows.
    async fn ledger(&self, query: &MetricsQuery) -> Result<Vec<LedgerRow>, StoreError>;
    /// The rows behind one metric, newest first.
    async fn evidence(&self, query: &EvidenceQuery) -> Result<Page<Evidence>, StoreError>;
    /// Take in up to `limit` events that the ledger has not seen: recompute what they touch (with
    /// [`super::dora::derive`] over the neighbourhood) and remember the place, in one transaction. How many were taken in.
    async fn follow(&self, limit: u32) -> Result<u32, StoreError>;
    /// Every scope's rows computed afresh from all deployments and changes, not from the ledger: what `ledger`
    /// must equal. For checks and for `doctor`.
    async fn recompute(&self, query: &MetricsQuery) -> Result<Vec<LedgerRow>, StoreError>;
}
