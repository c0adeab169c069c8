//! The read model as text, to compare two stores.

use super::Store;
use super::error::Doing;
use opssight_core::error::StoreError;
use std::fmt::Write;

/// Every table of the read model, with what gives one row as text, in the order of its key. (SQLite: `json_array`.)
const TABLES: &[(&str, &str)] = &[
    (
        "runs",
        "SELECT json_array(id, connection, upstream_id, attempt, service, pipeline, branch, commit_id, cause, actor,
         state, result, created_at, started_at, finished_at, sort_at, search, doc) FROM runs ORDER BY id",
    ),
    (
        "jobs",
        "SELECT json_array(id, run, name, state, result, started_at, finished_at, sort_at, doc)
         FROM jobs ORDER BY id",
    ),
    (
        "deployments",
        "SELECT json_array(id, connection, service, environment, outcome, is_rollback, asked_at, finished_at, sort_at,
         doc) FROM deployments ORDER BY id",
    ),
    (
        "changes",
        "SELECT json_array(id, connection, service, number, state, begun_at, merged_at, sort_at, doc)
         FROM changes ORDER BY id",
    ),
    (
        "change_commits",
        "SELECT json_array(connection, service, commit_id, change_id) FROM change_commits
         ORDER BY connection, service, commit_id, change_id",
    ),
    (
        "commits",
        "SELECT json_array(connection, service, id, committed_at) FROM commits ORDER BY connection, service, id",
    ),
    ("releases", "SELECT json_array(id, connection, service, tag, deleted, sort_at, doc) FROM releases ORDER BY id"),
    (
        "repositories",
        "SELECT json_array(connection, service, archived, removed, doc) FROM repositories
         ORDER BY connection, service",
    ),
    (
        "ledger_deployments",
        "SELECT json_array(deployment, connection, service, environment, asked_at, finished_at, succeeded,
         is_rollback, failed, taken_back_by, recovery_by, recovery_us, repairs, rework)
         FROM ledger_deployments ORDER BY deployment",
    ),
    (
        "ledger_changes",
        "SELECT json_array(change_id, environment, service, deployment, finished_at, lead_us)
         FROM ledger_changes ORDER BY change_id, environment",
    ),
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
        // One transaction, so that all tables are of the same moment.
        let mut snapshot = self.readers.begin().await.doing(DOING)?;
        for (table, select) in TABLES {
            let rows: Vec<String> = sqlx::query_scalar(*select).fetch_all(&mut *snapshot).await.doing(DOING)?;
            for row in rows {
                let _ = writeln!(dump, "{table} {row}");
            }
        }
        Ok(dump)
    }
}
