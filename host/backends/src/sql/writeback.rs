//! Moving what was committed from the write-ahead log into the main file.
//!
//! SQLite would do it within the commit that makes the log long: everybody who waits for the writer would wait for tens
//! of mebibytes to reach the disk. A connection of its own does it while the writer goes on.

use super::Conn;
use sqlx::Connection;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How often the log is looked at.
const LOOK: Duration = Duration::from_secs(1);
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
    pub(super) fn start(conn: Conn) -> Self {
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

async fn work(mut conn: Conn, stop: CancellationToken) {
    let (mut before, mut quiet) = (0, 0);
    while stop.run_until_cancelled(tokio::time::sleep(LOOK)).await.is_some() {
        let Some((pages, left)) = checkpoint(&mut conn, "PRAGMA wal_checkpoint(NOOP)").await else { continue };
        quiet = if pages == before { quiet + 1 } else { 0 };
        before = pages;
        if left >= MANY || (left > 0 && quiet >= QUIET) {
            checkpoint(&mut conn, "PRAGMA wal_checkpoint(PASSIVE)").await;
            quiet = 0;
        }
    }
    if let Err(error) = conn.close().await {
        tracing::warn!(error = &error as &dyn std::error::Error, "failed to close the store's write-back");
    }
}

/// Pages in the log, and how many of them are in the log only.
async fn checkpoint(conn: &mut Conn, statement: &'static str) -> Option<(i64, i64)> {
    let told: Result<(i64, i64, i64), _> = sqlx::query_as(statement).fetch_one(conn).await;
    match told {
        Ok((_busy, pages, done)) => Some((pages, pages - done)),
        Err(error) => {
            // Nothing is lost: commits write back themselves when the log is very long.
            tracing::warn!(error = &error as &dyn std::error::Error, "failed to write the store's log back");
            None
        }
    }
}
