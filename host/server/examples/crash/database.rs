//! What the store holds, asked of the store itself: no API counts what must not be there.

use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, SqliteConnection};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Where a world's store is.
pub(crate) enum Database {
    File(PathBuf),
    Server(Box<PgConnectOptions>),
}

impl Database {
    pub(crate) fn file(data: &Path) -> Self {
        Self::File(data.join("opssight.sqlite"))
    }

    /// A new database on a server.
    pub(crate) async fn created_on(server: &str) -> Self {
        const NAME: &str = "crash";
        let mut conn = PgConnection::connect(server).await.expect("the server answers");
        sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {NAME}"))).execute(&mut conn).await.expect("a database");
        Self::Server(Box::new(PgConnectOptions::from_str(server).expect("its address").database(NAME)))
    }

    /// For the setting `store.url`, over a line that listens on this port.
    pub(crate) fn url(&self, port: u16) -> Option<String> {
        match self {
            Self::File(_) => None,
            Self::Server(options) => Some(options.as_ref().clone().port(port).to_url_lossy().to_string()),
        }
    }

    /// The numbers that a statement gives about a connection.
    pub(crate) async fn numbers(&self, sql: &'static str, connection: &str) -> Vec<u64> {
        let numbers: Vec<i64> = match self {
            Self::File(path) => {
                let options = SqliteConnectOptions::new().filename(path).read_only(true);
                let mut conn: SqliteConnection = options.connect().await.expect("the store's file");
                sqlx::query_scalar(sql).bind(connection).fetch_all(&mut conn).await.expect("numbers")
            }
            Self::Server(options) => {
                let mut conn: PgConnection = options.connect().await.expect("the server answers");
                sqlx::query_scalar(sql).bind(connection).fetch_all(&mut conn).await.expect("numbers")
            }
        };
        numbers.into_iter().map(|number| u64::try_from(number).expect("a count")).collect()
    }

    /// Whether one of the last deliveries came at a time that is so far from the right one.
    pub(crate) async fn notes_times(&self, secs: i64) -> bool {
        let Self::File(path) = self else { return false };
        let options = SqliteConnectOptions::new().filename(path).read_only(true);
        let mut conn: SqliteConnection = options.connect().await.expect("the store's file");
        let last = "SELECT received_at FROM deliveries ORDER BY rowid DESC LIMIT 20";
        let last: Vec<i64> = sqlx::query_scalar(last).fetch_all(&mut conn).await.expect("times");
        let now = i64::try_from(std::time::UNIX_EPOCH.elapsed().expect("a time").as_micros()).expect("a time");
        last.iter().any(|at| (at - now - secs * 1_000_000).abs() < 60_000_000)
    }

    /// The one number that a statement gives.
    pub(crate) async fn count(&self, sql: &'static str, connection: &str) -> u64 {
        self.numbers(sql, connection).await[0]
    }

    /// Cut everybody off who is connected, in the middle of whatever they do.
    pub(crate) async fn cut(&self) {
        let Self::Server(options) = self else { return };
        let mut conn: PgConnection = options.connect().await.expect("the server answers");
        sqlx::query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        .execute(&mut conn)
        .await
        .expect("they are cut off");
    }
}
