//! The log of events (the outbox), and how far those are who take it in within a transaction of the store.

use super::error::{Doing, Error};
use super::{Conn, Store};
use crate::sql::query::{query, query_as, query_scalar};
use async_trait::async_trait;
use opssight_core::error::StoreError;
use opssight_core::events::{Event, EventLog};
use opssight_core::id::ConnectionId;
use opssight_core::time::Timestamp;
use sqlx::FromRow;

#[derive(FromRow)]
struct Row {
    seq: i64,
    kind: String,
    connection: String,
    subject: String,
    at: i64,
    data: String,
}

impl Row {
    fn read(self) -> Result<Event, Error> {
        Ok(Event {
            seq: self.seq,
            kind: self.kind,
            connection: ConnectionId(self.connection),
            subject: self.subject,
            at: Timestamp(self.at),
            data: serde_json::from_str(&self.data).map_err(Error::stored("event"))?,
        })
    }
}

#[async_trait]
impl EventLog for Store {
    async fn after(&self, seq: i64, limit: u32) -> Result<Vec<Event>, StoreError> {
        const DOING: &str = "read the event log";
        let rows: Vec<Row> = query_as(
            "SELECT seq, kind, connection, subject, at, data FROM events WHERE seq > $1 ORDER BY seq LIMIT $2",
        )
        .bind(seq)
        .bind(i64::from(limit.min(10_000)))
        .fetch_all(&self.readers)
        .await
        .doing(DOING)?;
        rows.into_iter().map(Row::read).collect::<Result<_, _>>().doing(DOING)
    }

    async fn bounds(&self) -> Result<(i64, i64), StoreError> {
        // Retention takes only what every subscriber has seen: where no event is left, they have seen the last one.
        let (first, last, seen): (Option<i64>, Option<i64>, Option<i64>) = query_as(
            "SELECT (SELECT MIN(seq) FROM events), (SELECT MAX(seq) FROM events), (SELECT MAX(seq) FROM subscribers)",
        )
        .fetch_one(&self.readers)
        .await
        .doing("read the bounds of the event log")?;
        let last = last.max(seen).unwrap_or(0);
        Ok(match first {
            Some(first) => (first, last),
            None if last == 0 => (0, 0),
            None => (last.saturating_add(1), last),
        })
    }
}

/// How far a subscriber is.
pub(super) async fn place(conn: &mut Conn, subscriber: &str) -> Result<i64, Error> {
    let place: Option<i64> =
        query_scalar("SELECT seq FROM subscribers WHERE name = $1").bind(subscriber).fetch_optional(conn).await?;
    Ok(place.unwrap_or(0))
}

/// A subscriber has taken in everything up to here.
pub(super) async fn advance(conn: &mut Conn, subscriber: &str, seq: i64) -> Result<(), Error> {
    query(
        "INSERT INTO subscribers (name, seq) VALUES ($1, $2)
         ON CONFLICT (name) DO UPDATE SET seq = excluded.seq WHERE excluded.seq > subscribers.seq",
    )
    .bind(subscriber)
    .bind(seq)
    .execute(conn)
    .await?;
    Ok(())
}
