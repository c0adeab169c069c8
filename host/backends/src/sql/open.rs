//! What opening needs whichever database it is: options, and reasons why not.

use super::conn::Readers;
use super::sqlite::OpenFile;
use super::writer::Writer;
use crate::secrets::{KeyId, KeyRing, SealError, Sealer};
use opssight_core::error::StoreError;
use opssight_core::events::Bus;
use opssight_core::time::Randomness;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How a store is opened.
#[derive(Clone)]
pub struct StoreOptions {
    /// Seal credentials.
    pub keys: KeyRing,
    /// How long a data key that Vault unwrapped may be kept in memory.
    pub keep_data_keys: Duration,
    /// New ids and keys.
    pub random: Arc<dyn Randomness>,
    /// Who is told of news.
    pub bus: Arc<dyn Bus>,
    /// Connections that read.
    pub readers: u32,
    /// What SQLite keeps of its file in memory, KiB: half for the writer, half for those who read.
    pub cache_kib: u32,
    /// Writes that may wait.
    pub waiting_writes: usize,
    /// How long a write waits for a place among those.
    pub patience: Duration,
    /// Most pages (of 4 KiB) that the file may have; SQLite's own limit if none.
    pub most_pages: Option<u32>,
}

impl StoreOptions {
    /// With what has no default.
    pub fn new(keys: impl Into<KeyRing>, random: Arc<dyn Randomness>, bus: Arc<dyn Bus>) -> Self {
        Self {
            keys: keys.into(),
            keep_data_keys: Duration::from_secs(3_600),
            random,
            bus,
            readers: 4,
            cache_kib: 16 << 10,
            waiting_writes: 1000,
            patience: Duration::from_secs(2),
            most_pages: None,
        }
    }
}

/// A store that was opened.
pub(super) struct Opened {
    pub(super) writer: Writer,
    pub(super) readers: Readers,
    pub(super) sealer: Sealer,
    /// Of SQLite.
    pub(super) file: Option<OpenFile>,
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
    /// The address cannot be read.
    #[error("read the address of the database: it looks like postgres://user:password@host:5432/name")]
    Address(#[source] sqlx::Error),
    /// Nobody answers there, or not to us.
    #[error("connect to PostgreSQL at {at}: {why}")]
    Connect {
        /// Where, without the password.
        at: String,
        /// What is wrong and how to mend it.
        why: String,
        /// As it was told.
        #[source]
        source: sqlx::Error,
    },
    /// It is too old.
    #[error("use PostgreSQL at {at}: it is version {version}, and OpsSight needs 15 or later")]
    Version {
        /// Where.
        at: String,
        /// Which.
        version: String,
    },
    /// Its tables are of a later version.
    #[error(
        "open the store: its tables are of a later version of OpsSight (step {0}); start that version, or restore a backup"
    )]
    Newer(i64),
    /// A step of its tables was begun and not finished.
    #[error(
        "open the store: step {0} of its tables was begun and not finished, so that nobody knows what is there; restore a \
         backup from before it"
    )]
    HalfDone(i64),
    /// A step of its tables is not the one that this version knows.
    #[error(
        "open the store: step {0} of its tables is not the one of this version; another build of OpsSight made them: start \
         that one, or restore a backup"
    )]
    Changed(i64),
    /// Everything in it was moved to PostgreSQL.
    #[error(
        "open the store: everything in it was moved to PostgreSQL, {to}; set store.url (OPSSIGHT_STORE__URL) to that \
         database. `opssight db move --undo` lets this file be served again, without what came to the database since; if that \
         database is empty, the move was cut off at its end, and nothing is lost by that"
    )]
    Moved {
        /// Where to, without the password.
        to: String,
    },
    /// A move into it is going on.
    #[error(
        "use PostgreSQL at {at}: `opssight db move` is filling it; wait until that is done, or end it (if it was cut off, the \
         database is free again after at most five minutes)"
    )]
    BeingFilled {
        /// Where.
        at: String,
    },
    /// The database refuses.
    #[error("open the store: {doing}{}", .why.map(|why| format!(": {why}")).unwrap_or_default())]
    Sql {
        /// What was being done.
        doing: &'static str,
        /// What is wrong and how to mend it, where that is known.
        why: Option<&'static str>,
        /// As it was told.
        #[source]
        source: sqlx::Error,
    },
    /// It cannot be one of the processes that work on it.
    #[error("join the others that work on the store")]
    Join(#[source] StoreError),
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
    /// The key that it is sealed with is not here: this is another one, or a rotation made another one the one to use.
    #[error(
        "open the store: its credentials are sealed under the master key {0}, which is not among those of `secrets.key` \
         and `secrets.previous`; start with the key that it was made with, or that it was rotated to"
    )]
    MissingKey(KeyId),
    /// The key cannot be used.
    #[error("open the store")]
    Seal(#[from] SealError),
}

pub(super) fn sql(doing: &'static str) -> impl FnOnce(sqlx::Error) -> OpenError {
    move |source| OpenError::Sql { doing, why: reason(&source), source }
}

pub(super) fn migrate(error: sqlx::migrate::MigrateError) -> OpenError {
    use sqlx::migrate::MigrateError;
    match error {
        MigrateError::VersionMissing(step) => OpenError::Newer(step),
        MigrateError::Dirty(step) => OpenError::HalfDone(step),
        MigrateError::VersionMismatch(step) => OpenError::Changed(step),
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
            sql("bring its tables up to date")(error)
        }
        error => OpenError::Migrate(error),
    }
}

/// What the codes of either database mean to an operator.
fn reason(error: &sqlx::Error) -> Option<&'static str> {
    let code = error.as_database_error()?.code()?;
    Some(match &*code {
        // SQLITE_FULL, SQLITE_IOERR_SHMSIZE, disk_full.
        "13" | "4874" | "53100" => "the disk is full; make room",
        "53200" => "the database's machine has no memory left",
        "53300" => "it has no connection left; raise its max_connections",
        // SQLITE_READONLY and what is of its kind, read_only_sql_transaction.
        "8" | "264" | "520" | "776" | "1032" | "1544" => {
            "its file may not be written; see the rights of the data folder"
        }
        "25006" => "it takes no writes; name the primary and not a replica in the address",
        // SQLITE_CANTOPEN.
        "14" => "its file cannot be opened or made; see the rights of the data folder",
        // SQLITE_CORRUPT, SQLITE_NOTADB.
        "11" | "26" => "its file is damaged or is none of SQLite's; restore a backup",
        // insufficient_privilege.
        "42501" => "this user may not do that; make it the database's owner",
        "55P03" => "somebody else holds a lock on it; try again once that is done",
        _ => return None,
    })
}
