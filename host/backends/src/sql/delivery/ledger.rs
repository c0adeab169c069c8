//! The ledger as it is stored, and as it would be if it were computed afresh.

use crate::sql::Store;
use crate::sql::error::Error;
use crate::sql::query::{Builder, query_as};
use opssight_core::delivery::dora::{ChangeRow, Deployed, DeploymentRow, Landed, carried, derive};
use opssight_core::delivery::{LedgerRow, MetricsQuery};
use opssight_core::id::{ChangeId, DeploymentId};
use opssight_core::time::Timestamp;
use sqlx::FromRow;
use std::collections::BTreeMap;

/// Most rows of one answer.
const LARGEST: usize = 100_000;

/// A row of `ledger_deployments`.
#[derive(FromRow, Clone, PartialEq)]
pub(super) struct StoredRow {
    pub(super) deployment: String,
    pub(super) service: String,
    pub(super) environment: String,
    pub(super) asked_at: i64,
    pub(super) finished_at: i64,
    pub(super) succeeded: i64,
    pub(super) is_rollback: i64,
    failed: i64,
    taken_back_by: Option<String>,
    recovery_by: Option<String>,
    recovery_us: Option<i64>,
    repairs: Option<String>,
    rework: i64,
}

impl StoredRow {
    /// Its input.
    pub(super) fn deployed(&self) -> Deployed {
        Deployed {
            id: DeploymentId(self.deployment.clone()),
            asked_at: Timestamp(self.asked_at),
            finished_at: Timestamp(self.finished_at),
            succeeded: self.succeeded != 0,
            rollback: self.is_rollback != 0,
        }
    }

    /// What it means.
    pub(super) fn row(&self) -> DeploymentRow {
        DeploymentRow {
            deployment: DeploymentId(self.deployment.clone()),
            asked_at: Timestamp(self.asked_at),
            finished_at: Timestamp(self.finished_at),
            succeeded: self.succeeded != 0,
            failed: self.failed != 0,
            taken_back_by: self.taken_back_by.clone().map(DeploymentId),
            recovery: self.recovery_by.clone().map(DeploymentId).zip(self.recovery_us),
            repairs: self.repairs.clone().map(DeploymentId),
            rework: self.rework != 0,
        }
    }
}

/// A row of `ledger_changes`.
#[derive(FromRow)]
pub(super) struct StoredChange {
    change_id: String,
    pub(super) deployment: String,
    lead_us: i64,
}

impl StoredChange {
    pub(super) fn row(self) -> ChangeRow {
        ChangeRow {
            change: ChangeId(self.change_id),
            deployment: DeploymentId(self.deployment),
            lead_micros: self.lead_us,
        }
    }
}

/// The conditions of a window; the columns are called the same in both tables of the ledger.
pub(super) fn push_window(sql: &mut Builder, query: &MetricsQuery) {
    sql.push(" finished_at >= ").push_bind(query.from.0).push(" AND finished_at < ").push_bind(query.to.0);
    if let Some(service) = &query.service {
        sql.push(" AND service = ").push_bind(service.clone());
    }
    if let Some(environment) = &query.environment {
        sql.push(" AND environment = ").push_bind(environment.clone());
    }
}

/// A deployment or change that the whole computation needs.
#[derive(FromRow)]
struct Over {
    id: String,
    connection: String,
    service: String,
    environment: String,
    asked_at: i64,
    finished_at: i64,
    outcome: String,
    is_rollback: i64,
}

type Scope = (String, String, String);

