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

    /// A new database on the server of the tests.
    #[expect(clippy::disallowed_methods, reason = "`cargo xtask crash` says where its server is")]
    pub(crate) async fn server() -> Self {
        let server = std::env::var("OPSSIGHT_TEST_POSTGRES")
            .expect("OPSSIGHT_TEST_POSTGRES is not set: `cargo xtask crash` starts a PostgreSQL and sets it");
        let name = format!("crash_{}", std::process::id());
        let mut conn = PgConnection::connect(&server).await.expect("the server answers");
        sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut conn).await.expect("a database");
        Self::Server(Box::new(PgConnectOptions::from_str(&server).expect("its address").database(&name)))
    }

    /// For the setting `store.url`.
    pub(crate) fn url(&self) -> Option<String> {
        match self {
            Self::File(_) => None,
            Self::Server(options) => Some(options.to_url_lossy().to_string()),
        }
    }

    /// The number that a statement gives.
    pub(crate) async fn count(&self, sql: &'static str, connection: &str) -> u64 {
        let count: i64 = match self {
            Self::File(path) => {
                let options = SqliteConnectOptions::new().filename(path).read_only(true);
                let mut conn: SqliteConnection = options.connect().await.expect("the store's file");
                sqlx::query_scalar(sql).bind(connection).fetch_one(&mut conn).await.expect("a number")
            }
            Self::Server(options) => {
                let mut conn: PgConnection = options.connect().await.expect("the server answers");
                sqlx::query_scalar(sql).bind(connection).fetch_one(&mut conn).await.expect("a number")
            }
        };
        u64::try_from(count).expect("a count")
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
