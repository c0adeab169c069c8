//! Deployments, changes and the ledger of the five metrics.

mod evidence;
mod ledger;
pub(super) mod slice;
mod take_in;

pub(super) use take_in::take_in;

use super::error::{Doing, Error};
use super::{Store, events, page, words};
use crate::sql::query::{Builder, query_as, query_scalar};
use async_trait::async_trait;
use ledger::StoredRow;
use opssight_core::delivery::dora::DeploymentRow;
use opssight_core::delivery::{
    Change, ChangeDoc, ChangeQuery, DeliveryStore, Deployment, DeploymentDoc, DeploymentQuery, Evidence, EvidenceQuery,
    LedgerRow, MetricsQuery,
};
use opssight_core::error::StoreError;
use opssight_core::id::{ChangeId, ConnectionId, DeploymentId};
use opssight_core::page::{Cursor, Page};
use sqlx::FromRow;
use std::collections::BTreeSet;

/// The subscriber that keeps the ledger.
const LEDGER: &str = "ledger";

#[derive(FromRow)]
struct DocRow {
    connection: String,
    doc: String,
}

impl DocRow {
    fn deployment(&self) -> Result<Deployment, Error> {
        let doc: DeploymentDoc = serde_json::from_str(&self.doc).map_err(Error::stored("deployment"))?;
        Ok(doc.view(&ConnectionId(self.connection.clone())))
    }

    fn change(&self) -> Result<Change, Error> {
        let doc: ChangeDoc = serde_json::from_str(&self.doc).map_err(Error::stored("change"))?;
        Ok(doc.view(&ConnectionId(self.connection.clone())))
    }
}

pub(super) fn deployments(query: &DeploymentQuery) -> Builder {
    let mut sql = Builder::new("SELECT connection, doc FROM deployments WHERE TRUE");
    if let Some(service) = &query.service {
        sql.push(" AND service = ").push_bind(service.clone());
    }
    if let Some(environment) = &query.environment {
        sql.push(" AND environment = ").push_bind(environment.clone());
    }
    if let Some(outcome) = query.outcome {
        sql.push(" AND outcome = ").push_bind(outcome.as_str());
    }
    page::push(&mut sql, &query.page, "sort_at", "id");
    sql
}

pub(super) fn changes(query: &ChangeQuery) -> Builder {
    let mut sql = Builder::new("SELECT connection, doc FROM changes WHERE TRUE");
    if let Some(service) = &query.service {
        sql.push(" AND service = ").push_bind(service.clone());
    }
    if let Some(state) = query.state {
        sql.push(" AND state = ").push_bind(words::change_state(state));
    }
    page::push(&mut sql, &query.page, "sort_at", "id");
    sql
}

impl Store {
    async fn list_deployments(&self, query: &DeploymentQuery) -> Result<Page<Deployment>, Error> {
        let rows: Vec<DocRow> = deployments(query).build_query_as().fetch_all(&self.readers).await?;
        let rows = rows.iter().map(DocRow::deployment).collect::<Result<Vec<_>, _>>()?;
        Ok(page::page(rows, &query.page, |row| Cursor { at: row.sort_at(), id: row.id.0.clone() }))
    }

    async fn list_changes(&self, query: &ChangeQuery) -> Result<Page<Change>, Error> {
        let rows: Vec<DocRow> = changes(query).build_query_as().fetch_all(&self.readers).await?;
        let rows = rows.iter().map(DocRow::change).collect::<Result<Vec<_>, _>>()?;
        Ok(page::page(rows, &query.page, |row| Cursor { at: row.sort_at(), id: row.id.0.clone() }))
    }

    async fn find_deployment(&self, id: &str) -> Result<Option<Deployment>, Error> {
        let row: Option<DocRow> = query_as("SELECT connection, doc FROM deployments WHERE id = $1")
            .bind(id)
            .fetch_optional(&self.readers)
            .await?;
        row.map(|row| row.deployment()).transpose()
    }

