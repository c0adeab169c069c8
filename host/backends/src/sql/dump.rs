//! The read model as text, to compare two stores.

use super::Store;
use super::conn::Readers;
use super::error::{Doing, Error};
use crate::sql::query::Builder;
use opssight_core::error::StoreError;
use std::fmt::Write;

/// Every table of the read model, with its columns and the order of its key.
const TABLES: &[(&str, &str, &str)] = &[
    (
        "runs",
        "id, connection, upstream_id, attempt, service, pipeline, branch, commit_id, cause, actor, state, result, created_at, started_at, finished_at, sort_at, search, doc",
        "id",
    ),
    ("jobs", "id, run, name, state, result, started_at, finished_at, sort_at, doc", "id"),
    (
        "deployments",
        "id, connection, service, environment, outcome, is_rollback, asked_at, finished_at, sort_at, doc",
        "id",
    ),
    ("changes", "id, connection, service, number, state, begun_at, merged_at, sort_at, doc", "id"),
    ("change_commits", "connection, service, commit_id, change_id", "connection, service, commit_id, change_id"),
    ("commits", "connection, service, id, committed_at", "connection, service, id"),
    ("releases", "id, connection, service, tag, deleted, sort_at, doc", "id"),
    ("repositories", "connection, service, archived, removed, doc", "connection, service"),
    (
        "ledger_deployments",
        "deployment, connection, service, environment, asked_at, finished_at, succeeded, is_rollback, failed, taken_back_by, recovery_by, recovery_us, repairs, rework",
        "deployment",
    ),
    ("ledger_changes", "change_id, environment, service, deployment, finished_at, lead_us", "change_id, environment"),
];

impl Store {
    /// All rows of the read model and of the ledger, one a line, in an order that depends on nothing but themselves:
    /// two stores that were told the same, in whatever order and however often, give the same text. The ledger
    /// follows the event log, so call [`opssight_core::delivery::DeliveryStore::follow`] until it returns zero first.
    ///
    /// For tests and for `doctor`; it holds everything in memory.
    pub async fn read_model_dump(&self) -> Result<String, StoreError> {
        const DOING: &str = "write the read model out";
        let mut dump = String::new();
        let json = match self.readers {
            Readers::Sqlite(_) => "json_array",
            Readers::Postgres(_) => "json_build_array",
        };
        // One transaction, so that all tables are of the same moment.
        let mut snapshot = self.readers.snapshot().await.doing(DOING)?;
        for (table, columns, order) in TABLES {
            let select = format!("SELECT CAST({json}({columns}) AS TEXT) FROM {table} ORDER BY {order}");
            let rows: Vec<(String,)> =
                Builder::new(&select).build_query_as().fetch_all(&mut snapshot).await.doing(DOING)?;
            for (row,) in rows {
                // The two put blanks in different places.
                let row: serde_json::Value =
                    serde_json::from_str(&row).map_err(Error::stored("row as JSON")).doing(DOING)?;
                let _ = writeln!(dump, "{table} {row}");
            }
        }
        Ok(dump)
    }
}
