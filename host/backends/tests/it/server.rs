//! The PostgreSQL that `cargo xtask test` starts.

use opssight_backends::SystemClock;
use opssight_core::time::Clock;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection};
use std::str::FromStr;
use std::sync::atomic::{AtomicU32, Ordering};

/// An empty database of a test's own. It goes with the server.
pub(crate) struct Database {
    pub(crate) address: String,
}

/// Where the server is, as somebody who may create databases.
#[expect(clippy::disallowed_methods, reason = "`cargo xtask test` says where its server is")]
pub(crate) fn server() -> String {
    std::env::var("OPSSIGHT_TEST_POSTGRES").expect(
        "OPSSIGHT_TEST_POSTGRES is not set: `cargo xtask test` starts a PostgreSQL and sets it; for one test, run \
         `cargo xtask services` beside it and set what that prints",
    )
}

impl Database {
    pub(crate) async fn create() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        // Ids of processes come again, and the server may have seen an earlier run.
        let now = SystemClock.now().0;
        let name = format!("test_{now}_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let mut conn = PgConnection::connect(&server()).await.unwrap();
        sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut conn).await.unwrap();
        conn.close().await.unwrap();
        let options = PgConnectOptions::from_str(&server()).unwrap().database(&name);
        Self { address: options.to_url_lossy().to_string() }
    }
}
