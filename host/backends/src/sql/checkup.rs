//! How a store is, for whoever looks before a host is started, or beside one: what [`Store::open`] would say, and what
//! would be wrong later. Nothing is changed.
//!
//! [`Store::open`]: super::Store::open

use super::conn::{Conn, PgConn};
use super::keys::{open_probe, probe};
use super::open::{OpenError, migrate, sql};
use super::sqlite::Holder;
use super::upkeep::{UpkeepError, file_of, look_into};
use super::{moving, postgres, sqlite};
use crate::secrets::{KeyRing, Sealer};
use crate::system::{SystemRandomness, ahead};
use opssight_core::time::Clock;
use sqlx::migrate::{Migrate, MigrateError, Migrator};
use sqlx::{Connection, PgConnection};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How a store is.
#[derive(Debug)]
#[non_exhaustive]
pub struct Checkup {
    /// Which database, and where, without a password.
    pub at: String,
    /// The steps that the next start takes, or why there is no start.
    pub pending: Result<Vec<i64>, OpenError>,
    /// Whether it is as it was made: a first start fills it.
    pub is_new: bool,
    /// Whether the master keys open what is sealed in it; none if nothing is, or if they were not given.
    pub key: Option<Result<(), OpenError>>,
    /// Of PostgreSQL.
    pub server: Option<ServerCheckup>,
}

/// How a database server is.
#[derive(Debug)]
#[non_exhaustive]
pub struct ServerCheckup {
    /// As it says itself.
    pub version: String,
    /// How far its clock is ahead of this machine's, microseconds.
    pub ahead: i64,
    /// Connections that are free, and how many it has for users in all.
    pub connections: (i64, i64),
    /// Whether the user may make tables.
    pub may_create: bool,
    /// Whether it takes no writes: a replica.
    pub is_read_only: bool,
}

/// The SQLite file in a directory; none if there is none yet.
pub async fn check_up_file(dir: &Path, keys: Option<&KeyRing>) -> Result<Option<Checkup>, UpkeepError> {
    let file = file_of(dir);
    if !file.exists() {
        return Ok(None);
    }
    let mut conn = look_into(&file).await?;
    let at = format!("SQLite, {}", file.display());
    let has_tables: bool = sqlx::query_scalar("SELECT COUNT(*) > 0 FROM sqlite_master WHERE name = '_sqlx_migrations'")
        .fetch_one(&mut conn)
        .await
        .map_err(sql("look for its tables"))?;
    let mut pending = pending(&mut conn, has_tables, &sqlite::MIGRATIONS).await;
    if has_tables && let Err(moved) = moving::refuse_moved(&mut conn).await {
        pending = pending.and(Err(moved));
    }
    let mut conn = Conn::Sqlite(conn);
    let key = opens(&mut conn, &pending, has_tables, keys).await;
    Ok(Some(Checkup { at, pending, is_new: !has_tables, key, server: None }))
}

/// Every problem that SQLite finds in the file; reads all of it.
pub async fn file_problems(dir: &Path) -> Result<Vec<String>, UpkeepError> {
    let mut conn = look_into(&file_of(dir)).await?;
    Ok(sqlite::problems(&mut conn).await?)
}

/// Who has the directory open, if somebody has.
pub fn file_holder(dir: &Path) -> Option<String> {
    sqlite::DirLock::holder(dir, Holder::Host)
}

/// The database at an address.
pub async fn check_up_database(address: &str, keys: Option<&KeyRing>, clock: &dyn Clock) -> Result<Checkup, OpenError> {
    let to = postgres::connect_options(address)?;
    let mut conn = postgres::connect(&to).await?;
    postgres::check_version(&mut conn, &to).await?;
    let server = server(&mut conn, clock).await?;
    let has_tables: bool = sqlx::query_scalar("SELECT to_regclass('_sqlx_migrations') IS NOT NULL")
        .fetch_one(&mut conn)
        .await
        .map_err(sql("look for its tables"))?;
    let mut pending = pending(&mut conn, has_tables, &postgres::MIGRATIONS).await;
    if let Err(filled) = moving::refuse_while_filled(&mut conn, postgres::place(&to)).await {
        pending = pending.and(Err(filled));
    }
    let mut conn = Conn::Postgres(PgConn::new(conn));
    let key = opens(&mut conn, &pending, has_tables, keys).await;
    let _hung_up = conn.close().await;
    let at = format!("PostgreSQL, {}", postgres::place(&to));
    Ok(Checkup { at, pending, is_new: !has_tables, key, server: Some(server) })
}

async fn server(conn: &mut PgConnection, clock: &dyn Clock) -> Result<ServerCheckup, OpenError> {
    // A connection that was used answers faster, which makes the comparison of clocks better.
    conn.ping().await.map_err(sql("ask whether it answers"))?;
    let before = clock.now();
    let theirs: i64 = sqlx::query_scalar("SELECT (EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::BIGINT")
        .fetch_one(&mut *conn)
        .await
        .map_err(sql("ask for its time"))?;
    let ahead = ahead(before, theirs, clock.now());
    let (version, all, used, may_create, is_read_only): (String, i64, i64, bool, bool) = sqlx::query_as(
        "SELECT current_setting('server_version'),
                current_setting('max_connections')::BIGINT - current_setting('superuser_reserved_connections')::BIGINT,
                (SELECT COUNT(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()),
                COALESCE(has_schema_privilege(current_schema(), 'CREATE'), FALSE),
                current_setting('transaction_read_only')::BOOLEAN",
    )
    .fetch_one(conn)
    .await
    .map_err(sql("ask how it is set"))?;
    Ok(ServerCheckup { version, ahead, connections: ((all - used).max(0), all), may_create, is_read_only })
}

/// What bringing the tables up to date would do, or say. As [`Migrator::run`] judges, without doing it.
async fn pending<C: Migrate>(conn: &mut C, has_tables: bool, known: &Migrator) -> Result<Vec<i64>, OpenError> {
    if !has_tables {
        return Ok(known.iter().map(|step| step.version).collect());
    }
    let table = &known.table_name;
    if let Some(step) = conn.dirty_version(table).await.map_err(migrate)? {
        return Err(migrate(MigrateError::Dirty(step)));
    }
    let applied = conn.list_applied_migrations(table).await.map_err(migrate)?;
    let mut applied: BTreeMap<_, _> = applied.into_iter().map(|step| (step.version, step.checksum)).collect();
    let mut pending = Vec::new();
    let mut changed = None;
    for step in known.iter() {
        match applied.remove(&step.version) {
            None => pending.push(step.version),
            Some(checksum) if checksum != step.checksum => changed = changed.or(Some(step.version)),
            Some(_) => {}
        }
    }
    match (applied.into_keys().next(), changed) {
        (Some(unknown), _) => Err(migrate(MigrateError::VersionMissing(unknown))),
        (None, Some(changed)) => Err(migrate(MigrateError::VersionMismatch(changed))),
        (None, None) => Ok(pending),
    }
}

/// Whether the master keys open what is sealed.
async fn opens(
    conn: &mut Conn,
    pending: &Result<Vec<i64>, OpenError>,
    has_tables: bool,
    keys: Option<&KeyRing>,
) -> Option<Result<(), OpenError>> {
    let keys = keys.filter(|_| has_tables && pending.is_ok())?;
    match probe(conn).await {
        Ok(None) => None,
        Ok(Some(probe)) => {
            let sealer = Sealer::new(keys.clone(), Arc::new(SystemRandomness), Duration::ZERO);
            Some(open_probe(conn, &sealer, &probe).await)
        }
        Err(error) => Some(Err(sql("read the master key's probe")(error))),
    }
}
