//! Statements whose cost must not grow with the table: their plans use an index and sort nothing.

use super::hooks::log;
use super::{Store, StoreOptions, delivery, pipelines};
use crate::sql::conn::Readers;
use crate::sql::query::Builder;
use crate::{LocalBus, SystemClock, SystemRandomness};
use opssight_core::delivery::{ChangeQuery, DeploymentQuery};
use opssight_core::hooks::{DeliveryQuery, DeliveryState};
use opssight_core::page::{Cursor, PageOf};
use opssight_core::pipelines::{RunQuery, RunStateFilter};
use opssight_core::time::{Clock, Timestamp};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection};
use std::str::FromStr;
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
    let plan = plan(&store, super::hooks::CHOOSE.sqlite).await;
    for step in ["(connection>?)", "(connection=? AND due_at<?)"] {
        assert!(plan.contains(&format!("deliveries_waiting {step}")), "{plan}");
    }
    assert!(!plan.split("; ").any(|step| step.starts_with("SCAN d")), "{plan}");
}

/// PostgreSQL chooses by what it knows of the table: with a backlog in it, it seeks as well.
#[expect(clippy::disallowed_methods, reason = "`cargo xtask test` says where its server is")]
#[tokio::test]
async fn postgres_reads_no_backlog_to_know_whose_turn_it_is() {
    let server = std::env::var("OPSSIGHT_TEST_POSTGRES").expect("`cargo xtask test` starts a PostgreSQL and sets it");
    let name = format!("plan_{}", SystemClock.now().0);
    let mut conn = PgConnection::connect(&server).await.unwrap();
    sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut conn).await.unwrap();
    let address = PgConnectOptions::from_str(&server).unwrap().database(&name).to_url_lossy();
    let options = StoreOptions::new([1; 32], Arc::new(SystemRandomness), Arc::new(LocalBus::new()));
    let store = Store::connect(address.as_str(), options).await.unwrap();
    let mut conn = PgConnection::connect(address.as_str()).await.unwrap();
    let backlog = "INSERT INTO deliveries (id, connection, upstream_id, state, size, received_at, due_at, headers)
        SELECT 'dlv_' || n, 'c' || n % 3, n::text, 'pending', 1, n, n, '[]' FROM generate_series(1, 20000) n";
    sqlx::query(backlog).execute(&mut conn).await.unwrap();
    sqlx::query("ANALYZE deliveries").execute(&mut conn).await.unwrap();
    for (statement, values) in [
        (super::hooks::CHOOSE.postgres, "'{}', 99999, 8, 16, 32"),
        (super::hooks::LEASE.postgres, "'[\"dlv_1\",\"dlv_2\"]', 99999, 1, 'm'"),
    ] {
        // As a prepared statement runs, whose values are not known when it is planned.
        let plan = |sql: String| sqlx::query_scalar::<_, String>(AssertSqlSafe(sql));
        let types = if values.starts_with("'{}'") {
            "text, bigint, bigint, bigint, bigint"
        } else {
            "text, bigint, bigint, text"
        };
        sqlx::raw_sql(AssertSqlSafe(format!("DEALLOCATE ALL; PREPARE planned ({types}) AS {statement}")))
            .execute(&mut conn)
            .await
            .unwrap();
        let steps = plan(format!("EXPLAIN EXECUTE planned ({values})")).fetch_all(&mut conn).await.unwrap().join("\n");
        assert!(!steps.contains("Seq Scan on deliveries"), "{steps}");
    }
    store.close().await;
}
