//! The inbox: accept once, lease, settle, replay.

pub(super) mod log;

use super::error::{Doing, Error};
use super::{Conn, Store, ingest, members};
use crate::sql::conn::Readers;
use crate::sql::query::{Builder, Spelt, query, query_as, query_scalar};
use async_trait::async_trait;
use opssight_core::error::StoreError;
use opssight_core::events::Topic;
use opssight_core::hooks::{
    Accepted, Delivery, DeliveryBody, DeliveryFault, DeliveryQuery, DeliveryState, Inbox, LeasedDelivery, Leasing,
    NewDelivery, Rejection, Settled, Settlement,
};
use opssight_core::id::{ConnectionId, DeliveryId};
use opssight_core::page::Page;
use opssight_core::time::Timestamp;
use sqlx::FromRow;
use std::collections::HashMap;

/// Rejected deliveries that are kept per connection.
const REJECTED_KEPT: i64 = 1000;

/// Both rows in one trip.
const ACCEPT: Spelt = Spelt {
    sqlite: "INSERT INTO deliveries (id, connection, upstream_id, event, state, size, received_at, due_at, headers)
         VALUES ($1, $2, $3, $4, 'pending', $5, $6, $6, $7)
         ON CONFLICT (connection, upstream_id) WHERE rejected = 0 DO NOTHING;
         INSERT INTO delivery_bodies (delivery, body)
         SELECT $1, $8 WHERE EXISTS (SELECT 1 FROM deliveries WHERE id = $1)",
    postgres: "WITH new AS (
             INSERT INTO deliveries (id, connection, upstream_id, event, state, size, received_at, due_at, headers)
             VALUES ($1, $2, $3, $4, 'pending', $5, $6, $6, $7)
             ON CONFLICT (connection, upstream_id) WHERE rejected = 0 DO NOTHING
             RETURNING id)
         INSERT INTO delivery_bodies (delivery, body) SELECT id, $8 FROM new",
};

async fn accept(conn: &mut Conn, id: &str, delivery: &NewDelivery, headers: &str) -> Result<Accepted, Error> {
    let done = query(ACCEPT.for_conn(conn))
        .bind(id)
        .bind(delivery.connection.as_str())
        .bind(delivery.upstream_id.as_str())
        .bind(delivery.event.as_deref())
        .bind(i64::try_from(delivery.body.len()).unwrap_or(i64::MAX))
        .bind(delivery.received_at.0)
        .bind(headers)
        .bind(delivery.body.as_slice())
        .execute(&mut *conn)
        .await?;
    if done > 0 {
        return Ok(Accepted { id: id.into(), duplicate: false });
    }
    let known = query_scalar("SELECT id FROM deliveries WHERE connection = $1 AND upstream_id = $2 AND rejected = 0")
        .bind(delivery.connection.as_str())
        .bind(delivery.upstream_id.as_str())
        .fetch_one(conn)
        .await?;
    Ok(Accepted { id: DeliveryId(known), duplicate: true })
}

async fn reject(conn: &mut Conn, id: &str, rejection: &Rejection) -> Result<(), Error> {
    query(
        "INSERT INTO deliveries (id, connection, upstream_id, rejected, event, state, size, received_at, finished_at,
                                 fault, fault_code, fault_message, headers)
         VALUES ($1, $2, $3, 1, $4, 'rejected', $5, $6, $6, $7, $8, $9, '[]')",
    )
    .bind(id)
    .bind(rejection.connection.as_str())
    .bind(rejection.upstream_id.as_deref().unwrap_or_default())
    .bind(rejection.event.as_deref())
    .bind(i64::try_from(rejection.size).unwrap_or(i64::MAX))
    .bind(rejection.received_at.0)
    .bind(rejection.fault.fault.as_str())
    .bind(rejection.fault.code.as_str())
    .bind(rejection.fault.message.as_str())
    .execute(&mut *conn)
    .await?;
    // The oldest that is still kept bounds what goes: one row a time, once the thousand are there.
    query(
        "DELETE FROM deliveries WHERE id IN (
             SELECT id FROM deliveries WHERE state = 'rejected' AND connection = $1
             ORDER BY received_at DESC, id DESC LIMIT 100 OFFSET $2)",
    )
    .bind(rejection.connection.as_str())
    .bind(REJECTED_KEPT)
    .execute(conn)
    .await?;
    Ok(())
}

#[derive(FromRow)]
struct LeasedRow {
    id: String,
    connection: String,
    fence: i64,
    attempts: i64,
    headers: String,
    body: Option<Vec<u8>>,
    received_at: i64,
}

