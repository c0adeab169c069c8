//! A store of every earlier version opens, with what was in it, and is then what a new one is.

use crate::ports::{open_at, options};
use crate::server::Database;
use opssight_backends::Store;
use opssight_core::events::{Relays, Start};
use sqlx::migrate::Migrator;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, SqliteConnection};
use std::path::{Path, PathBuf};

/// Tables in which a row means something by itself to whoever opens the store.
const KEPT_EMPTY: &str = "'house', '_sqlx_migrations', 'sqlite_sequence'";

/// The steps that stores out there have taken, with the beginning of the checksum of each. One that is changed leaves those
/// stores behind, and they do not open any more: what is to be different takes a step of its own, and a line here.
const STEPS: &[(&str, &[(i64, &str)])] = &[
    (
        "sqlite",
        &[
            (1, "1199015ccc3b186f934eaf4af06afc5f"),
            (2, "d90d711659c8bbdab713a8fc499773e4"),
            (3, "36db4937b073b070a7c9a500f6e74d59"),
            (4, "8e9058ac6067525c4f39b175f5cff769"),
            (5, "d5c5df4a5420f10a71650d7b71ffddb7"),
            (6, "e006269e6cc76b11e77cfc11f388340d"),
            (7, "3d97e2290e47be02bd90ce94b42d8cd0"),
            (8, "b22f6cfd3982f8e5f6eaeea7ece43f88"),
            (9, "7506da7500a743f7c9e3a063edfb26b4"),
            (10, "41282be10cd0198c732eb930e54032f6"),
            (11, "dd8e86db525689f0b98bbc85c9a5086e"),
            (12, "bd1b9bc9c11cd949c58d5c33ea2985bb"),
            (13, "2fa7ac463305fbed8bdc5a778f7ed1b8"),
            (14, "57a3e4fbcded9f51ce6518f680446dec"),
            (15, "36cf4b6a1c3595964edb44a3c7325221"),
        ],
    ),
    (
        "postgres",
        &[
            (11, "a1ed26efb3a1bb3073b602cb2b996a30"),
            (12, "55d257df020dd610304524eab8756bd7"),
            (13, "2fa7ac463305fbed8bdc5a778f7ed1b8"),
            (14, "472be03d77ec315a1c7e34fac99da661"),
            (15, "211be1361e0f1e4ebe02124f73a3a5d0"),
        ],
    ),
];

#[tokio::test]
async fn a_step_that_was_taken_somewhere_stays_as_it_is() {
    for (name, steps) in STEPS {
        let all = Migrator::new(folder(name)).await.unwrap();
        let all: Vec<(i64, String)> =
            all.iter().map(|step| (step.version, hex::encode(&step.checksum).chars().take(32).collect())).collect();
        let pinned: Vec<(i64, String)> = steps.iter().map(|&(version, sum)| (version, sum.to_owned())).collect();
        assert_eq!(all, pinned, "{name}: a step was changed, which no store can follow; or a new one has no line here");
    }
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(name)
}

async fn sqlite(file: &Path) -> SqliteConnection {
    // A row of each table by itself refers to nothing.
    let options = SqliteConnectOptions::new().filename(file).create_if_missing(true).foreign_keys(false);
    options.connect().await.unwrap()
}

/// A value that a column of this type takes.
fn value(kind: &str) -> &'static str {
    match kind.to_ascii_lowercase().as_str() {
        "text" => "'x'",
        "blob" => "x'01'",
        "bytea" => "'\\x01'",
        "boolean" => "TRUE",
        _ => "1",
    }
}

fn insert(table: &str, columns: &[(String, String)]) -> String {
    let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
    let values: Vec<&str> = columns.iter().map(|(_, kind)| value(kind)).collect();
    format!("INSERT INTO {table} ({}) VALUES ({}) ON CONFLICT DO NOTHING", names.join(", "), values.join(", "))
}

/// One row in every table; which tables those are.
async fn furnish_sqlite(conn: &mut SqliteConnection) -> Vec<String> {
    let tables = format!("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT IN ({KEPT_EMPTY})");
    let tables: Vec<String> = sqlx::query_scalar(AssertSqlSafe(tables)).fetch_all(&mut *conn).await.unwrap();
    for table in &tables {
        let columns = "SELECT name, type FROM pragma_table_info($1) WHERE \"notnull\" = 1 AND dflt_value IS NULL";
        let columns: Vec<(String, String)> = sqlx::query_as(columns).bind(table).fetch_all(&mut *conn).await.unwrap();
        sqlx::query(AssertSqlSafe(insert(table, &columns))).execute(&mut *conn).await.unwrap();
    }
    tables
}

async fn shape_sqlite(conn: &mut SqliteConnection) -> Vec<(String, String)> {
    let shape = "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name";
    sqlx::query_as(shape).fetch_all(conn).await.unwrap()
}

