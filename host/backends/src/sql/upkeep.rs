//! What operators do with a store while no host uses it, or beside one: how it is, a backup, a restore.

use super::open::{OpenError, StoreOptions, sql};
use super::{Store, postgres, sqlite};
use sqlx::migrate::Migrator;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How a store is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreStatus {
    /// Which database, and where, without a password.
    pub at: String,
    /// Steps of the tables that were taken.
    pub applied: Vec<i64>,
    /// Steps that the next start takes.
    pub pending: Vec<i64>,
    /// Steps that this version does not know: the tables are of a later one.
    pub unknown: Vec<i64>,
    /// Bytes on disk.
    pub bytes: u64,
    /// Deliveries that wait or are being worked on.
    pub waiting: u64,
    /// Processes that work on it, as far as it knows.
    pub members: u64,
}

/// Why a backup or a restore was not made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UpkeepError {
    /// The store cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// There is no store to begin with.
    #[error("find the store: there is no file {}", .0.display())]
    Missing(PathBuf),
    /// A backup never replaces a file.
    #[error("write the backup: {} is there already; choose another name", .0.display())]
    Exists(PathBuf),
    /// It is no backup, or a damaged one.
    #[error("use the backup {}: {why}", .path.display())]
    NotABackup {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A file cannot be written or renamed.
    #[error("{doing} {}", .path.display())]
    File {
        /// What was being done.
        doing: &'static str,
        /// To which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
}

fn file_of(dir: &Path) -> PathBuf {
    dir.join("opssight.sqlite")
}

/// How the store in a directory is, also while a host uses it.
pub async fn file_status(dir: &Path) -> Result<StoreStatus, UpkeepError> {
    let file = file_of(dir);
    let mut conn = look_into(&file).await?;
    let applied = sqlx::query_scalar("SELECT version FROM _sqlx_migrations ORDER BY version").fetch_all(&mut conn);
    let applied = applied.await.map_err(sql("read the steps of its tables"))?;
    let waiting: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM deliveries WHERE due_at IS NOT NULL")
        .fetch_one(&mut conn)
        .await
        .map_err(sql("count what waits"))?;
    let size = |name: &str| std::fs::metadata(dir.join(name)).map_or(0, |metadata| metadata.len());
    Ok(StoreStatus {
        bytes: size("opssight.sqlite") + size("opssight.sqlite-wal"),
        waiting: waiting.unsigned_abs(),
        members: 0,
        ..steps(format!("SQLite, {}", file.display()), applied, &sqlite::MIGRATIONS)
    })
}

/// How the database at an address is.
pub async fn database_status(address: &str) -> Result<StoreStatus, UpkeepError> {
    let to = postgres::connect_options(address)?;
    let mut conn = postgres::connect(&to).await?;
    let at = format!("PostgreSQL, {}", postgres::place(&to));
    let has_tables: bool = sqlx::query_scalar("SELECT to_regclass('_sqlx_migrations') IS NOT NULL")
        .fetch_one(&mut conn)
        .await
        .map_err(sql("look for its tables"))?;
    if !has_tables {
        return Ok(steps(at, Vec::new(), &postgres::MIGRATIONS));
    }
    let applied = sqlx::query_scalar("SELECT version FROM _sqlx_migrations ORDER BY version").fetch_all(&mut conn);
    let applied = applied.await.map_err(sql("read the steps of its tables"))?;
    let (bytes, waiting, members): (i64, i64, i64) = sqlx::query_as(
        "SELECT pg_database_size(current_database()), (SELECT COUNT(*) FROM deliveries WHERE due_at IS NOT NULL),
                (SELECT COUNT(*) FROM members)",
    )
    .fetch_one(&mut conn)
    .await
    .map_err(sql("count what waits"))?;
    Ok(StoreStatus {
        bytes: bytes.unsigned_abs(),
        waiting: waiting.unsigned_abs(),
        members: members.unsigned_abs(),
        ..steps(at, applied, &postgres::MIGRATIONS)
    })
}

fn steps(at: String, applied: Vec<i64>, known: &Migrator) -> StoreStatus {
    let ours: BTreeSet<i64> = known.iter().map(|step| step.version).collect();
    let theirs: BTreeSet<i64> = applied.iter().copied().collect();
    StoreStatus {
        at,
        pending: ours.difference(&theirs).copied().collect(),
        unknown: theirs.difference(&ours).copied().collect(),
        applied,
        bytes: 0,
        waiting: 0,
        members: 0,
    }
}

/// Copy the store in a directory into one new file, also while a host uses it: all of it at one moment.
pub async fn backup(dir: &Path, into: &Path) -> Result<u64, UpkeepError> {
    let mut conn = look_into(&file_of(dir)).await?;
    if into.exists() {
        return Err(UpkeepError::Exists(into.to_owned()));
    }
    let beside = into.with_extension("part");
    // What an earlier try left.
    let _nothing = std::fs::remove_file(&beside);
    let copied = sqlx::query("VACUUM INTO $1").bind(beside.to_string_lossy().into_owned()).execute(&mut conn).await;
    copied.map_err(sql("write the backup"))?;
    check(&beside).await?;
    let kept = || -> std::io::Result<u64> {
        let file = std::fs::File::open(&beside)?;
        file.sync_all()?;
        // Unlike a rename this replaces nothing that came meanwhile.
        std::fs::hard_link(&beside, into)?;
        std::fs::remove_file(&beside)?;
        Ok(file.metadata()?.len())
    };
    kept().map_err(|source| UpkeepError::File { doing: "write the backup", path: into.to_owned(), source })
}

/// Put a backup in the place of the store in a directory, which no host may use meanwhile. What was there is kept
/// beside it; its name is returned.
pub async fn restore(dir: &Path, from: &Path, options: StoreOptions) -> Result<Option<PathBuf>, UpkeepError> {
    check(from).await?;
    let file = file_of(dir);
    let before = file.with_extension("sqlite.before-restore");
    let had_one = file.exists();
    if had_one {
        // Closing writes everything back into the one file.
        Store::open(dir, options.clone()).await?.close().await;
    }
    let put = |doing, change: &dyn Fn() -> std::io::Result<()>| {
        change().map_err(|source| UpkeepError::File { doing, path: file.clone(), source })
    };
    let beside = file.with_extension("sqlite.new");
    put("copy the backup beside", &|| {
        std::fs::create_dir_all(dir)?;
        std::fs::copy(from, &beside)?;
        std::fs::File::open(&beside)?.sync_all()
    })?;
    if had_one {
        put("keep the old store beside", &|| std::fs::rename(&file, &before))?;
    }
    put("put the backup into the place of", &|| std::fs::rename(&beside, &file))?;
    // The key may be another one, or the tables of a later version: then everything is as it was.
    match Store::open(dir, options).await {
        Ok(store) => {
            store.close().await;
            Ok(had_one.then_some(before))
        }
        Err(error) => {
            let back = || if had_one { std::fs::rename(&before, &file) } else { std::fs::remove_file(&file) };
            put("put the old store back into the place of", &back)?;
            Err(error.into())
        }
    }
}

/// Read only, without the lock that a host holds.
async fn look_into(file: &Path) -> Result<SqliteConnection, UpkeepError> {
    if !file.exists() {
        return Err(UpkeepError::Missing(file.to_owned()));
    }
    let options = SqliteConnectOptions::new().filename(file).read_only(true).busy_timeout(Duration::from_secs(5));
    Ok(options.connect().await.map_err(sql("open its file"))?)
}

async fn check(file: &Path) -> Result<(), UpkeepError> {
    let bad = |why: String| UpkeepError::NotABackup { path: file.to_owned(), why };
    if !file.exists() {
        return Err(bad("there is no such file".to_owned()));
    }
    let mut conn = look_into(file).await?;
    let found: Result<Vec<String>, _> = sqlx::query_scalar("PRAGMA quick_check(5)").fetch_all(&mut conn).await;
    let found = found.map_err(|error| bad(format!("it is no database ({error})")))?;
    let problems: Vec<String> = found.into_iter().filter(|line| line != "ok").collect();
    if !problems.is_empty() {
        return Err(bad(format!("it is damaged: {}", problems.join("; "))));
    }
    let steps: Result<i64, _> = sqlx::query_scalar("SELECT COUNT(*) FROM _sqlx_migrations").fetch_one(&mut conn).await;
    steps.map_err(|_| bad("it is a database, but not one of OpsSight".to_owned()))?;
    conn.close().await.map_err(|error| bad(error.to_string()))
}
