//! What changes in the file while it is moved: triggers note the keys of rows in a table beside them.
//!
//! They are in the file, so that whoever writes it notes what it does, and they outlive a move that is killed. Whoever
//! moves holds a lock for as long; what is there without it was left behind, and goes: when the store is opened, at the
//! next move, and within seconds while a host runs.

use super::MoveError;
use super::table::Table;
use crate::sql::Store;
use crate::sql::conn::{Conn, Readers};
use crate::sql::error::Error;
use crate::sql::open::OpenError;
use crate::sql::sqlite::{DirLock, Holder};
use opssight_core::error::StoreError;
use sqlx::{AssertSqlSafe, SqliteConnection};
use std::path::{Path, PathBuf};
use std::sync::Weak;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// How often a running host looks for what a move left behind.
const LOOK: Duration = Duration::from_secs(10);

/// How long the right to write is waited for, and how often it is asked for.
const PATIENCE: Duration = Duration::from_secs(60);
const AGAIN: Duration = Duration::from_millis(1);

const IS_THERE: &str = "SELECT COUNT(*) > 0 FROM sqlite_schema WHERE name = 'move_log'";

/// One move of a store at a time.
pub(super) async fn take_turn(dir: &Path) -> Result<DirLock, MoveError> {
    let mut tries = 0;
    loop {
        match DirLock::take(dir, Holder::Move) {
            // Whoever looks whether somebody has it has it for a moment.
            Err(OpenError::InUse { .. }) if tries < 10 => tries += 1,
            Err(OpenError::InUse { by, .. }) => return Err(MoveError::Going { by }),
            taken => return Ok(taken?),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Note changes in these tables from now on.
pub(super) async fn start(conn: &mut SqliteConnection, tables: &[Table]) -> Result<(), sqlx::Error> {
    begin(conn).await?;
    drop_all(conn).await?;
    let columns: Vec<String> = (1..=tables.iter().map(|table| table.key).max().unwrap_or(1)).map(column).collect();
    let log = format!("CREATE TABLE move_log (seq INTEGER PRIMARY KEY, tab TEXT NOT NULL, {})", columns.join(", "));
    run(conn, log).await?;
    for table in tables {
        for trigger in triggers(table) {
            run(conn, trigger).await?;
        }
    }
    run(conn, "COMMIT".to_owned()).await
}

fn triggers(table: &Table) -> [String; 3] {
    let name = table.name;
    let (old, new) = (Table::list(table.key(), "OLD."), Table::list(table.key(), "NEW."));
    let note = format!("INSERT INTO move_log (tab, {}) SELECT '{name}', ", keys("", table));
    let on = |what: &str, then: String| {
        format!("CREATE TRIGGER move_log_{name}_{what} AFTER {what} ON {name} BEGIN {then}; END")
    };
    [
        on("insert", format!("{note}{new}")),
        on("delete", format!("{note}{old}")),
        on("update", format!("{note}{old}; {note}{new} WHERE ({new}) IS NOT ({old})")),
    ]
}

/// The log's columns for the key of a table.
pub(super) fn keys(before: &str, table: &Table) -> String {
    (1..=table.key).map(|n| format!("{before}{}", column(n))).collect::<Vec<_>>().join(", ")
}

/// Rows of a table, and their keys among something that has the log's columns.
pub(super) fn matching(table: &Table, rows: &str, keys: &str) -> String {
    let same = |(at, key): (usize, &super::table::Column)| format!("{rows}.{} = {keys}.{}", key.name, column(at + 1));
    table.key().enumerate().map(same).collect::<Vec<_>>().join(" AND ")
}

fn column(n: usize) -> String {
    format!("key_{n}")
}

/// Note nothing any more. Within a transaction.
pub(super) async fn drop_all(conn: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let triggers = "SELECT name FROM sqlite_schema WHERE type = 'trigger' AND name GLOB 'move_log_*'";
    let triggers: Vec<String> = sqlx::query_scalar(triggers).fetch_all(&mut *conn).await?;
    for trigger in triggers {
        run(conn, format!("DROP TRIGGER {trigger}")).await?;
    }
    run(conn, "DROP TABLE IF EXISTS move_log".to_owned()).await
}

/// Take the right to write. SQLite's own waiting asks for it more and more seldom, down to every tenth of a second: beside a
/// host that writes without a pause that took up to a second each time, and asking every millisecond a tenth of that.
pub(super) async fn begin(conn: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    run(conn, "PRAGMA busy_timeout = 0".to_owned()).await?;
    let until = Instant::now() + PATIENCE;
    let begun = loop {
        match run(conn, "BEGIN IMMEDIATE".to_owned()).await {
            Err(error) if is_busy(&error) && Instant::now() < until => tokio::time::sleep(AGAIN).await,
            begun => break begun,
        }
    };
    run(conn, "PRAGMA busy_timeout = 5000".to_owned()).await?;
    begun
}

/// `SQLITE_BUSY`, in whatever detail.
fn is_busy(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code()?.parse::<u32>().ok());
    code.is_some_and(|code| code & 0xff == 5)
}

async fn run(conn: &mut SqliteConnection, sql: String) -> Result<(), sqlx::Error> {
    sqlx::query(AssertSqlSafe(sql)).persistent(false).execute(conn).await.map(|_| ())
}

/// Forget what was noted until then.
pub(super) async fn forget(conn: &mut SqliteConnection, last: i64) -> Result<(), sqlx::Error> {
    begin(conn).await?;
    sqlx::query("DELETE FROM move_log WHERE seq <= $1").bind(last).execute(&mut *conn).await?;
    run(conn, "COMMIT".to_owned()).await
}

/// The end of a move that was given up, by itself.
pub(super) async fn end(conn: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    begin(conn).await?;
    drop_all(conn).await?;
    run(conn, "COMMIT".to_owned()).await
}

/// Remove what a move left behind that is gone.
pub(in crate::sql) async fn tidy(conn: &mut SqliteConnection, dir: &Path) -> Result<(), sqlx::Error> {
    let is_there: bool = sqlx::query_scalar(IS_THERE).fetch_one(&mut *conn).await?;
    if !is_there {
        return Ok(());
    }
    begin(conn).await?;
    drop_if_left(conn, dir).await?;
    run(conn, "COMMIT".to_owned()).await
}

/// In a transaction that may write: a move takes its lock first, and then waits for that.
async fn drop_if_left(conn: &mut SqliteConnection, dir: &Path) -> Result<(), sqlx::Error> {
    if DirLock::holder(dir, Holder::Move).is_none() {
        tracing::info!("removing what a move to PostgreSQL left behind that was cut off");
        drop_all(conn).await?;
    }
    Ok(())
}

/// Until the store is gone or closed, remove what moves leave behind.
pub(in crate::sql) async fn watch(store: Weak<Store>, dir: PathBuf, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(LOOK)).await.is_some() {
        let Some(store) = store.upgrade() else { return };
        if let Err(error) = tidy_beside(&store, &dir).await {
            tracing::warn!(error = %error, source = ?error.source, "failed to remove what a move left behind");
        }
    }
}

async fn tidy_beside(store: &Store, dir: &Path) -> Result<(), StoreError> {
    const DOING: &str = "remove what a move left behind";
    let Readers::Sqlite(readers) = &store.readers else { return Ok(()) };
    let is_there: Result<bool, _> = sqlx::query_scalar(IS_THERE).fetch_one(readers).await;
    if !is_there.map_err(|error| StoreError::new(DOING, Error::from(error)))?
        || DirLock::holder(dir, Holder::Move).is_some()
    {
        return Ok(());
    }
    let remove = store.write(DOING, dir.to_owned(), |dir, conn| {
        Box::pin(async move {
            let Conn::Sqlite(conn) = conn else { return Ok(()) };
            Ok(drop_if_left(conn, dir).await?)
        })
    });
    remove.await
}
