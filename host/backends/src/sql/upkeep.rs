//! What operators do with a store while no host uses it, or beside one: how it is, a backup, a restore.

use super::open::{OpenError, StoreOptions, sql};
use super::sqlite::Holder;
use super::{Store, moving, postgres, sqlite};
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
    /// Whether it moves, or did.
    pub moving: Option<Moving>,
}

/// That a store moves from SQLite to PostgreSQL.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Moving {
    /// It does now.
    GoesOn,
    /// Everything is at this place.
    Done(String),
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

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> UpkeepError {
    let path = path.to_owned();
    move |source| UpkeepError::File { doing, path, source }
}

pub(super) fn file_of(dir: &Path) -> PathBuf {
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
    let moving = match moving::moved_to(&mut conn).await.map_err(sql("look whether it was moved"))? {
        Some(to) => Some(Moving::Done(to)),
        None => sqlite::DirLock::holder(dir, Holder::Move).map(|_| Moving::GoesOn),
    };
    let size = |name: &str| std::fs::metadata(dir.join(name)).map_or(0, |metadata| metadata.len());
    Ok(StoreStatus {
        bytes: size("opssight.sqlite") + size("opssight.sqlite-wal"),
        waiting: waiting.unsigned_abs(),
        moving,
        ..steps(format!("SQLite, {}", file.display()), applied, &sqlite::MIGRATIONS)
    })
}

/// How the database at an address is.
pub async fn database_status(address: &str) -> Result<StoreStatus, UpkeepError> {
    let to = postgres::connect_options(address)?;
    let mut conn = postgres::connect(&to).await?;
    let at = format!("PostgreSQL, {}", postgres::place(&to));
    let is_filled = moving::is_being_filled(&mut conn).await.map_err(sql("look whether it is being filled"))?;
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
        moving: is_filled.then_some(Moving::GoesOn),
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
        moving: None,
    }
}

/// Copy the store in a directory into one new file, also while a host uses it: all of it at one moment.
pub async fn backup(dir: &Path, into: &Path) -> Result<u64, UpkeepError> {
    let mut conn = look_into(&file_of(dir)).await?;
    // What has come since is elsewhere: whoever keeps such a backup has none.
    moving::refuse_moved(&mut conn).await?;
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
    kept().map_err(failed("write the backup", into))
}

/// Put a backup in the place of the store in a directory, which no host may use meanwhile. What was there is kept
/// beside it as it was, also if it is damaged; its name is returned.
pub async fn restore(dir: &Path, from: &Path, options: StoreOptions) -> Result<Option<PathBuf>, UpkeepError> {
    check(from).await?;
    let file = file_of(dir);
    sqlite::make_dir(dir).map_err(failed("make the folder of", &file))?;
    // To the end: what a host writes while the copy is being tried would be lost.
    let lock = sqlite::DirLock::take(dir, Holder::Host)?;
    // What is moved is the file that is replaced here.
    let no_move = sqlite::DirLock::take(dir, Holder::Move)?;
    let apart = dir.join("restore.new");
    clear(&apart).map_err(failed("clear what an earlier restore left in", &apart))?;
    let restored = try_and_place((dir, &file), from, &apart, options).await;
    // Left behind it would only take room.
    let _tidied = clear(&apart);
    drop((lock, no_move));
    restored
}

/// A log that is beside a copy when it is opened becomes part of it, whosever it is.
fn clear(folder: &Path) -> std::io::Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

async fn try_and_place(
    (dir, file): (&Path, &Path),
    from: &Path,
    apart: &Path,
    options: StoreOptions,
) -> Result<Option<PathBuf>, UpkeepError> {
    let new = file_of(apart);
    let copied = sqlite::make_dir(apart).and_then(|()| std::fs::copy(from, &new));
    copied.map_err(failed("copy the backup beside", file))?;
    // Tried apart before anything is changed: the key may be another one, or its tables those of a later version.
    Store::open(apart, options).await?.close().await;
    let before = if file.exists() { Some(free_name(file)) } else { None };
    if before.is_some() {
        // Into one file, if that can be done; what cannot stays beside it.
        if let Err(error) = write_back(file).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "the store that is replaced is kept with its log");
        }
    }
    let place = || -> std::io::Result<()> {
        if let Some(before) = &before {
            std::fs::rename(file, before)?;
        }
        // Without its database a log belongs to nothing, and would become part of what is put there.
        match (std::fs::metadata(beside(file, "-wal")), &before) {
            (Ok(_), Some(before)) => std::fs::rename(beside(file, "-wal"), beside(before, "-wal"))?,
            (Ok(_), None) => std::fs::remove_file(beside(file, "-wal"))?,
            (Err(_), _) => {}
        }
        let _index = std::fs::remove_file(beside(file, "-shm"));
        std::fs::rename(&new, file)?;
        sync_folder(dir)
    };
    place().map_err(failed("put the backup into the place of", file))?;
    Ok(before)
}

/// Everything of the log into the file, after which there is no log.
async fn write_back(file: &Path) -> Result<(), sqlx::Error> {
    let mut conn = sqlite::connect_options(file).connect().await?;
    sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut conn).await?;
    conn.close().await
}

/// What SQLite keeps beside its file.
fn beside(file: &Path, end: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

/// A name for what was there before that takes no earlier one's place.
fn free_name(file: &Path) -> PathBuf {
    let numbered = |n: u32| file.with_extension(format!("sqlite.before-restore-{n}"));
    (1..).map(numbered).find(|name| !name.exists()).unwrap_or_else(|| numbered(0))
}

/// The renames themselves must survive a power cut.
fn sync_folder(dir: &Path) -> std::io::Result<()> {
    std::fs::File::open(dir)?.sync_all()
}

/// Read only, without the lock that a host holds.
pub(super) async fn look_into(file: &Path) -> Result<SqliteConnection, UpkeepError> {
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