/// Whose turn it is. It steps from connection to connection in the index instead of reading all that waits, so that a
/// backlog of one costs the others nothing. PostgreSQL seeks for each connection only if it is told to (`LATERAL`).
pub(super) const CHOOSE: Spelt = Spelt {
    sqlite: "WITH RECURSIVE waiting (connection) AS (
        SELECT MIN(connection) FROM deliveries WHERE due_at IS NOT NULL
        UNION ALL
        SELECT (SELECT MIN(d.connection) FROM deliveries d
                WHERE d.due_at IS NOT NULL AND d.connection > waiting.connection)
        FROM waiting WHERE waiting.connection IS NOT NULL)
    SELECT id, nth FROM (
        SELECT d.id, d.due_at, ROW_NUMBER() OVER (PARTITION BY d.connection ORDER BY d.due_at, d.id)
            + COALESCE((SELECT CAST(r.value AS BIGINT) FROM json_each($1) r WHERE r.key = w.connection), 0) AS nth
        FROM waiting w CROSS JOIN deliveries d
        WHERE d.id IN (SELECT x.id FROM deliveries x WHERE x.connection = w.connection AND x.due_at <= $2
                       ORDER BY x.due_at, x.id LIMIT $3)) AS turns
    WHERE nth <= $4 ORDER BY nth, due_at, id LIMIT $5",
    postgres: "WITH RECURSIVE waiting (connection) AS (
        SELECT MIN(connection) FROM deliveries WHERE due_at IS NOT NULL
        UNION ALL
        SELECT (SELECT MIN(d.connection) FROM deliveries d
                WHERE d.due_at IS NOT NULL AND d.connection > waiting.connection)
        FROM waiting WHERE waiting.connection IS NOT NULL)
    SELECT id, nth FROM (
        SELECT d.id, d.due_at, ROW_NUMBER() OVER (PARTITION BY w.connection ORDER BY d.due_at, d.id)
            + COALESCE((SELECT CAST(r.value AS BIGINT) FROM json_each($1) r WHERE r.key = w.connection), 0) AS nth
        FROM waiting w CROSS JOIN LATERAL (
            SELECT x.id, x.due_at FROM deliveries x WHERE x.connection = w.connection AND x.due_at <= $2
            ORDER BY x.due_at, x.id LIMIT $3) AS d) AS turns
    WHERE nth <= $4 ORDER BY nth, due_at, id LIMIT $5",
};

/// PostgreSQL: what another process is just leasing is not waited for.
pub(super) const LEASE: Spelt = Spelt {
    sqlite: "UPDATE deliveries
         SET state = 'processing', fence = fence + 1, attempts = attempts + 1, due_at = $3, owner = $4
         WHERE id IN (SELECT value FROM json_each($1)) AND due_at <= $2
         RETURNING id, connection, fence, attempts, headers, received_at,
                   (SELECT b.body FROM delivery_bodies b WHERE b.delivery = deliveries.id) AS body",
    postgres: "UPDATE deliveries
         SET state = 'processing', fence = fence + 1, attempts = attempts + 1, due_at = $3, owner = $4
         WHERE id IN (SELECT d.id FROM deliveries d
                      WHERE d.id IN (SELECT value FROM json_each($1)) AND d.due_at <= $2
                      ORDER BY d.id FOR UPDATE SKIP LOCKED)
         RETURNING id, connection, fence, attempts, headers, received_at,
                   (SELECT b.body FROM delivery_bodies b WHERE b.delivery = deliveries.id) AS body",
};

/// The ids of those whose turn it is.
async fn choose(readers: &Readers, ask: &Leasing) -> Result<Vec<String>, Error> {
    let running: HashMap<&str, u32> = ask.running.iter().map(|(id, running)| (id.as_str(), *running)).collect();
    let turns: Vec<(String, i64)> = query_as(CHOOSE.for_readers(readers))
        .bind(serde_json::to_string(&running).map_err(Error::Json)?)
        .bind(ask.now.0)
        .bind(i64::from(ask.room.max(1)))
        .bind(i64::from(ask.share.max(1)))
        .bind(i64::from(ask.room.max(ask.reserve)))
        .fetch_all(readers)
        .await?;
    let room = usize::try_from(ask.room).unwrap_or(usize::MAX);
    let turns = turns.into_iter().enumerate();
    Ok(turns.filter(|(at, (_, nth))| *at < room || *nth == 1).map(|(_, (id, _))| id).collect())
}

