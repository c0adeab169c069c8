//! Feeds: leases, checkpoints, and when each is due.

use super::error::{Doing, Error};
use super::{Conn, Store, ingest};
use async_trait::async_trait;
use opssight_core::error::StoreError;
use opssight_core::events::Topic;
use opssight_core::feeds::{FeedStore, LeasedFeed, Pulled};
use opssight_core::id::ConnectionId;
use opssight_core::ingest::Applied;
use opssight_core::time::Timestamp;
use sqlx::FromRow;

#[derive(FromRow)]
struct Leased {
    connection: String,
    feed: String,
    fence: i64,
    checkpoint: Option<String>,
    page_cursor: Option<String>,
    failures: i64,
    next_at: i64,
}

/// A new feed is due at once.
pub(super) async fn insert(
    conn: &mut Conn,
    connection: &ConnectionId,
    feed: &str,
    now: Timestamp,
) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO feeds (connection, feed, next_at)
         SELECT $1, $2, $3 WHERE EXISTS (SELECT 1 FROM connections WHERE id = $1)
         ON CONFLICT (connection, feed) DO NOTHING",
    )
    .bind(connection.as_str())
    .bind(feed)
    .bind(now.0)
    .execute(conn)
    .await?;
    Ok(())
}

async fn lease(conn: &mut Conn, limit: u32, now: Timestamp, until: Timestamp) -> Result<Vec<LeasedFeed>, Error> {
    let mut leased: Vec<Leased> = sqlx::query_as(
        "UPDATE feeds SET fence = fence + 1, leased_until = $3
         WHERE (connection, feed) IN (
             SELECT f.connection, f.feed FROM feeds f JOIN connections c ON c.id = f.connection
             WHERE f.next_at <= $2 AND (f.leased_until IS NULL OR f.leased_until <= $2) AND c.enabled = 1
             ORDER BY f.next_at, f.connection, f.feed LIMIT $1)
         RETURNING connection, feed, fence, checkpoint, page_cursor, failures, next_at",
    )
    .bind(i64::from(limit))
    .bind(now.0)
    .bind(until.0)
    .fetch_all(conn)
    .await?;
    leased.sort_by(|a, b| (a.next_at, &a.connection, &a.feed).cmp(&(b.next_at, &b.connection, &b.feed)));
    Ok(leased
        .into_iter()
        .map(|row| LeasedFeed {
            connection: ConnectionId(row.connection),
            feed: row.feed,
            fence: row.fence,
            checkpoint: row.checkpoint,
            cursor: row.page_cursor,
            failures: u32::try_from(row.failures).unwrap_or(u32::MAX),
        })
        .collect())
}

async fn settle(conn: &mut Conn, feed: &LeasedFeed, now: Timestamp, how: &Pulled) -> Result<Option<Applied>, Error> {
    match how {
        Pulled::Page { effect, checkpoint, cursor, next_at } => {
            let done = sqlx::query(
                "UPDATE feeds SET leased_until = NULL, checkpoint = COALESCE($4, checkpoint), page_cursor = $5,
                        next_at = $6, failures = 0, error = NULL, last_success_at = $7, items = items + $8
                 WHERE connection = $1 AND feed = $2 AND fence = $3 AND leased_until IS NOT NULL",
            )
            .bind(feed.connection.as_str())
            .bind(feed.feed.as_str())
            .bind(feed.fence)
            .bind(checkpoint.as_deref())
            .bind(cursor.as_deref())
            .bind(next_at.0)
            .bind(now.0)
            .bind(i64::try_from(effect.items.len()).unwrap_or(i64::MAX))
            .execute(&mut *conn)
            .await?;
            if done.rows_affected() == 0 { Ok(None) } else { Ok(Some(ingest::apply(conn, effect).await?)) }
        }
        Pulled::Failed { error, next_at } => {
            let done = sqlx::query(
                "UPDATE feeds SET leased_until = NULL, next_at = $4, failures = failures + 1, error = $5
                 WHERE connection = $1 AND feed = $2 AND fence = $3 AND leased_until IS NOT NULL",
            )
            .bind(feed.connection.as_str())
            .bind(feed.feed.as_str())
            .bind(feed.fence)
            .bind(next_at.0)
            .bind(error.as_str())
            .execute(conn)
            .await?;
            Ok((done.rows_affected() > 0).then(Applied::default))
        }
    }
}

