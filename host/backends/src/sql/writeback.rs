//! Moving what was committed from the write-ahead log into the main file.
//!
//! SQLite would do it within the commit that makes the log long: everybody who waits for the writer would wait for tens
//! of mebibytes to reach the disk. A connection of its own does it while the writer goes on.

use sqlx::{Connection, SqliteConnection};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How often the log is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// How often after a failure.
const LOOK_AFTER_FAILURE: Duration = Duration::from_secs(10);
/// So many pages make it worth it: each time flushes the main file.
const MANY: i64 = 1_000;
/// After so many looks without anything new, what is left: a quiet store is all in one file.
const QUIET: u32 = 10;

pub(super) struct WriteBack {
    stop: CancellationToken,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl WriteBack {
    /// Start on a connection of its own.
    pub(super) fn start(conn: SqliteConnection) -> Self {
        let stop = CancellationToken::new();
        let task = tokio::spawn(work(conn, stop.clone()));
        Self { stop, task: Mutex::new(Some(task)) }
    }

    /// End. What is left is written back when the writer closes the file.
    pub(super) async fn close(&self) {
        self.stop.cancel();
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task {
            // It does not panic, and if it did, closing goes on.
            let _ended = task.await;
        }
    }
}

impl Drop for WriteBack {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn work(mut conn: SqliteConnection, stop: CancellationToken) {
    let mut seen = Seen::default();
    let mut fails = false;
    while stop.run_until_cancelled(tokio::time::sleep(if fails { LOOK_AFTER_FAILURE } else { LOOK })).await.is_some() {
        let looked = look(&mut conn, &mut seen).await;
        // Nothing is lost: commits write back themselves when the log is very long. Told once, until it is over.
        match &looked {
            Err(error) if !fails => {
                tracing::warn!(error = error as &dyn std::error::Error, "failed to write the store's log back");
            }
            Ok(()) if fails => tracing::info!("the store's log is written back again"),
            _ => {}
        }
        fails = looked.is_err();
    }
    if let Err(error) = conn.close().await {
        tracing::warn!(error = &error as &dyn std::error::Error, "failed to close the store's write-back");
    }
}

/// How the log was at the last look.
#[derive(Default)]
struct Seen {
    pages: i64,
    quiet: u32,
}

async fn look(conn: &mut SqliteConnection, seen: &mut Seen) -> Result<(), sqlx::Error> {
    let (pages, left) = checkpoint(conn, "PRAGMA wal_checkpoint(NOOP)").await?;
    seen.quiet = if pages == seen.pages { seen.quiet + 1 } else { 0 };
    seen.pages = pages;
    if left >= MANY || (left > 0 && seen.quiet >= QUIET) {
        checkpoint(conn, "PRAGMA wal_checkpoint(PASSIVE)").await?;
        seen.quiet = 0;
    }
    Ok(())
}

/// Pages in the log, and how many of them are in the log only.
async fn checkpoint(conn: &mut SqliteConnection, statement: &'static str) -> Result<(i64, i64), sqlx::Error> {
    let (_busy, pages, done): (i64, i64, i64) = sqlx::query_as(statement).fetch_one(conn).await?;
    Ok((pages, pages - done))
}