async fn lease(conn: &mut Conn, ids: &str, owner: &str, ask: (Timestamp, Timestamp)) -> Result<Leases, Error> {
    let (now, until) = ask;
    let lease = query_as(LEASE.for_conn(conn)).bind(ids).bind(now.0).bind(until.0).bind(owner);
    let mut rows: Vec<LeasedRow> = lease.fetch_all(&mut *conn).await?;
    // The order of what is returned is not defined.
    rows.sort_by(|a, b| (a.received_at, &a.id).cmp(&(b.received_at, &b.id)));
    let mut leases = Leases { leased: Vec::with_capacity(rows.len()), unreadable: Vec::new() };
    for row in rows {
        match serde_json::from_str(&row.headers) {
            Ok(headers) => leases.leased.push(row.with(headers)),
            // One row that cannot be read must not keep the others waiting, or itself be tried for ever.
            Err(error) => {
                let how = Settled::Failed { fault: unreadable(&error) };
                leases.unreadable.push(row.id.clone());
                settle(conn, &Settlement { id: DeliveryId(row.id), fence: row.fence, now, how }).await?;
            }
        }
    }
    Ok(leases)
}

/// What leasing brought.
struct Leases {
    leased: Vec<LeasedDelivery>,
    /// Rows that cannot be read; they have failed.
    unreadable: Vec<String>,
}

fn unreadable(error: &serde_json::Error) -> DeliveryFault {
    DeliveryFault {
        fault: "host".to_owned(),
        code: "host.unreadable-delivery".to_owned(),
        message: format!("its stored headers cannot be read ({error}); ask the sender to deliver it again"),
    }
}

impl LeasedRow {
    fn with(self, headers: Vec<(String, String)>) -> LeasedDelivery {
        LeasedDelivery {
            id: DeliveryId(self.id),
            connection: ConnectionId(self.connection),
            fence: self.fence,
            attempts: u32::try_from(self.attempts).unwrap_or(u32::MAX),
            headers,
            body: self.body.unwrap_or_default(),
            received_at: Timestamp(self.received_at),
        }
    }
}

/// What settling changes in the row.
struct End {
    state: DeliveryState,
    finished_at: Option<Timestamp>,
    due_at: Option<Timestamp>,
    items: usize,
    note: Option<String>,
    fault: Option<DeliveryFault>,
}

impl End {
    fn of(how: &Settled, now: Timestamp) -> Self {
        let end = |state, fault: Option<&DeliveryFault>| End {
            state,
            finished_at: Some(now),
            due_at: None,
            items: 0,
            note: None,
            fault: fault.cloned(),
        };
        match how {
            Settled::Done { effect, note } => {
                let state = if effect.items.is_empty() { DeliveryState::Ignored } else { DeliveryState::Done };
                End { items: effect.items.len(), note: note.clone(), ..end(state, None) }
            }
            Settled::Retry { fault, at } => {
                End { finished_at: None, due_at: Some(*at), ..end(DeliveryState::Retrying, Some(fault)) }
            }
            Settled::Failed { fault } => end(DeliveryState::Failed, Some(fault)),
        }
    }
}

/// What settling did: whether the lease was still held, and how many things are now different.
type Settling = (bool, u32);

async fn settle(conn: &mut Conn, settlement: &Settlement) -> Result<Settling, Error> {
    let end = End::of(&settlement.how, settlement.now);
    let mut sql = Builder::new("UPDATE deliveries SET owner = NULL, state = ");
    sql.push_bind(end.state.as_str());
    sql.push(", finished_at = ").push_bind(end.finished_at.map(|at| at.0));
    sql.push(", due_at = ").push_bind(end.due_at.map(|at| at.0));
    sql.push(", items = ").push_bind(i64::try_from(end.items).unwrap_or(i64::MAX));
    sql.push(", note = ").push_bind(end.note);
    let (fault, code, message) = match end.fault {
        Some(fault) => (Some(fault.fault), Some(fault.code), Some(fault.message)),
        None => (None, None, None),
    };
    sql.push(", fault = ").push_bind(fault);
    sql.push(", fault_code = ").push_bind(code);
    sql.push(", fault_message = ").push_bind(message);
    sql.push(" WHERE id = ").push_bind(settlement.id.0.clone());
    sql.push(" AND fence = ").push_bind(settlement.fence);
    sql.push(" AND state = 'processing' RETURNING 'held', '', ''");
    match &settlement.how {
        Settled::Done { effect, .. } => {
            let applied = ingest::apply_after(conn, effect, Some(sql)).await?;
            Ok((applied.is_some(), applied.map_or(0, |applied| applied.changed)))
        }
        Settled::Retry { .. } | Settled::Failed { .. } => {
            let held: Vec<(String, String, String)> = sql.build_query_as().fetch_all(conn).await?;
            Ok((!held.is_empty(), 0))
        }
    }
}