#[tokio::test]
async fn sqlite_opens_from_every_earlier_version() {
    let all = Migrator::new(folder("sqlite")).await.unwrap();
    let fresh = tempfile::tempdir().unwrap();
    open_at(fresh.path()).await.close().await;
    let wanted = shape_sqlite(&mut sqlite(&fresh.path().join("opssight.sqlite")).await).await;
    for version in all.iter().map(|migration| migration.version) {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("opssight.sqlite");
        let mut conn = sqlite(&file).await;
        all.run_to(version, &mut conn).await.unwrap();
        let tables = furnish_sqlite(&mut conn).await;
        conn.close().await.unwrap();
        open_at(dir.path()).await.close().await;
        let mut conn = sqlite(&file).await;
        assert_eq!(shape_sqlite(&mut conn).await, wanted, "from version {version}");
        for table in tables {
            let there = format!("SELECT COUNT(*) FROM {table}");
            let rows: i64 = sqlx::query_scalar(AssertSqlSafe(there)).fetch_one(&mut conn).await.unwrap();
            assert!(rows > 0, "what was in {table} of version {version} is gone");
        }
    }
}

/// One row in every table; which tables those are.
async fn furnish_postgres(conn: &mut PgConnection) -> Vec<String> {
    sqlx::query("SET session_replication_role = replica").execute(&mut *conn).await.unwrap();
    let tables = format!(
        "SELECT table_name::text FROM information_schema.tables
         WHERE table_schema = 'public' AND table_name NOT IN ({KEPT_EMPTY}, 'members')"
    );
    let tables: Vec<String> = sqlx::query_scalar(AssertSqlSafe(tables)).fetch_all(&mut *conn).await.unwrap();
    for table in &tables {
        let columns = "SELECT column_name::text, data_type::text FROM information_schema.columns
                       WHERE table_schema = 'public' AND table_name = $1 AND is_nullable = 'NO'
                         AND column_default IS NULL AND is_identity = 'NO'";
        let columns: Vec<(String, String)> = sqlx::query_as(columns).bind(table).fetch_all(&mut *conn).await.unwrap();
        sqlx::query(AssertSqlSafe(insert(table, &columns))).execute(&mut *conn).await.unwrap();
    }
    tables
}

async fn shape_postgres(conn: &mut PgConnection) -> Vec<(String, String, String)> {
    let shape = "SELECT table_name::text, column_name::text, data_type::text FROM information_schema.columns
                 WHERE table_schema = 'public'
                 UNION ALL SELECT tablename::text, indexname::text, indexdef FROM pg_indexes
                 WHERE schemaname = 'public' ORDER BY 1, 2";
    sqlx::query_as(shape).fetch_all(conn).await.unwrap()
}

#[tokio::test]
async fn postgres_opens_from_every_earlier_version() {
    let all = Migrator::new(folder("postgres")).await.unwrap();
    let fresh = Database::create().await;
    Store::connect(&fresh.address, options()).await.unwrap().close().await;
    let wanted = shape_postgres(&mut PgConnection::connect(&fresh.address).await.unwrap()).await;
    for version in all.iter().map(|migration| migration.version) {
        let database = Database::create().await;
        let mut conn = PgConnection::connect(&database.address).await.unwrap();
        all.run_to(version, &mut conn).await.unwrap();
        let tables = furnish_postgres(&mut conn).await;
        Store::connect(&database.address, options()).await.unwrap().close().await;
        assert_eq!(shape_postgres(&mut conn).await, wanted, "from version {version}");
        for table in tables {
            let there = format!("SELECT COUNT(*) FROM {table}");
            let rows: i64 = sqlx::query_scalar(AssertSqlSafe(there)).fetch_one(&mut conn).await.unwrap();
            assert!(rows > 0, "what was in {table} of version {version} is gone");
        }
    }
}

/// What earlier versions kept beside the ledger's place.
const METRICS_PLACE: &str = "INSERT INTO subscribers (name, seq) VALUES ('metrics', 5)";

/// Retention waits for subscribers for ever, and for relays only so long.
const WHO_IS_WAITED_FOR: &str = "SELECT name FROM subscribers";

#[tokio::test]
async fn on_sqlite_the_metrics_go_on_where_they_were_and_hold_nothing_back_for_ever() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("opssight.sqlite");
    let mut conn = sqlite(&file).await;
    Migrator::new(folder("sqlite")).await.unwrap().run_to(12, &mut conn).await.unwrap();
    sqlx::query(METRICS_PLACE).execute(&mut conn).await.unwrap();
    conn.close().await.unwrap();
    let store = open_at(dir.path()).await;
    assert_eq!(store.take_turn("metrics", Start::Oldest).await.unwrap().unwrap().seq, 5);
    store.close().await;
    let left: Vec<String> = sqlx::query_scalar(WHO_IS_WAITED_FOR).fetch_all(&mut sqlite(&file).await).await.unwrap();
    assert_eq!(left, ["ledger"]);
}

#[tokio::test]
async fn on_postgres_the_metrics_go_on_where_they_were_and_hold_nothing_back_for_ever() {
    let database = Database::create().await;
    let mut conn = PgConnection::connect(&database.address).await.unwrap();
    Migrator::new(folder("postgres")).await.unwrap().run_to(12, &mut conn).await.unwrap();
    sqlx::query(METRICS_PLACE).execute(&mut conn).await.unwrap();
    let store = Store::connect(&database.address, options()).await.unwrap();
    assert_eq!(store.take_turn("metrics", Start::Oldest).await.unwrap().unwrap().seq, 5);
    store.close().await;
    let left: Vec<String> = sqlx::query_scalar(WHO_IS_WAITED_FOR).fetch_all(&mut conn).await.unwrap();
    assert_eq!(left, ["ledger"]);
}
