//! The processes that work on one store, and what they leave behind.
//!
//! Each says every few seconds that it is there, by the store's clock. What a process has leased that is there no more
//! is free at once, and need not wait for the end of its lease. One that was only slow finds its lease's number used
//! up, and changes nothing.

use super::Store;
use super::conn::Conn;
use super::error::Error;
use super::query::{Spelt, query};
use std::sync::Weak;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often a process says that it is there.
const EVERY: Duration = Duration::from_secs(3);
/// So long after it last said so, it is there no more. Microseconds.
pub(super) const GONE_AFTER: i64 = 15_000_000;

/// Take back what was leased by processes that are there no more. SQLite is open in one process at a time: whatever is
/// leased when it starts was leased by one that is gone.
pub(super) async fn release(conn: &mut Conn) -> Result<u64, Error> {
    const DELIVERIES: Spelt = Spelt {
        sqlite: "UPDATE deliveries SET state = 'pending', due_at = received_at, owner = NULL
                 WHERE state = 'processing'",
        postgres: "UPDATE deliveries SET state = 'pending', due_at = received_at, owner = NULL
                   WHERE id IN (SELECT id FROM deliveries d WHERE d.state = 'processing'
                                  AND NOT EXISTS (SELECT 1 FROM members m WHERE m.id = d.owner)
                                FOR UPDATE SKIP LOCKED)",
    };
    const FEEDS: Spelt = Spelt {
        sqlite: "UPDATE feeds SET leased_until = NULL, owner = NULL WHERE leased_until IS NOT NULL",
        postgres: "UPDATE feeds SET leased_until = NULL, owner = NULL
                   WHERE leased_until IS NOT NULL AND NOT EXISTS (SELECT 1 FROM members m WHERE m.id = feeds.owner)",
    };
    let deliveries = query(DELIVERIES.for_conn(conn)).execute(&mut *conn).await?;
    let feeds = query(FEEDS.for_conn(conn)).execute(conn).await?;
    Ok(deliveries + feeds)
}

/// Say that this process is there, and take over from those who are there no more; how much was taken over.
pub(super) async fn attend(conn: &mut Conn, id: &str) -> Result<u64, Error> {
    query(
        "INSERT INTO members (id, started_at, seen_at) VALUES ($1, now_us(), now_us())
         ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at",
    )
    .bind(id)
    .execute(&mut *conn)
    .await?;
    let gone = query("DELETE FROM members WHERE seen_at < now_us() - $1").bind(GONE_AFTER).execute(&mut *conn).await?;
    if gone > 0 { release(conn).await } else { Ok(0) }
}

/// This process stops: what it still holds is free for the others.
pub(super) async fn leave(conn: &mut Conn, id: &str) -> Result<(), Error> {
    query("DELETE FROM members WHERE id = $1").bind(id).execute(&mut *conn).await?;
    release(conn).await?;
    Ok(())
}

/// Until the store is gone or closed, stay a member.
pub(super) async fn stay(store: Weak<Store>, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_some() {
        let Some(store) = store.upgrade() else { return };
        match store.attend().await {
            Ok(0) => {}
            Ok(taken) => tracing::warn!(taken, "a process that worked on this store is gone; its work is taken over"),
            Err(error) => {
                tracing::warn!(error = %error, source = ?error.source, "failed to tell the others that this process is there");
            }
        }
    }
}
