//! Opening PostgreSQL: the address, the version, the migrations.

use super::conn::{Conn, PgConn, Readers};
use super::keys::check_key;
use super::moving;
use super::open::{OpenError, Opened, StoreOptions, migrate, sql};
use super::writer::{Reopen, Writer};
use crate::secrets::Sealer;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgSslMode};
use sqlx::{ConnectOptions, Connection, Error, PgConnection};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

pub(super) static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("./migrations/postgres");

/// PostgreSQL 15, as it counts.
const OLDEST: i32 = 150_000;
/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(10);

/// Open the database at an address.
pub(super) async fn open(address: &str, options: &StoreOptions) -> Result<Opened, OpenError> {
    let to = connect_options(address)?;
    let mut conn = connect(&to).await?;
    check_version(&mut conn, &to).await?;
    moving::refuse_while_filled(&mut conn, place(&to)).await?;
    MIGRATIONS.run(&mut conn).await.map_err(migrate)?;
    let sealer = Sealer::new(options.keys.clone(), Arc::clone(&options.random), options.keep_data_keys);
    let mut conn = Conn::Postgres(PgConn::new(conn));
    check_key(&mut conn, &sealer).await?;
    let readers = PgPoolOptions::new()
        .max_connections(options.readers.max(2))
        .acquire_timeout(Duration::from_secs(5))
        .max_lifetime(Duration::from_secs(1_800))
        .connect_lazy_with(to.clone());
    let writer = Writer::start(conn, Reopen::Postgres(to), options.waiting_writes, options.patience);
    Ok(Opened { writer, readers: Readers::Postgres(readers), sealer, file: None })
}

/// Make the tables, for whoever fills them.
pub(super) async fn make_tables(to: &PgConnectOptions) -> Result<(), OpenError> {
    let mut conn = connect(to).await?;
    check_version(&mut conn, to).await?;
    moving::refuse_while_filled(&mut conn, place(to)).await?;
    MIGRATIONS.run(&mut conn).await.map_err(migrate)?;
    conn.close().await.map_err(sql("hang up"))
}

/// Whether it is new enough.
pub(super) async fn check_version(conn: &mut PgConnection, to: &PgConnectOptions) -> Result<(), OpenError> {
    let number: String =
        sqlx::query_scalar("SHOW server_version_num").fetch_one(conn).await.map_err(sql("ask for its version"))?;
    match number.parse().unwrap_or(0) {
        new if new >= OLDEST => Ok(()),
        // "140011" is 14.11.
        old => Err(OpenError::Version { at: place(to), version: format!("{}.{}", old / 10_000, old % 10_000) }),
    }
}

pub(super) fn connect_options(address: &str) -> Result<PgConnectOptions, OpenError> {
    if !["postgres://", "postgresql://"].iter().any(|scheme| address.starts_with(scheme)) {
        return Err(OpenError::Address(Error::Configuration("it does not begin with postgres://".into())));
    }
    let options = PgConnectOptions::from_str(address).map_err(OpenError::Address)?;
    Ok(options
        .application_name("opssight")
        .statement_cache_capacity(256)
        .options([
            // "accepted" means durable, whatever the server's default is.
            ("synchronous_commit", "on"),
            ("statement_timeout", "30s"),
            ("lock_timeout", "10s"),
            ("idle_in_transaction_session_timeout", "60s"),
        ])
        // Values never reach the log.
        .disable_statement_logging())
}

pub(super) async fn connect(to: &PgConnectOptions) -> Result<PgConnection, OpenError> {
    let connected = match tokio::time::timeout(CONNECT, to.connect()).await {
        Ok(connected) => connected,
        Err(_) => Err(Error::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, "it does not answer"))),
    };
    connected.map_err(|source| OpenError::Connect { at: place(to), why: reason(&source, to), source })
}

/// Where it is, without the password.
pub(super) fn place(to: &PgConnectOptions) -> String {
    let database = to.get_database().unwrap_or_else(|| to.get_username());
    format!("{}:{}/{database} as {}", to.get_host(), to.get_port(), to.get_username())
}

/// What is wrong, and how to mend it.
fn reason(error: &Error, to: &PgConnectOptions) -> String {
    let code = error.as_database_error().and_then(|error| error.code());
    match (code.as_deref(), error) {
        (Some("28P01"), _) => "the password is wrong; correct it in the address".to_owned(),
        (Some("28000"), _) => "it does not let this user in; see its pg_hba.conf".to_owned(),
        (Some("3D000"), _) => "there is no such database; create it with `createdb`, owned by this user".to_owned(),
        (Some("42501"), _) => "this user may not do that; make it the database's owner".to_owned(),
        (Some("53300"), _) => "it has no connection left; raise its max_connections".to_owned(),
        (Some("57P03"), _) => "it is just starting; try again in a moment".to_owned(),
        (_, Error::Tls(_))
            if matches!(to.get_ssl_mode(), PgSslMode::Require | PgSslMode::VerifyCa | PgSslMode::VerifyFull) =>
        {
            "it does not speak TLS as the address asks for; see sslmode and sslrootcert".to_owned()
        }
        (_, Error::Io(_)) => {
            "nobody answers there; is it running, and does the address have the right host and port?".to_owned()
        }
        _ => "it refuses".to_owned(),
    }
}