async fn declare(conn: &mut Conn, connection: &ConnectionId, feeds: &[String], now: Timestamp) -> Result<(), Error> {
    let known: Vec<String> = sqlx::query_scalar("SELECT feed FROM feeds WHERE connection = $1")
        .bind(connection.as_str())
        .fetch_all(&mut *conn)
        .await?;
    for gone in known.iter().filter(|known| !feeds.contains(known)) {
        sqlx::query("DELETE FROM feeds WHERE connection = $1 AND feed = $2")
            .bind(connection.as_str())
            .bind(gone)
            .execute(&mut *conn)
            .await?;
    }
    for new in feeds.iter().filter(|feed| !known.contains(feed)) {
        insert(conn, connection, new, now).await?;
    }
    Ok(())
}

#[async_trait]
impl FeedStore for Store {
    async fn lease_feeds(&self, limit: u32, now: Timestamp, until: Timestamp) -> Result<Vec<LeasedFeed>, StoreError> {
        // Mostly nothing is due, and looking costs no flush.
        const DOING: &str = "lease feeds";
        let due = self.next_feed_due().await?;
        if due.is_none_or(|due| due > now) {
            return Ok(Vec::new());
        }
        self.write(DOING, (), move |(), conn| Box::pin(lease(conn, limit, now, until))).await
    }

    async fn settle_feed(&self, feed: &LeasedFeed, now: Timestamp, how: Pulled) -> Result<Option<Applied>, StoreError> {
        self.write_and_wake(
            "keep what the feed brought",
            (Topic::Events, |applied: &Option<Applied>| applied.is_some_and(|applied| applied.changed > 0)),
            (feed.clone(), now, how),
            |(feed, now, how), conn| Box::pin(settle(conn, feed, *now, how)),
        )
        .await
    }

    async fn hurry(&self, connection: &ConnectionId, now: Timestamp) -> Result<bool, StoreError> {
        let connection = connection.0.clone();
        self.write_and_wake(
            "make the feeds due",
            (Topic::Feeds, |found| *found),
            (connection, now),
            |(connection, now), conn| {
                Box::pin(async move {
                    let done = sqlx::query(
                        "UPDATE feeds SET next_at = CASE WHEN next_at < $2 THEN next_at ELSE $2 END
                         WHERE connection = $1",
                    )
                    .bind(connection)
                    .bind(now.0)
                    .execute(conn)
                    .await?;
                    Ok(done.rows_affected() > 0)
                })
            },
        )
        .await
    }

    async fn next_feed_due(&self) -> Result<Option<Timestamp>, StoreError> {
        // A leased feed is due again when its lease ends, unless it is settled first.
        let due: Option<i64> = sqlx::query_scalar(
            "SELECT MIN(CASE WHEN f.leased_until > f.next_at THEN f.leased_until ELSE f.next_at END)
             FROM feeds f JOIN connections c ON c.id = f.connection WHERE c.enabled = 1",
        )
        .fetch_one(&self.readers)
        .await
        .doing("read when the next feed is due")?;
        Ok(due.map(Timestamp))
    }

    async fn declare_feeds(
        &self,
        connection: &ConnectionId,
        feeds: &[String],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write_and_wake(
            "keep which feeds there are",
            (Topic::Feeds, |()| true),
            (connection.clone(), feeds.to_vec(), now),
            |(connection, feeds, now), conn| Box::pin(declare(conn, connection, feeds, *now)),
        )
        .await
    }
}
