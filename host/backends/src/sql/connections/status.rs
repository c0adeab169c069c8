//! How a connection is doing.

use crate::sql::Store;
use crate::sql::error::Error;
use crate::sql::query::query_as;
use opssight_core::connections::{CheckOutcome, ConnectionHealth, ConnectionStatus, FeedStatus};
use opssight_core::id::ConnectionId;
use opssight_core::time::Timestamp;
use sqlx::FromRow;

pub(super) fn health_word(health: ConnectionHealth) -> Option<&'static str> {
    match health {
        ConnectionHealth::Unknown => None,
        ConnectionHealth::Ok => Some("ok"),
        ConnectionHealth::Failing => Some("failing"),
    }
}

#[derive(FromRow)]
struct StatusRow {
    health: Option<String>,
    check_summary: Option<String>,
    check_fault: Option<String>,
    checked_at: Option<i64>,
    last_delivery_at: Option<i64>,
    pending: i64,
    failed: i64,
}

#[derive(FromRow)]
struct FeedRow {
    feed: String,
    last_success_at: Option<i64>,
    next_at: i64,
    error: Option<String>,
    items: i64,
}

impl Store {
    pub(super) async fn read_status(&self, id: &ConnectionId) -> Result<ConnectionStatus, Error> {
        let row: Option<StatusRow> = query_as(
            "SELECT c.health, c.check_summary, c.check_fault, c.checked_at,
                    (SELECT MAX(d.received_at) FROM deliveries d WHERE d.connection = c.id) AS last_delivery_at,
                    (SELECT COUNT(*) FROM deliveries d WHERE d.connection = c.id AND d.due_at IS NOT NULL) AS pending,
                    (SELECT COUNT(*) FROM deliveries d WHERE d.state = 'failed' AND d.connection = c.id) AS failed
             FROM connections c WHERE c.id = $1",
        )
        .bind(id.as_str())
        .fetch_optional(&self.readers)
        .await?;
        let Some(row) = row else { return Ok(ConnectionStatus::default()) };
        let feeds: Vec<FeedRow> = query_as(
            "SELECT feed, last_success_at, next_at, error, items FROM feeds WHERE connection = $1 ORDER BY feed",
        )
        .bind(id.as_str())
        .fetch_all(&self.readers)
        .await?;
        let health = match row.health.as_deref() {
            Some("ok") => ConnectionHealth::Ok,
            Some(_) => ConnectionHealth::Failing,
            None => ConnectionHealth::Unknown,
        };
        Ok(ConnectionStatus {
            // Without a summary the first check was only begun.
            check: row.checked_at.zip(row.check_summary).map(|(at, summary)| CheckOutcome {
                health,
                summary,
                fault: row.check_fault,
                at: Timestamp(at),
            }),
            last_delivery_at: row.last_delivery_at.map(Timestamp),
            pending: row.pending.unsigned_abs(),
            failed: row.failed.unsigned_abs(),
            feeds: feeds
                .into_iter()
                .map(|row| FeedStatus {
                    name: row.feed,
                    last_success_at: row.last_success_at.map(Timestamp),
                    next_at: Some(Timestamp(row.next_at)),
                    error: row.error,
                    items: row.items.unsigned_abs(),
                })
                .collect(),
        })
    }
}
