//! The rows behind one metric.

use super::ledger::{StoredChange, StoredRow, push_window};
use crate::sql::error::Error;
use crate::sql::query::Builder;
use crate::sql::{Store, page};
use opssight_core::delivery::dora::Metric;
use opssight_core::delivery::{Evidence, EvidenceQuery};
use opssight_core::page::{Cursor, Page};
use opssight_core::time::Timestamp;
use sqlx::FromRow;

#[derive(FromRow)]
struct CarriedRow {
    #[sqlx(flatten)]
    change: StoredChange,
    finished_at: i64,
}

/// What makes a deployment evidence of a metric.
fn condition(metric: Metric) -> &'static str {
    match metric {
        Metric::DeploymentFrequency => "succeeded = 1 AND",
        Metric::ChangeFailRate => "failed = 1 AND",
        Metric::FailedDeploymentRecoveryTime => "recovery_by IS NOT NULL AND",
        Metric::DeploymentReworkRate => "rework = 1 AND",
        // Its evidence are changes.
        Metric::ChangeLeadTime => "",
    }
}

impl Store {
    pub(super) async fn read_evidence(&self, query: &EvidenceQuery) -> Result<Page<Evidence>, Error> {
        match query.metric {
            Metric::ChangeLeadTime => self.carried_changes(query).await,
            _ => self.deployments_behind(query).await,
        }
    }

    async fn deployments_behind(&self, query: &EvidenceQuery) -> Result<Page<Evidence>, Error> {
        let mut sql = Builder::new("SELECT * FROM ledger_deployments WHERE ");
        sql.push(condition(query.metric));
        push_window(&mut sql, &query.of);
        page::push(&mut sql, &query.page, "finished_at", "deployment");
        let rows: Vec<StoredRow> = sql.build_query_as().fetch_all(&self.readers).await?;
        let cursor = |row: &StoredRow| Cursor { at: Timestamp(row.finished_at), id: row.deployment.clone() };
        let rows = page::page(rows, &query.page, cursor);
        let mut items = Vec::with_capacity(rows.items.len());
        for row in rows.items {
            // Retention may have been here in between.
            if let Some(deployment) = self.find_deployment(&row.deployment).await? {
                items.push(Evidence { row: row.row(), deployment, change: None });
            }
        }
        Ok(Page { items, next: rows.next })
    }

    async fn carried_changes(&self, query: &EvidenceQuery) -> Result<Page<Evidence>, Error> {
        let mut sql = Builder::new("SELECT change_id, deployment, lead_us, finished_at FROM ledger_changes WHERE");
        push_window(&mut sql, &query.of);
        page::push(&mut sql, &query.page, "finished_at", "change_id");
        let rows: Vec<CarriedRow> = sql.build_query_as().fetch_all(&self.readers).await?;
        let rows = rows.into_iter().map(|row| (row.finished_at, row.change.row())).collect();
        let rows = page::page(rows, &query.page, |(at, row)| Cursor { at: Timestamp(*at), id: row.change.0.clone() });
        let mut items = Vec::with_capacity(rows.items.len());
        for (_, carried) in rows.items {
            let row = self.ledger_row(carried.deployment.as_str()).await?;
            let deployment = self.find_deployment(carried.deployment.as_str()).await?;
            let change = self.find_change(carried.change.as_str()).await?;
            if let (Some(row), Some(deployment), Some(change)) = (row, deployment, change) {
                items.push(Evidence { row, deployment, change: Some((carried, change)) });
            }
        }
        Ok(Page { items, next: rows.next })
    }
}