    async fn find_change(&self, id: &str) -> Result<Option<Change>, Error> {
        let row: Option<DocRow> = query_as("SELECT connection, doc FROM changes WHERE id = $1")
            .bind(id)
            .fetch_optional(&self.readers)
            .await?;
        row.map(|row| row.change()).transpose()
    }

    async fn ledger_row(&self, id: &str) -> Result<Option<DeploymentRow>, Error> {
        let row: Option<StoredRow> = query_as("SELECT * FROM ledger_deployments WHERE deployment = $1")
            .bind(id)
            .fetch_optional(&self.readers)
            .await?;
        Ok(row.map(|row| row.row()))
    }

    /// Whether the log holds something that the ledger has not seen. Mostly not, and looking costs no flush.
    async fn ledger_is_behind(&self) -> Result<bool, Error> {
        let next: Option<i64> = query_scalar(
            "SELECT seq FROM events
             WHERE seq > COALESCE((SELECT seq FROM subscribers WHERE name = $1), 0) LIMIT 1",
        )
        .bind(LEDGER)
        .fetch_optional(&self.readers)
        .await?;
        Ok(next.is_some())
    }
}

async fn follow(conn: &mut super::Conn, limit: u32) -> Result<u32, Error> {
    conn.alone().await?;
    let place = events::place(conn, LEDGER).await?;
    let new: Vec<(i64, String)> = query_as("SELECT seq, subject FROM events WHERE seq > $1 ORDER BY seq LIMIT $2")
        .bind(place)
        .bind(i64::from(limit))
        .fetch_all(&mut *conn)
        .await?;
    let Some((last, _)) = new.last() else { return Ok(0) };
    let of_kind = |prefix: &str| -> Vec<String> {
        let subjects: BTreeSet<&String> =
            new.iter().map(|(_, subject)| subject).filter(|subject| subject.starts_with(prefix)).collect();
        subjects.into_iter().cloned().collect()
    };
    take_in(conn, &of_kind("dep_"), &of_kind("chg_")).await?;
    events::advance(conn, LEDGER, *last).await?;
    Ok(u32::try_from(new.len()).unwrap_or(u32::MAX))
}

#[async_trait]
impl DeliveryStore for Store {
    async fn deployments(&self, query: &DeploymentQuery) -> Result<Page<Deployment>, StoreError> {
        self.list_deployments(query).await.doing("list deployments")
    }

    async fn deployment(&self, id: &DeploymentId) -> Result<Option<(Deployment, Option<DeploymentRow>)>, StoreError> {
        const DOING: &str = "read the deployment";
        let Some(deployment) = self.find_deployment(id.as_str()).await.doing(DOING)? else { return Ok(None) };
        Ok(Some((deployment, self.ledger_row(id.as_str()).await.doing(DOING)?)))
    }

    async fn changes(&self, query: &ChangeQuery) -> Result<Page<Change>, StoreError> {
        self.list_changes(query).await.doing("list changes")
    }

    async fn change(&self, id: &ChangeId) -> Result<Option<Change>, StoreError> {
        self.find_change(id.as_str()).await.doing("read the change")
    }

    async fn ledger(&self, query: &MetricsQuery) -> Result<Vec<LedgerRow>, StoreError> {
        self.read_ledger(query).await.doing("read the ledger of the delivery metrics")
    }

    async fn evidence(&self, query: &EvidenceQuery) -> Result<Page<Evidence>, StoreError> {
        self.read_evidence(query).await.doing("read the evidence of a delivery metric")
    }

    async fn follow(&self, limit: u32) -> Result<u32, StoreError> {
        const DOING: &str = "bring the delivery metrics up to date";
        if !self.ledger_is_behind().await.doing(DOING)? {
            return Ok(0);
        }
        let limit = limit.clamp(1, 1000);
        self.write(DOING, limit, |limit, conn| Box::pin(follow(conn, *limit))).await
    }

    async fn recompute(&self, query: &MetricsQuery) -> Result<Vec<LedgerRow>, StoreError> {
        self.recompute_ledger(query).await.doing("compute the delivery metrics afresh")
    }
}
