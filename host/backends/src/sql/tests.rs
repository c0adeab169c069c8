//! Statements whose cost must not grow with the table: their plans use an index and sort nothing.

use super::hooks::log;
use super::{Store, StoreOptions, delivery, pipelines};
use crate::sql::conn::Readers;
use crate::sql::query::Builder;
use crate::{LocalBus, SystemRandomness};
use opssight_core::delivery::{ChangeQuery, DeploymentQuery};
use opssight_core::hooks::{DeliveryQuery, DeliveryState};
use opssight_core::page::{Cursor, PageOf};
use opssight_core::pipelines::{RunQuery, RunStateFilter};
use opssight_core::time::Timestamp;
use sqlx::AssertSqlSafe;
use std::sync::Arc;

async fn plan(store: &Store, sql: &str) -> String {
    let Readers::Sqlite(readers) = &store.readers else { panic!("a file") };
    let rows: Vec<(i64, i64, i64, String)> =
        sqlx::query_as(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"))).fetch_all(readers).await.unwrap();
    rows.into_iter().map(|(_, _, _, step)| step).collect::<Vec<_>>().join("; ")
}

/// The plan uses this index, reads no table from end to end, and does not sort.
async fn check(store: &Store, sql: &str, index: &str) {
    let plan = plan(store, sql).await;
    assert!(plan.contains(index), "{plan}\nfor {sql}");
    assert!(!plan.contains("TEMP B-TREE"), "{plan}\nfor {sql}");
    let bare_scan = plan.split("; ").any(|step| step.starts_with("SCAN") && !step.contains("INDEX"));
    assert!(!bare_scan, "{plan}\nfor {sql}");
}

#[tokio::test]
async fn lists_and_leases_use_their_indexes() {
    let dir = tempfile::tempdir().unwrap();
    let options = StoreOptions::new([1; 32], Arc::new(SystemRandomness), Arc::new(LocalBus::new()));
    let store = Store::open(dir.path(), options).await.unwrap();
    let later = PageOf { after: Some(Cursor { at: Timestamp(1), id: "x".to_owned() }), limit: 10 };
    let text = |text: &str| Some(text.to_owned());
    let runs = |query: RunQuery| pipelines::list(&query);
    let cases: Vec<(Builder, &str)> = vec![
        (runs(RunQuery::default()), "runs_by_time"),
        (runs(RunQuery { page: later.clone(), ..Default::default() }), "runs_by_time ((sort_at,id)<(?,?))"),
        (runs(RunQuery { since: Some(Timestamp(1)), ..Default::default() }), "runs_by_time (sort_at>?)"),
        (runs(RunQuery { text: text("x"), ..Default::default() }), "runs_by_time"),
        (runs(RunQuery { service: text("s"), ..Default::default() }), "runs_by_service (service=?)"),
        (
            runs(RunQuery { service: text("s"), page: later.clone(), ..Default::default() }),
            "runs_by_service (service=? AND (sort_at,id)<(?,?))",
        ),
        (
            runs(RunQuery { service: text("s"), pipeline: text("p"), ..Default::default() }),
            "runs_by_pipeline (service=? AND pipeline=?)",
        ),
        (runs(RunQuery { state: Some(RunStateFilter::Active), ..Default::default() }), "runs_active"),
        (log::list(&DeliveryQuery::default()), "deliveries_by_time"),
        (
            log::list(&DeliveryQuery { connection: Some("c".into()), page: later.clone(), ..Default::default() }),
            "deliveries_by_connection (connection=? AND (received_at,id)<(?,?))",
        ),
        (
            log::list(&DeliveryQuery { state: Some(DeliveryState::Failed), ..Default::default() }),
            "deliveries_by_state (state=?)",
        ),
        (delivery::deployments(&DeploymentQuery::default()), "deployments_by_time"),
        (
            delivery::deployments(&DeploymentQuery { service: text("s"), page: later, ..Default::default() }),
            "deployments_by_service (service=? AND (sort_at,id)<(?,?))",
        ),
        (
            delivery::changes(&ChangeQuery { service: text("s"), ..Default::default() }),
            "changes_by_service (service=?)",
        ),
    ];
    for (query, index) in cases {
        check(&store, &query.sql(), index).await;
    }
    for (sql, index) in [
        (
            delivery::slice::SUCCESSES_BEFORE,
            "ledger_successes (connection=? AND service=? AND environment=? AND (asked_at,deployment)",
        ),
        (
            delivery::slice::SUCCESSES_AFTER,
            "ledger_successes (connection=? AND service=? AND environment=? AND (asked_at,deployment)",
        ),
        (
            delivery::slice::ROWS_BETWEEN,
            "ledger_order (connection=? AND service=? AND environment=? AND (asked_at,deployment)",
        ),
    ] {
        check(&store, sql, index).await;
    }
}

/// Choosing sorts the few rows it found, and finds them by seeking.
#[tokio::test]
async fn a_backlog_is_not_read_to_know_whose_turn_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let options = StoreOptions::new([1; 32], Arc::new(SystemRandomness), Arc::new(LocalBus::new()));
    let store = Store::open(dir.path(), options).await.unwrap();
    let plan = plan(&store, super::hooks::CHOOSE).await;
    for step in ["(connection>?)", "(connection=? AND due_at<?)"] {
        assert!(plan.contains(&format!("deliveries_waiting {step}")), "{plan}");
    }
    assert!(!plan.split("; ").any(|step| step.starts_with("SCAN d")), "{plan}");
}
