//! Records of calls: one document each, with what lists are filtered by beside it.

use crate::sql::error::{Doing, Error};
use crate::sql::{Conn, Store, page};
use async_trait::async_trait;
use opssight_core::error::StoreError;
use opssight_core::id::{CallId, ConnectionId, PluginId};
use opssight_core::page::{Cursor, Page};
use opssight_core::plugins::evidence::{
    CallQuery, CallRecord, CallSummary, EvidenceStore, KeepCalls, Outcome, OutcomeFilter,
};
use opssight_core::plugins::{FailureClass, FaultSource};
use opssight_core::time::Timestamp;
use sqlx::{FromRow, QueryBuilder};

/// Records that go in one transaction; the writer is free for others in between.
const BATCH: i64 = 200;

#[derive(FromRow)]
struct Row {
    id: String,
    at: i64,
    plugin: String,
    version: String,
    digest: String,
    connection: String,
    kind: String,
    fault: Option<String>,
    class: Option<String>,
    code: Option<String>,
    message: Option<String>,
    replayable: bool,
    size: i64,
}

impl Row {
    fn read(self) -> Result<CallSummary, Error> {
        let failure = match (self.fault, self.class) {
            (Some(fault), Some(class)) => {
                let source = FaultSource::parse(&fault).ok_or(Error::Word(fault))?;
                let class = FailureClass::parse(&class).ok_or(Error::Word(class))?;
                Some((source, class, self.code.unwrap_or_default(), self.message.unwrap_or_default()))
            }
            _ => None,
        };
        Ok(CallSummary {
            id: CallId(self.id),
            at: Timestamp(self.at),
            plugin: PluginId(self.plugin),
            version: self.version,
            digest: self.digest,
            connection: ConnectionId(self.connection),
            kind: self.kind,
            failure,
            replayable: self.replayable,
            size: self.size.unsigned_abs(),
        })
    }
}

async fn put(conn: &mut Conn, record: &CallRecord, document: &str) -> Result<(), Error> {
    let (fault, class, code, message) = match &record.outcome {
        Outcome::Answer { .. } => (None, None, None, None),
        Outcome::Failure { fault, class, code, message, .. } => {
            (Some(fault.name()), Some(class.name()), Some(code.as_str()), Some(message.as_str()))
        }
    };
    sqlx::query(
        "INSERT INTO plugin_calls (id, at, plugin, version, digest, connection, kind, fault, class, code, message,
             replayable, size, document)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
         ON CONFLICT (id) DO UPDATE SET document = excluded.document, size = excluded.size",
    )
    .bind(record.id.as_str())
    .bind(record.at.0)
    .bind(record.plugin.as_str())
    .bind(record.version.as_str())
    .bind(record.digest.as_str())
    .bind(record.connection.as_str())
    .bind(record.kind.as_str())
    .bind(fault)
    .bind(class)
    .bind(code)
    .bind(message)
    .bind(record.replayable().is_ok())
    .bind(i64::try_from(document.len()).unwrap_or(i64::MAX))
    .bind(document)
    .execute(conn)
    .await?;
    Ok(())
}

/// The oldest first: those past their time, then as many as it takes.
async fn purge(conn: &mut Conn, keep: &KeepCalls) -> Result<u64, Error> {
    let old = sqlx::query(
        "DELETE FROM plugin_calls WHERE id IN (SELECT id FROM plugin_calls WHERE at < $1 ORDER BY at, id LIMIT $2)",
    )
    .bind(keep.since.0)
    .bind(BATCH)
    .execute(&mut *conn)
    .await?;
    if old.rows_affected() > 0 {
        return Ok(old.rows_affected());
    }
    let kept: i64 = sqlx::query_scalar("SELECT COALESCE(SUM(size), 0) FROM plugin_calls").fetch_one(&mut *conn).await?;
    let surplus = kept.saturating_sub(i64::try_from(keep.bytes).unwrap_or(i64::MAX));
    if surplus <= 0 {
        return Ok(0);
    }
    let oldest: Vec<(String, i64)> = sqlx::query_as("SELECT id, size FROM plugin_calls ORDER BY at, id LIMIT $1")
        .bind(BATCH)
        .fetch_all(&mut *conn)
        .await?;
    let (mut gone, mut freed) = (0, 0_i64);
    for (id, size) in oldest {
        if freed >= surplus {
            break;
        }
        sqlx::query("DELETE FROM plugin_calls WHERE id = $1").bind(id).execute(&mut *conn).await?;
        freed = freed.saturating_add(size);
        gone += 1;
    }
    Ok(gone)
}

#[async_trait]
impl EvidenceStore for Store {
    async fn put(&self, record: &CallRecord) -> Result<(), StoreError> {
        let document = record.document();
        let data = (record.clone(), document);
        self.write("keep the record of the call", data, |(record, document), conn| {
            Box::pin(put(conn, record, document))
        })
        .await
    }

    async fn call(&self, call: &CallId) -> Result<Option<CallRecord>, StoreError> {
        const DOING: &str = "look up the record of the call";
        let document: Option<String> = sqlx::query_scalar("SELECT document FROM plugin_calls WHERE id = $1")
            .bind(call.as_str())
            .fetch_optional(&self.readers)
            .await
            .doing(DOING)?;
        let read = |document: String| CallRecord::parse(document.as_bytes());
        document.map(read).transpose().map_err(|error| StoreError::new(DOING, error))
    }

    async fn calls(&self, query: &CallQuery) -> Result<Page<CallSummary>, StoreError> {
        const DOING: &str = "list the records of calls";
        let mut sql = QueryBuilder::new(
            "SELECT id, at, plugin, version, digest, connection, kind, fault, class, code, message, replayable, size
             FROM plugin_calls WHERE TRUE",
        );
        if let Some(plugin) = &query.plugin {
            sql.push(" AND plugin = ").push_bind(plugin.0.clone());
        }
        if let Some(connection) = &query.connection {
            sql.push(" AND connection = ").push_bind(connection.0.clone());
        }
        match query.outcome {
            None => {}
            Some(OutcomeFilter::Ok) => drop(sql.push(" AND fault IS NULL")),
            Some(OutcomeFilter::Failed) => drop(sql.push(" AND fault IS NOT NULL")),
        }
        page::push(&mut sql, &query.page, "at", "id");
        let rows: Vec<Row> = sql.build_query_as().fetch_all(&self.readers).await.doing(DOING)?;
        let rows = rows.into_iter().map(Row::read).collect::<Result<Vec<_>, _>>().doing(DOING)?;
        Ok(page::page(rows, &query.page, |row| Cursor { at: row.at, id: row.id.0.clone() }))
    }

    async fn purge_calls(&self, keep: &KeepCalls) -> Result<u64, StoreError> {
        self.write("let go of old records of calls", *keep, |keep, conn| Box::pin(purge(conn, keep))).await
    }
}
