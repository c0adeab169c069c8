//! The log of events (the outbox), and how far its subscribers are.

use super::error::{Doing, Error};
use super::{Conn, Store};
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
        let rows: Vec<Row> = sqlx::query_as(
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
        // `sqlite_sequence` is SQLite's own note of the last number given, which outlives the row.
        let (first, last): (Option<i64>, i64) = sqlx::query_as(
            "SELECT (SELECT MIN(seq) FROM events),
                    COALESCE((SELECT seq FROM sqlite_sequence WHERE name = 'events'), 0)",
        )
        .fetch_one(&self.readers)
        .await
        .doing("read the bounds of the event log")?;
        Ok(match (first, last) {
            (Some(first), last) => (first, last),
            (None, 0) => (0, 0),
            (None, last) => (last.saturating_add(1), last),
        })
    }
}

/// How far a subscriber is.
pub(super) async fn place(conn: &mut Conn, subscriber: &str) -> Result<i64, Error> {
    let place: Option<i64> =
        sqlx::query_scalar("SELECT seq FROM subscribers WHERE name = $1").bind(subscriber).fetch_optional(conn).await?;
    Ok(place.unwrap_or(0))
}

/// A subscriber has taken in everything up to here.
pub(super) async fn advance(conn: &mut Conn, subscriber: &str, seq: i64) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO subscribers (name, seq) VALUES ($1, $2)
         ON CONFLICT (name) DO UPDATE SET seq = excluded.seq WHERE excluded.seq > subscribers.seq",
    )
    .bind(subscriber)
    .bind(seq)
    .execute(conn)
    .await?;
    Ok(())
}
