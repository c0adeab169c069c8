//! From a SQLite file to a PostgreSQL database, beside the host that serves the file.
//!
//! Triggers note which rows change ([`change_log`]). Then the tables are copied page by page, each page as it is at that
//! moment, and before each of them what changed since the one before is brought over. So at every moment whatever is in
//! the database is as it is in the file, and no rule of a table is ever broken on the way. All pages are read again and
//! compared in the same manner. Then only changes are brought over, round after round, until the host has stopped.
//! What is left then takes no longer than the last round, and one count of all rows.
//!
//! The database is filled in one transaction ([`target`]): whatever goes wrong, it is empty.

mod change_log;
mod mark;
mod source;
mod table;
mod target;

pub(super) use change_log::{tidy, watch};
pub use mark::undo_move;
pub(super) use mark::{moved_to, refuse_moved};
pub(super) use target::{is_being_filled, refuse_while_filled};

use super::Store;
use super::checkup::check_up_file;
use super::error::Error;
use super::open::{OpenError, StoreOptions};
use super::postgres;
use super::sqlite::{DirLock, Holder};
use super::upkeep::{UpkeepError, file_of};
use crate::failpoint;
use source::{AT_ONCE, Batch, Changed, Source, batch};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use table::Table;
use target::Target;
use tokio_util::sync::CancellationToken;

/// How often it is looked whether the host has stopped.
const LOOK: Duration = Duration::from_millis(500);
/// So many changes are brought over in a moment: with no more of them left the copy is current.
const FEW: u64 = 1_000;

/// How far a move is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum MoveStep<'a> {
    /// Rows of a table were copied.
    Copied {
        /// Which.
        table: &'a str,
        /// So far.
        rows: u64,
        /// Of so many, as they were counted before.
        of: u64,
    },
    /// Rows of a table were read again from both, and are the same.
    Compared {
        /// Which.
        table: &'a str,
        /// So far.
        rows: u64,
        /// Of so many.
        of: u64,
    },
    /// Everything is there but what the host does from now on: it has to be stopped. Said once.
    Current {
        /// Which process that is.
        host: &'a str,
    },
    /// Changes were brought over while the host runs.
    Followed {
        /// In all.
        changes: u64,
    },
    /// The host has stopped: what is left comes now, and cannot be given up any more.
    Stopped,
}

/// What was moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Moved {
    /// Rows of all tables.
    pub rows: u64,
    /// How long nobody could have served the store.
    pub away: Duration,
}

/// Why nothing was moved.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MoveError {
    /// The file or the database cannot be opened.
    #[error("move the store")]
    Open(#[from] OpenError),
    /// The file cannot be looked into.
    #[error("move the store")]
    Look(#[from] UpkeepError),
    /// There is no store to begin with.
    #[error("move the store: there is no file {}", .0.display())]
    Missing(PathBuf),
    /// Somebody else moves it.
    #[error("move the store: another move of it is going on ({by})")]
    Going {
        /// Who.
        by: String,
    },
    /// The host that runs has other tables.
    #[error(
        "move the store: the host that runs is of another version of OpsSight; move with its own `opssight`, or stop it first"
    )]
    OtherVersion,
    /// Something is there already.
    #[error(
        "move the store: the database is not empty, there are rows in {0}; move into an empty database (if an earlier move \
         said that it came to its end, everything is there: set store.url)"
    )]
    NotEmpty(String),
    /// Hosts run on the database.
    #[error("move the store: {members} processes work on that database; stop them, or move into another one")]
    InUse {
        /// How many.
        members: u64,
    },
    /// It was read back, and is not the same.
    #[error("move the store: {table} is not the same after it was copied; nothing was kept")]
    Different {
        /// Which table.
        table: String,
    },
    /// A text that PostgreSQL does not take.
    #[error(
        "move the store: the {column} of a row in {table} ({row}) holds a NUL character, which PostgreSQL does not keep; \
         stop the host, cut the text off there, and move again: sqlite3 opssight.sqlite \"UPDATE {table} SET {column} = \
         substr({column}, 1, instr({column}, char(0)) - 1) WHERE instr({column}, char(0)) > 0\""
    )]
    Nul {
        /// In which table.
        table: String,
        /// In which column.
        column: String,
        /// Its key.
        row: String,
    },
    /// It was asked to end.
    #[error("move the store: it was interrupted; nothing was moved, and the SQLite store is as it was")]
    Interrupted,
    /// A statement failed.
    #[error("move the store: {doing}")]
    Failed {
        /// What was being done.
        doing: String,
        /// Why not.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The connection broke at the last moment.
    #[error(
        "move the store: commit to the database; whether it happened is not known, and the file is not served until it is. \
         Look with `opssight db status` and store.url set to the database: if it has deliveries or events, everything is \
         there; if it is empty, `opssight db move --undo` lets the file be served as it was, and you can move again"
    )]
    Unknown(#[source] sqlx::Error),
    /// Nothing was moved, and the file says otherwise.
    #[error(
        "move the store: nothing was kept in the database, and that could not be noted in the file; \
         `opssight db move --undo` lets it be served again"
    )]
    NotNoted(#[source] sqlx::Error),
}