async fn replay(conn: &mut Conn, id: &str, now: Timestamp) -> Result<bool, Error> {
    let done = query(
        "UPDATE deliveries SET state = 'pending', due_at = $2, finished_at = NULL, attempts = 0, items = 0,
                note = NULL, fault = NULL, fault_code = NULL, fault_message = NULL
         WHERE id = $1 AND state IN ('done', 'ignored', 'failed')
           AND EXISTS (SELECT 1 FROM delivery_bodies WHERE delivery = $1)",
    )
    .bind(id)
    .bind(now.0)
    .execute(conn)
    .await?;
    Ok(done > 0)
}

async fn replay_faults(conn: &mut Conn, connection: &str, since: Timestamp, now: Timestamp) -> Result<u64, Error> {
    let done = query(
        "UPDATE deliveries SET state = 'pending', due_at = $3, finished_at = NULL, attempts = 0, items = 0,
                note = NULL, fault = NULL, fault_code = NULL, fault_message = NULL
         WHERE connection = $1 AND state = 'failed' AND fault = 'plugin' AND finished_at >= $2
           AND EXISTS (SELECT 1 FROM delivery_bodies WHERE delivery = deliveries.id)",
    )
    .bind(connection)
    .bind(since.0)
    .bind(now.0)
    .execute(conn)
    .await?;
    Ok(done)
}

#[async_trait]
impl Inbox for Store {
    async fn accept(&self, delivery: NewDelivery) -> Result<Accepted, StoreError> {
        const DOING: &str = "keep the delivery";
        let id = self.timed_id("dlv", delivery.received_at);
        let headers = serde_json::to_string(&delivery.headers).map_err(Error::Json).doing(DOING)?;
        self.write(DOING, (id, delivery, headers), |(id, delivery, headers), conn| {
            Box::pin(accept(conn, id, delivery, headers))
        })
        .await
    }

    async fn reject(&self, rejection: Rejection) -> Result<(), StoreError> {
        let id = self.timed_id("dlv", rejection.received_at);
        self.write("note the rejected delivery", (id, rejection), |(id, rejection), conn| {
            Box::pin(reject(conn, id, rejection))
        })
        .await
    }

    async fn lease(&self, ask: &Leasing) -> Result<Vec<LeasedDelivery>, StoreError> {
        const DOING: &str = "lease deliveries";
        // Mostly nothing is due, and looking costs no flush.
        let ids = choose(&self.readers, ask).await.doing(DOING)?;
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let ids = serde_json::to_string(&ids).map_err(Error::Json).doing(DOING)?;
        let data = (ids, self.member.clone(), (ask.now, ask.until));
        let lease = self.write(DOING, data, |(ids, owner, ask), conn| Box::pin(lease(conn, ids, owner, *ask)));
        let leases = lease.await?;
        for id in leases.unreadable {
            tracing::error!(delivery.id = id, "a stored delivery cannot be read; it has failed");
        }
        Ok(leases.leased)
    }

    async fn settle(&self, settlement: Settlement) -> Result<bool, StoreError> {
        let (held, _) = self
            .write_and_wake(
                "settle the delivery",
                (Topic::Events, |(_, changed)| *changed > 0),
                settlement,
                |settlement, conn| Box::pin(settle(conn, settlement)),
            )
            .await?;
        Ok(held)
    }

    async fn release_all(&self) -> Result<u64, StoreError> {
        self.write_and_wake("take back the leases", (Topic::Inbox, |released| *released > 0), (), |(), conn| {
            Box::pin(members::release(conn))
        })
        .await
    }

    async fn next_due(&self, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        let due: Option<i64> =
            query_scalar("SELECT MIN(due_at) FROM deliveries WHERE state = 'retrying' AND due_at > $1")
                .bind(now.0)
                .fetch_one(&self.readers)
                .await
                .doing("read when the next delivery is due")?;
        Ok(due.map(Timestamp))
    }

    async fn replay(&self, id: &DeliveryId, now: Timestamp) -> Result<bool, StoreError> {
        let id = id.0.clone();
        self.write_and_wake(
            "replay the delivery",
            (Topic::Inbox, |replayed| *replayed),
            (id, now),
            |(id, now), conn| Box::pin(replay(conn, id, *now)),
        )
        .await
    }

    async fn replay_faults(
        &self,
        connection: &ConnectionId,
        since: Timestamp,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        self.write_and_wake(
            "replay what the plugin failed",
            (Topic::Inbox, |replayed| *replayed > 0),
            (connection.0.clone(), since, now),
            |(connection, since, now), conn| Box::pin(replay_faults(conn, connection, *since, *now)),
        )
        .await
    }

    async fn deliveries(&self, query: &DeliveryQuery) -> Result<Page<Delivery>, StoreError> {
        self.list_deliveries(query).await.doing("list deliveries")
    }

    async fn delivery(&self, id: &DeliveryId) -> Result<Option<(Delivery, DeliveryBody)>, StoreError> {
        self.find_delivery(id).await.doing("read the delivery")
    }
}