impl Store {
    pub(super) async fn read_ledger(&self, query: &MetricsQuery) -> Result<Vec<LedgerRow>, Error> {
        // One transaction, so that deployments and changes are of the same moment.
        let mut snapshot = self.readers.snapshot().await?;
        let mut sql = Builder::new("SELECT * FROM ledger_deployments WHERE");
        push_window(&mut sql, query);
        sql.push(" ORDER BY service, environment, finished_at, deployment LIMIT ");
        sql.push_bind(i64::try_from(LARGEST).unwrap_or(i64::MAX));
        let rows: Vec<StoredRow> = sql.build_query_as().fetch_all(&mut snapshot).await?;
        let mut sql = Builder::new("SELECT change_id, deployment, lead_us FROM ledger_changes WHERE");
        push_window(&mut sql, query);
        sql.push(" ORDER BY change_id");
        let changes: Vec<StoredChange> = sql.build_query_as().fetch_all(&mut snapshot).await?;
        let mut by_deployment: BTreeMap<String, Vec<ChangeRow>> = BTreeMap::new();
        for change in changes {
            by_deployment.entry(change.deployment.clone()).or_default().push(change.row());
        }
        Ok(rows
            .into_iter()
            .map(|row| LedgerRow {
                changes: by_deployment.remove(&row.deployment).unwrap_or_default(),
                deployment: row.row(),
                service: row.service,
                environment: row.environment,
            })
            .collect())
    }

    pub(super) async fn recompute_ledger(&self, query: &MetricsQuery) -> Result<Vec<LedgerRow>, Error> {
        let mut snapshot = self.readers.snapshot().await?;
        let mut sql = Builder::new(
            "SELECT id, connection, service, environment, asked_at, finished_at, outcome, is_rollback
             FROM deployments WHERE asked_at IS NOT NULL",
        );
        if let Some(service) = &query.service {
            sql.push(" AND service = ").push_bind(service.clone());
        }
        if let Some(environment) = &query.environment {
            sql.push(" AND environment = ").push_bind(environment.clone());
        }
        let over: Vec<Over> = sql.build_query_as().fetch_all(&mut snapshot).await?;
        let landed: Vec<(String, String, String, i64, i64)> = query_as(
            "SELECT connection, service, id, COALESCE(begun_at, merged_at), merged_at
             FROM changes WHERE merged_at IS NOT NULL",
        )
        .fetch_all(&mut snapshot)
        .await?;
        drop(snapshot);
        let mut changes: BTreeMap<(String, String), Vec<Landed>> = BTreeMap::new();
        for (connection, service, id, begun_at, merged_at) in landed {
            changes.entry((connection, service)).or_default().push(Landed {
                id: ChangeId(id),
                begun_at: Timestamp(begun_at),
                merged_at: Timestamp(merged_at),
            });
        }
        let mut scopes: BTreeMap<Scope, Vec<Deployed>> = BTreeMap::new();
        for row in over {
            scopes.entry((row.connection, row.service, row.environment)).or_default().push(Deployed {
                id: DeploymentId(row.id),
                asked_at: Timestamp(row.asked_at),
                finished_at: Timestamp(row.finished_at),
                succeeded: row.outcome == "succeeded",
                rollback: row.is_rollback != 0,
            });
        }
        let mut rows = Vec::new();
        for ((connection, service, environment), deployments) in scopes {
            let landed = changes.get(&(connection, service.clone())).map(Vec::as_slice).unwrap_or_default();
            rows.extend(rows_of(&service, &environment, &deployments, landed));
        }
        rows.retain(|row| (query.from..query.to).contains(&row.deployment.finished_at));
        rows.sort_by(|a, b| order(a).cmp(&order(b)));
        rows.truncate(LARGEST);
        Ok(rows)
    }
}

fn order(row: &LedgerRow) -> (&str, &str, Timestamp, &DeploymentId) {
    (&row.service, &row.environment, row.deployment.finished_at, &row.deployment.deployment)
}

fn rows_of(service: &str, environment: &str, deployments: &[Deployed], landed: &[Landed]) -> Vec<LedgerRow> {
    let mut by_deployment: BTreeMap<DeploymentId, Vec<ChangeRow>> = BTreeMap::new();
    for change in carried(deployments, landed) {
        by_deployment.entry(change.deployment.clone()).or_default().push(change);
    }
    derive(deployments)
        .into_iter()
        .map(|row| LedgerRow {
            service: service.to_owned(),
            environment: environment.to_owned(),
            changes: by_deployment.remove(&row.deployment).unwrap_or_default(),
            deployment: row,
        })
        .collect()
}