fn failed<E: Into<Error>>(doing: &'static str, what: &str) -> impl FnOnce(E) -> MoveError {
    let doing = format!("{doing} {what}");
    move |error| MoveError::Failed { doing, source: Box::new(error.into()) }
}

/// Move everything from the file in a directory into an empty database. If a host serves the file, it goes on until it
/// is stopped, which is waited for once everything else is there. `told` is called as it goes on. `stop` gives it up as
/// long as that can be done.
pub async fn move_to_postgres(
    dir: &Path,
    address: &str,
    options: StoreOptions,
    stop: &CancellationToken,
    told: impl Fn(MoveStep<'_>) + Send + Sync,
) -> Result<Moved, MoveError> {
    let to = postgres::connect_options(address)?;
    let file = file_of(dir);
    if !file.exists() {
        return Err(MoveError::Missing(file));
    }
    let _alone = change_log::take_turn(dir).await?;
    let host = hold(dir, &options).await?;
    check(dir, &options).await?;
    // Finds out whether it can be used at all. No host joins it: what is not committed leaves empty tables.
    postgres::make_tables(&to).await?;
    let mut from = Source::open(dir).await?;
    let (tables, steps) = (from.tables().await?, from.steps().await?);
    let to = Target::begin(&to).await?;
    let mut moving = Mover { tables, steps, from, to, told };
    let moved = moving.run(dir, host, stop).await;
    moving.to.close().await;
    moving.from.close().await;
    if moved.is_err() {
        give_up(dir).await;
    }
    moved
}

/// If no host runs, none is to start: the lock that it would take. The tables are brought up to date, as it would do.
async fn hold(dir: &Path, options: &StoreOptions) -> Result<Option<DirLock>, OpenError> {
    let opened = match Store::open(dir, options.clone()).await {
        Ok(store) => {
            store.close().await;
            DirLock::take(dir, Holder::Host)
        }
        Err(error) => Err(error),
    };
    match opened {
        Ok(lock) => Ok(Some(lock)),
        Err(OpenError::InUse { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// What opening the store finds out, beside whoever has it open.
async fn check(dir: &Path, options: &StoreOptions) -> Result<(), MoveError> {
    let checkup = check_up_file(dir, Some(&options.keys)).await?.ok_or_else(|| MoveError::Missing(file_of(dir)))?;
    match checkup.pending {
        Ok(pending) if pending.is_empty() => {}
        Ok(_) | Err(OpenError::Newer(_)) => return Err(MoveError::OtherVersion),
        Err(error) => return Err(error.into()),
    }
    Ok(checkup.key.unwrap_or(Ok(()))?)
}

/// Changes are not noted any more. If that fails, the next start does it, or the host that runs.
async fn give_up(dir: &Path) {
    // Its connection may be in the middle of anything.
    let ended = match Source::open(dir).await {
        Ok(mut from) => from.end_log().await,
        Err(error) => Err(error),
    };
    if let Err(error) = ended {
        tracing::warn!(error = &error as &dyn std::error::Error, "failed to remove the log of changes");
    }
}

struct Mover<F> {
    tables: Vec<Table>,
    /// That these tables have taken.
    steps: Vec<i64>,
    from: Source,
    to: Target,
    told: F,
}

impl<F: Fn(MoveStep<'_>) + Send + Sync> Mover<F> {
    async fn run(&mut self, dir: &Path, host: Option<DirLock>, stop: &CancellationToken) -> Result<Moved, MoveError> {
        let bring_over = async {
            self.from.start_log(&self.tables).await?;
            self.walk(Pass::Copy).await?;
            self.to.analyze().await?;
            self.walk(Pass::Compare).await?;
            let host = match host {
                Some(lock) => lock,
                None => self.follow(dir).await?,
            };
            Ok((host, self.keep_keys(dir).await?))
        };
        // Nobody serves the file, and nobody drops a key that its rows need, while these are there.
        let _locks = stop.run_until_cancelled(bring_over).await.unwrap_or(Err(MoveError::Interrupted))?;
        let stopped = Instant::now();
        let rows = self.finish().await?;
        Ok(Moved { rows, away: stopped.elapsed() })
    }

    /// Through all rows of all tables.
    async fn walk(&mut self, pass: Pass) -> Result<(), MoveError> {
        for at in 0..self.tables.len() {
            self.walk_table(at, pass).await?;
        }
        Ok(())
    }

    async fn walk_table(&mut self, at: usize, pass: Pass) -> Result<(), MoveError> {
        let Self { tables, from, to, told, .. } = self;
        let Some(table) = tables.get(at) else { return Ok(()) };
        let (mut part, mut rows) = (from.extent(table).await?, 0);
        while let Some(left) = part {
            from.begin().await?;
            let (changed, _) = bring_over(tables, from, to).await?;
            let page = from.page(table, &left).await?;
            from.end(&changed).await?;
            match pass {
                Pass::Copy => to.insert(table, &page.rows).await?,
                Pass::Compare => to.compare(table, &page.rows).await?,
            }
            (part, rows) = (left.behind(&page), rows + page.rows.len() as u64);
            told(match pass {
                Pass::Copy => MoveStep::Copied { table: table.name, rows, of: left.rows },
                Pass::Compare => MoveStep::Compared { table: table.name, rows, of: left.rows },
            });
        }
        Ok(())
    }

    /// Bring changes over until the host has stopped; then none is to start any more.
    async fn follow(&mut self, dir: &Path) -> Result<DirLock, MoveError> {
        let Self { tables, steps, from, to, told } = self;
        let (mut changes, mut is_current) = (0, false);
        loop {
            from.begin().await?;
            // A later version may have been started meanwhile.
            if from.steps().await? != *steps {
                return Err(MoveError::OtherVersion);
            }
            let (changed, now) = bring_over(tables, from, to).await?;
            from.end(&changed).await?;
            changes += now;
            if now <= FEW {
                match DirLock::take(dir, Holder::Host) {
                    Ok(lock) => {
                        told(MoveStep::Stopped);
                        return Ok(lock);
                    }
                    Err(OpenError::InUse { by, .. }) if !is_current => {
                        is_current = true;
                        told(MoveStep::Current { host: &by });
                    }
                    Err(OpenError::InUse { .. }) => {}
                    Err(error) => return Err(error.into()),
                }
                to.stay().await?;
                tokio::time::sleep(LOOK).await;
            }
            told(MoveStep::Followed { changes });
        }
    }

    /// From now on no rotation of the master key begins: its rows would be sealed anew here, after they were brought
    /// over, and the key that those there need would be thought to be of no use. One that goes on comes to its end.
    async fn keep_keys(&mut self, dir: &Path) -> Result<DirLock, MoveError> {
        loop {
            match DirLock::take(dir, Holder::Rotation) {
                Err(OpenError::InUse { .. }) => {}
                taken => return Ok(taken?),
            }
            self.to.stay().await?;
            tokio::time::sleep(LOOK).await;
        }
    }

    /// What is left, while nobody writes. How many rows there are.
    async fn finish(&mut self) -> Result<u64, MoveError> {
        let Self { tables, steps, from, to, .. } = self;
        from.begin_alone().await?;
        bring_over(tables, from, to).await?;
        if from.steps().await? != *steps {
            return Err(MoveError::OtherVersion);
        }
        let mut rows = 0;
        for table in tables.iter() {
            let (there, here) = tokio::try_join!(from.count(table), to.count(table.name))?;
            if there != here {
                return Err(MoveError::Different { table: table.name.to_owned() });
            }
            rows += here;
        }
        to.complete(&from.numbers().await?).await?;
        // In this order: whatever is cut off in between, no host serves the file while everything may be elsewhere.
        from.moves(&to.at).await?;
        failpoint::reached("move the store", "noted");
        match to.commit().await {
            Ok(()) => Ok(rows),
            Err(unknown @ MoveError::Unknown(_)) => Err(unknown),
            Err(error) => {
                from.stays().await.map_err(MoveError::NotNoted)?;
                Err(error)
            }
        }
    }
}

#[derive(Clone, Copy)]
enum Pass {
    Copy,
    Compare,
}

/// Everything that changed since the last time, as it is now, read back and compared. All keys of a table go before any
/// row comes: rows may have changed places in what has to be unique.
async fn bring_over(tables: &[Table], from: &mut Source, to: &mut Target) -> Result<(Changed, u64), MoveError> {
    let changed = from.changed().await?;
    let mut changes = 0;
    for table in tables.iter().filter(|table| changed.tables.iter().any(|name| name == table.name)) {
        let keys = from.changed_keys(table).await?;
        for some in keys.chunks(AT_ONCE) {
            to.delete(table, some).await?;
        }
        let mut rows = from.changed_rows(table);
        loop {
            let Batch { rows, .. } = batch(&mut rows, table).await?;
            if rows.is_empty() {
                break;
            }
            to.insert(table, &rows).await?;
            to.compare(table, &rows).await?;
        }
        changes += keys.len() as u64;
    }
    Ok((changed, changes))
}

#[cfg(test)]
mod tests {
    use super::table::NAMES;
    use crate::{LocalBus, Store, StoreOptions, SystemRandomness};
    use std::collections::BTreeSet;
    use std::sync::Arc;

    #[tokio::test]
    async fn no_table_is_left_behind() {
        let dir = tempfile::tempdir().unwrap();
        let options = StoreOptions::new([1; 32], Arc::new(SystemRandomness), Arc::new(LocalBus::new()));
        let store = Store::open(dir.path(), options).await.unwrap();
        let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name NOT LIKE '_sqlx%'";
        let there: Vec<String> = super::super::query::query_scalar(sql).fetch_all(&store.readers).await.unwrap();
        let there: BTreeSet<&str> = there.iter().map(String::as_str).filter(|name| *name != "members").collect();
        assert_eq!(BTreeSet::from(NAMES), there);
    }
}
