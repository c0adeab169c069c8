//! Opening: the directory and its lock, the file and its pragmas, the migrations, the master key.

use super::Conn;
use super::writeback::WriteBack;
use super::writer::Writer;
use crate::sealer::{MASTER_KEY_BYTES, SealError, Sealed, Sealer};
use opssight_core::events::Bus;
use opssight_core::time::Randomness;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, SqlitePool};
use std::fs::{File, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("./migrations/sqlite");

/// Above this size the file is not read through at every start; `doctor` does it.
const CHECKED_AT_OPEN_BYTES: u64 = 64 * 1024 * 1024;

/// How a store is opened.
#[derive(Clone)]
pub struct StoreOptions {
    /// Seals credentials.
    pub master_key: [u8; MASTER_KEY_BYTES],
    /// New ids and keys.
    pub random: Arc<dyn Randomness>,
    /// Who is told of news.
    pub bus: Arc<dyn Bus>,
    /// Connections that read.
    pub readers: u32,
    /// Writes that may wait.
    pub waiting_writes: usize,
    /// How long a write waits for a place among those.
    pub patience: Duration,
    /// Most pages (of 4 KiB) that the file may have; SQLite's own limit if none.
    pub most_pages: Option<u32>,
}

impl StoreOptions {
    /// With what has no default.
    pub fn new(master_key: [u8; MASTER_KEY_BYTES], random: Arc<dyn Randomness>, bus: Arc<dyn Bus>) -> Self {
        Self {
            master_key,
            random,
            bus,
            readers: 4,
            waiting_writes: 1000,
            patience: Duration::from_secs(2),
            most_pages: None,
        }
    }
}

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The directory cannot be used.
    #[error("use the data directory {}", .path.display())]
    Dir {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Another process has it.
    #[error("use the data directory {}: another process ({by}) has it open; stop that one first", .path.display())]
    InUse {
        /// Which.
        path: PathBuf,
        /// Who.
        by: String,
    },
    /// SQLite refuses.
    #[error("open the store: {doing}")]
    Sql {
        /// What was being done.
        doing: &'static str,
        /// Why not.
        #[source]
        source: sqlx::Error,
    },
    /// The tables cannot be brought up to date.
    #[error("bring the store's tables up to date")]
    Migrate(#[source] sqlx::migrate::MigrateError),
    /// The file is damaged.
    #[error("open the store: its file is damaged, restore a backup: {}", .0.join("; "))]
    Damaged(Vec<String>),
    /// Sealed with another key.
    #[error(
        "open the store: its credentials were sealed with another master key; start with the key that it was made with"
    )]
    WrongKey,
    /// The key cannot be used.
    #[error("open the store")]
    Seal(#[from] SealError),
}

fn sql(doing: &'static str) -> impl FnOnce(sqlx::Error) -> OpenError {
    move |source| OpenError::Sql { doing, source }
}

/// The lock on a data directory; ends with the process at the latest.
pub(super) struct DirLock(Mutex<Option<File>>);

impl DirLock {
    fn take(dir: &Path) -> Result<Self, OpenError> {
        let dir_error = |source| OpenError::Dir { path: dir.to_owned(), source };
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(dir.join("opssight.lock"))
            .map_err(dir_error)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut by = String::new();
                // Only for the message.
                let _ = file.read_to_string(&mut by);
                return Err(OpenError::InUse { path: dir.to_owned(), by: format!("pid {}", by.trim()) });
            }
            Err(TryLockError::Error(source)) => return Err(dir_error(source)),
        }
        file.set_len(0).map_err(dir_error)?;
        file.write_all(std::process::id().to_string().as_bytes()).map_err(dir_error)?;
        Ok(Self(Mutex::new(Some(file))))
    }

    pub(super) fn release(&self) {
        drop(self.0.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

pub(super) struct Opened {
    pub(super) writer: Writer,
    pub(super) writeback: WriteBack,
    pub(super) readers: SqlitePool,
    pub(super) sealer: Sealer,
    pub(super) lock: DirLock,
}

pub(super) async fn open(dir: &Path, options: &StoreOptions) -> Result<Opened, OpenError> {
    make_dir(dir).map_err(|source| OpenError::Dir { path: dir.to_owned(), source })?;
    let lock = DirLock::take(dir)?;
    let file = dir.join("opssight.sqlite");
    let size = std::fs::metadata(&file).map_or(0, |metadata| metadata.len());
    let writing = connect_options(&file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // "accepted" means durable: a commit returns after the write-ahead log was flushed.
        .synchronous(SqliteSynchronous::Full)
        // Written back beside the writer (`writeback`). What is left at 64 MiB a commit writes back, so that the log can
        // begin anew: while commits go on, nobody else finds the moment for it.
        .pragma("wal_autocheckpoint", "16384")
        .pragma("journal_size_limit", "67108864")
        // With those of the readers 16 MiB: memory grows until they are full, and the system caches the file as well.
        .pragma("cache_size", "-8192")
        .optimize_on_close(true, 1000);
    let writing = match options.most_pages {
        Some(pages) => writing.pragma("max_page_count", pages.to_string()),
        None => writing,
    };
    let mut conn = writing.connect().await.map_err(sql("open its file"))?;
    if size <= CHECKED_AT_OPEN_BYTES {
        check(&mut conn).await?;
    }
    MIGRATIONS.run(&mut conn).await.map_err(OpenError::Migrate)?;
    let sealer = Sealer::new(&options.master_key, Arc::clone(&options.random))?;
    check_key(&mut conn, &sealer).await?;
    let readers = SqlitePoolOptions::new()
        .max_connections(options.readers.max(1))
        .acquire_timeout(Duration::from_secs(5))
        // A file does not hang up.
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_with(connect_options(&file).pragma("query_only", "ON").pragma("cache_size", "-2048"))
        .await
        .map_err(sql("open its file for reading"))?;
    let writer = Writer::start(conn, writing, options.waiting_writes, options.patience);
    let beside = connect_options(&file).pragma("wal_autocheckpoint", "0").connect().await;
    let writeback = WriteBack::start(beside.map_err(sql("open its file for writing back"))?);
    Ok(Opened { writer, writeback, readers, sealer, lock })
}

fn connect_options(file: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(file)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(5))
        .statement_cache_capacity(256)
        .pragma("temp_store", "MEMORY")
        // Values never reach the log.
        .disable_statement_logging()
}

/// Only its owner looks into a data directory: bodies of deliveries can be private.
fn make_dir(dir: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

async fn check(conn: &mut Conn) -> Result<(), OpenError> {
    let found: Vec<String> =
        sqlx::query_scalar("PRAGMA quick_check(5)").fetch_all(conn).await.map_err(sql("check its file"))?;
    let problems: Vec<String> = found.into_iter().filter(|line| line != "ok").collect();
    if problems.is_empty() { Ok(()) } else { Err(OpenError::Damaged(problems)) }
}

/// A store remembers something that only its master key opens, so that a wrong key is found now and not when the
/// first delivery comes.
async fn check_key(conn: &mut Conn, sealer: &Sealer) -> Result<(), OpenError> {
    const PROBE: &str = "probe";
    let known: Vec<(String, Vec<u8>)> =
        sqlx::query_as("SELECT name, value FROM house WHERE name IN ('probe-key', 'probe')")
            .fetch_all(&mut *conn)
            .await
            .map_err(sql("read the master key's probe"))?;
    let find = |wanted: &str| known.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone());
    if let (Some(data_key), Some(sealed)) = (find("probe-key"), find("probe")) {
        return match sealer.unseal(PROBE, &Sealed { data_key, sealed }) {
            Ok(_) => Ok(()),
            Err(_) => Err(OpenError::WrongKey),
        };
    }
    let sealed = sealer.seal(PROBE, PROBE.as_bytes())?;
    sqlx::query("INSERT INTO house (name, value) VALUES ('probe-key', $1), ('probe', $2)")
        .bind(sealed.data_key)
        .bind(sealed.sealed)
        .execute(conn)
        .await
        .map_err(sql("keep the master key's probe"))?;
    Ok(())
}
