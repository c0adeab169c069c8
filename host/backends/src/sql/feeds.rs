//! Feeds: leases, checkpoints, and when each is due.

use super::error::{Doing, Error};
use super::{Conn, Store, ingest};
use crate::sql::conn::Readers;
use crate::sql::query::{query, query_as, query_scalar};
use async_trait::async_trait;
use opssight_core::error::StoreError;
use opssight_core::events::Topic;
use opssight_core::feeds::{FeedStore, LeasedFeed, Pulled};
use opssight_core::hooks::Leasing;
use opssight_core::id::ConnectionId;
use opssight_core::ingest::Applied;
use opssight_core::time::Timestamp;
use sqlx::FromRow;
use std::collections::HashMap;

#[derive(FromRow)]
struct Leased {
    connection: String,
    feed: String,
    fence: i64,
    checkpoint: Option<String>,
    page_cursor: Option<String>,
    failures: i64,
}

/// A new feed is due at once.
pub(super) async fn insert(
    conn: &mut Conn,
    connection: &ConnectionId,
    feed: &str,
    now: Timestamp,
) -> Result<(), Error> {
    query(
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

/// Whose turn it is, with how many of that connection are under way then. Feeds are few: all that are due are looked at.
const CHOOSE: &str = "SELECT connection, feed, nth FROM (
        SELECT f.connection, f.feed, f.next_at,
            ROW_NUMBER() OVER (PARTITION BY f.connection ORDER BY f.next_at, f.feed)
                + COALESCE((SELECT CAST(r.value AS BIGINT) FROM json_each($1) r WHERE r.key = f.connection), 0) AS nth
        FROM feeds f JOIN connections c ON c.id = f.connection
        WHERE f.next_at <= $2 AND (f.leased_until IS NULL OR f.leased_until <= $2) AND c.enabled = 1) AS turns
    WHERE nth <= $3 ORDER BY nth, next_at, connection, feed LIMIT $4";

async fn choose(readers: &Readers, ask: &Leasing) -> Result<Vec<(String, String)>, Error> {
    let running: HashMap<&str, u32> = ask.running.iter().map(|(id, running)| (id.as_str(), *running)).collect();
    let turns: Vec<(String, String, i64)> = query_as(CHOOSE)
        .bind(serde_json::to_string(&running).map_err(Error::Json)?)
        .bind(ask.now.0)
        .bind(i64::from(ask.share.max(1)))
        .bind(i64::from(ask.room.max(ask.reserve)))
        .fetch_all(readers)
        .await?;
    let room = usize::try_from(ask.room).unwrap_or(usize::MAX);
    let turns = turns.into_iter().enumerate();
    Ok(turns.filter(|(at, (.., nth))| *at < room || *nth == 1).map(|(_, (id, feed, _))| (id, feed)).collect())
}

async fn lease(
    conn: &mut Conn,
    chosen: &[(String, String)],
    owner: &str,
    (now, until): (Timestamp, Timestamp),
) -> Result<Vec<LeasedFeed>, Error> {
    let mut leased = Vec::with_capacity(chosen.len());
    for (connection, feed) in chosen {
        let row: Option<Leased> = query_as(
            "UPDATE feeds SET fence = fence + 1, leased_until = $4, owner = $5
             WHERE connection = $1 AND feed = $2 AND next_at <= $3 AND (leased_until IS NULL OR leased_until <= $3)
               AND EXISTS (SELECT 1 FROM connections c WHERE c.id = $1 AND c.enabled = 1)
             RETURNING connection, feed, fence, checkpoint, page_cursor, failures",
        )
        .bind(connection)
        .bind(feed)
        .bind(now.0)
        .bind(until.0)
        .bind(owner)
        .fetch_optional(&mut *conn)
        .await?;
        leased.extend(row.map(LeasedFeed::from));
    }
    Ok(leased)
}

impl From<Leased> for LeasedFeed {
    fn from(row: Leased) -> Self {
        Self {
            connection: ConnectionId(row.connection),
            feed: row.feed,
            fence: row.fence,
            checkpoint: row.checkpoint,
            cursor: row.page_cursor,
            failures: u32::try_from(row.failures).unwrap_or(u32::MAX),
        }
    }
}

async fn settle(conn: &mut Conn, feed: &LeasedFeed, now: Timestamp, how: &Pulled) -> Result<Option<Applied>, Error> {
    match how {
        Pulled::Page { effect, checkpoint, cursor, next_at } => {
            let done = query(
                "UPDATE feeds SET leased_until = NULL, owner = NULL, checkpoint = COALESCE($4, checkpoint), page_cursor = $5,
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
            if done == 0 { Ok(None) } else { Ok(Some(ingest::apply(conn, effect).await?)) }
        }
        Pulled::Failed { error, next_at } => {
            let done = query(
                "UPDATE feeds SET leased_until = NULL, owner = NULL, next_at = $4, failures = failures + 1, error = $5
                 WHERE connection = $1 AND feed = $2 AND fence = $3 AND leased_until IS NOT NULL",
            )
            .bind(feed.connection.as_str())
            .bind(feed.feed.as_str())
            .bind(feed.fence)
            .bind(next_at.0)
            .bind(error.as_str())
            .execute(conn)
            .await?;
            Ok((done > 0).then(Applied::default))
        }
    }
}

async fn declare(conn: &mut Conn, connection: &ConnectionId, feeds: &[String], now: Timestamp) -> Result<(), Error> {
    let known: Vec<String> = query_scalar("SELECT feed FROM feeds WHERE connection = $1")
        .bind(connection.as_str())
        .fetch_all(&mut *conn)
        .await?;
    for gone in known.iter().filter(|known| !feeds.contains(known)) {
        query("DELETE FROM feeds WHERE connection = $1 AND feed = $2")
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
    async fn lease_feeds(&self, ask: &Leasing) -> Result<Vec<LeasedFeed>, StoreError> {
        const DOING: &str = "lease feeds";
        // Mostly nothing is due, and looking costs no flush.
        let chosen = choose(&self.readers, ask).await.doing(DOING)?;
        if chosen.is_empty() {
            return Ok(Vec::new());
        }
        let data = (chosen, self.member.clone(), (ask.now, ask.until));
        self.write(DOING, data, |(chosen, owner, ask), conn| Box::pin(lease(conn, chosen, owner, *ask))).await
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
                    let done = query(
                        "UPDATE feeds SET next_at = CASE WHEN next_at < $2 THEN next_at ELSE $2 END
                         WHERE connection = $1",
                    )
                    .bind(connection)
                    .bind(now.0)
                    .execute(conn)
                    .await?;
                    Ok(done > 0)
                })
            },
        )
        .await
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
