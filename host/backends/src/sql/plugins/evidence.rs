//! Records of calls: one document each, with what lists are filtered by beside it.

mod share;

use crate::sql::error::{Doing, Error};
use crate::sql::query::{Builder, query, query_scalar};
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
use sqlx::FromRow;

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
    replayable: i64,
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
            replayable: self.replayable != 0,
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
    let size = i64::try_from(document.len()).unwrap_or(i64::MAX);
    let before: Option<i64> = query_scalar("SELECT size FROM plugin_calls WHERE id = $1")
        .bind(record.id.as_str())
        .fetch_optional(&mut *conn)
        .await?;
    share::count(conn, record.plugin.as_str(), size.saturating_sub(before.unwrap_or(0))).await?;
    query(
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
    .bind(size)
    .bind(document)
    .execute(conn)
    .await?;
    Ok(())
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
        let document: Option<String> = query_scalar("SELECT document FROM plugin_calls WHERE id = $1")
            .bind(call.as_str())
            .fetch_optional(&self.readers)
            .await
            .doing(DOING)?;
        let read = |document: String| CallRecord::parse(document.as_bytes());
        document.map(read).transpose().map_err(|error| StoreError::new(DOING, error))
    }

    async fn calls(&self, query: &CallQuery) -> Result<Page<CallSummary>, StoreError> {
        const DOING: &str = "list the records of calls";
        let mut sql = Builder::new(
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
        self.write("let go of old records of calls", *keep, |keep, conn| Box::pin(share::purge(conn, keep))).await
    }
}
