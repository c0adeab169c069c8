//! Opening SQLite: the directory and its lock, the file and its pragmas, the migrations.

use super::conn::{Conn, Readers};
use super::keys::check_key;
use super::moving;
use super::open::{OpenError, Opened, StoreOptions, migrate, sql};
use super::writeback::WriteBack;
use super::writer::{Reopen, Writer};
use crate::secrets::Sealer;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, SqliteConnection};
use std::fs::{File, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

pub(super) static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("./migrations/sqlite");

/// Above this size the file is not read through at every start; `doctor --full` does it.
pub const CHECKED_AT_OPEN_BYTES: u64 = 64 * 1024 * 1024;

/// What goes with a file that is open.
pub(super) struct OpenFile {
    writeback: WriteBack,
    lock: DirLock,
}

impl OpenFile {
    /// Nothing is moved any more; the writer may still write.
    pub(super) async fn rest(&self) {
        self.writeback.close().await;
    }

    /// Others may open the directory.
    pub(super) fn release(&self) {
        self.lock.release();
    }
}

/// Who has a lock on a data directory.
#[derive(Debug, Clone, Copy)]
pub(super) enum Holder {
    /// Whoever serves the store, or does what nobody may serve it meanwhile for.
    Host,
    /// Whoever moves it to another database, also beside a host.
    Move,
    /// Whoever rotates its master key, also beside a host.
    Rotation,
}

impl Holder {
    fn file(self, dir: &Path) -> PathBuf {
        dir.join(match self {
            Self::Host => "opssight.lock",
            Self::Move => "move.lock",
            Self::Rotation => "rotation.lock",
        })
    }
}

/// A lock on a data directory; ends with the process at the latest.
pub(super) struct DirLock(Mutex<Option<File>>);

impl DirLock {
    pub(super) fn take(dir: &Path, holder: Holder) -> Result<Self, OpenError> {
        let dir_error = |source| OpenError::Dir { path: dir.to_owned(), source };
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(holder.file(dir))
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

    /// Who has it. The lock is not taken for longer than it takes to see that nobody else has it, and nothing is written.
    pub(super) fn holder(dir: &Path, holder: Holder) -> Option<String> {
        let mut file = File::open(holder.file(dir)).ok()?;
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => {
                let mut by = String::new();
                // Only for the message.
                let _ = file.read_to_string(&mut by);
                Some(format!("pid {}", by.trim()))
            }
            _ => None,
        }
    }

    pub(super) fn release(&self) {
        drop(self.0.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

/// Open the file in a directory.
pub(super) async fn open(dir: &Path, options: &StoreOptions) -> Result<Opened, OpenError> {
    make_dir(dir).map_err(|source| OpenError::Dir { path: dir.to_owned(), source })?;
    let lock = DirLock::take(dir, Holder::Host)?;
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
        // Memory grows until it is full, and the system caches the file as well.
        .pragma("cache_size", format!("-{}", options.cache_kib / 2))
        .optimize_on_close(true, 1000);
    let writing = match options.most_pages {
        Some(pages) => writing.pragma("max_page_count", pages.to_string()),
        None => writing,
    };
    let mut conn = writing.connect().await.map_err(sql("open its file"))?;
    if size <= CHECKED_AT_OPEN_BYTES {
        check(&mut conn).await?;
    }
    // Nothing is changed in a file that was moved, and no step meets the triggers of a move.
    moving::refuse_moved(&mut conn).await?;
    moving::tidy(&mut conn, dir).await.map_err(sql("remove what a move left behind"))?;
    MIGRATIONS.run(&mut conn).await.map_err(migrate)?;
    let sealer = Sealer::new(options.keys.clone(), Arc::clone(&options.random), options.keep_data_keys);
    let mut conn = Conn::Sqlite(conn);
    check_key(&mut conn, &sealer).await?;
    let each = options.cache_kib / 2 / options.readers.max(1);
    let readers = SqlitePoolOptions::new()
        .max_connections(options.readers.max(1))
        .acquire_timeout(Duration::from_secs(5))
        // A file does not hang up.
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_with(
            connect_options(&file).pragma("query_only", "ON").pragma("cache_size", format!("-{}", each.max(64))),
        )
        .await
        .map_err(sql("open its file for reading"))?;
    let writer = Writer::start(conn, Reopen::Sqlite(writing), options.waiting_writes, options.patience);
    let beside = connect_options(&file).pragma("wal_autocheckpoint", "0").connect().await;
    let writeback = WriteBack::start(beside.map_err(sql("open its file for writing back"))?);
    Ok(Opened { writer, readers: Readers::Sqlite(readers), sealer, file: Some(OpenFile { writeback, lock }) })
}

pub(super) fn connect_options(file: &Path) -> SqliteConnectOptions {
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
pub(super) fn make_dir(dir: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

async fn check(conn: &mut SqliteConnection) -> Result<(), OpenError> {
    let problems = problems(conn).await?;
    if problems.is_empty() { Ok(()) } else { Err(OpenError::Damaged(problems)) }
}

/// What SQLite finds wrong with its file, up to a few; reads all of it.
pub(super) async fn problems(conn: &mut SqliteConnection) -> Result<Vec<String>, OpenError> {
    let found: Vec<String> =
        sqlx::query_scalar("PRAGMA quick_check(5)").fetch_all(conn).await.map_err(sql("check its file"))?;
    Ok(found.into_iter().filter(|line| line != "ok").collect())
}
