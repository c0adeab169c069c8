//! The log of deliveries, read side.

use crate::sql::error::Error;
use crate::sql::query::{Builder, query_scalar};
use crate::sql::{Store, page};
use opssight_core::hooks::{Delivery, DeliveryBody, DeliveryFault, DeliveryQuery, DeliveryState};
use opssight_core::id::{ConnectionId, DeliveryId};
use opssight_core::page::{Cursor, Page};
use opssight_core::time::Timestamp;
use sqlx::FromRow;

const COLUMNS: &str = "id, connection, upstream_id, event, state, size, received_at, finished_at, attempts, \
    CASE WHEN state = 'retrying' THEN due_at END AS next_attempt_at, items, note, fault, fault_code, fault_message, \
    headers";

#[derive(FromRow)]
struct Row {
    id: String,
    connection: String,
    upstream_id: String,
    event: Option<String>,
    state: String,
    size: i64,
    received_at: i64,
    finished_at: Option<i64>,
    attempts: i64,
    next_attempt_at: Option<i64>,
    items: i64,
    note: Option<String>,
    fault: Option<String>,
    fault_code: Option<String>,
    fault_message: Option<String>,
    headers: String,
}

impl Row {
    fn read(self) -> Result<(Delivery, Vec<(String, String)>), Error> {
        // Shown without what cannot be read: whoever looks at the log wants to see just such a row.
        let headers = serde_json::from_str(&self.headers).unwrap_or_default();
        let state = DeliveryState::parse(&self.state).ok_or(Error::Word(self.state))?;
        let delivery = Delivery {
            id: DeliveryId(self.id),
            connection: ConnectionId(self.connection),
            upstream_id: self.upstream_id,
            event: self.event,
            state,
            size: self.size.unsigned_abs(),
            received_at: Timestamp(self.received_at),
            finished_at: self.finished_at.map(Timestamp),
            attempts: u32::try_from(self.attempts).unwrap_or(u32::MAX),
            next_attempt_at: self.next_attempt_at.map(Timestamp),
            items: u32::try_from(self.items).unwrap_or(u32::MAX),
            note: self.note,
            fault: self.fault.map(|fault| DeliveryFault {
                fault,
                code: self.fault_code.unwrap_or_default(),
                message: self.fault_message.unwrap_or_default(),
            }),
        };
        Ok((delivery, headers))
    }
}

pub(in crate::sql) fn list(query: &DeliveryQuery) -> Builder {
    let mut sql = Builder::new("SELECT ");
    sql.push(COLUMNS).push(" FROM deliveries WHERE TRUE");
    if let Some(connection) = &query.connection {
        sql.push(" AND connection = ").push_bind(connection.0.clone());
    }
    if let Some(state) = query.state {
        sql.push(" AND state = ").push_bind(state.as_str());
    }
    if let Some(event) = &query.event {
        sql.push(" AND event = ").push_bind(event.clone());
    }
    page::push(&mut sql, &query.page, "received_at", "id");
    sql
}

impl Store {
    pub(super) async fn list_deliveries(&self, query: &DeliveryQuery) -> Result<Page<Delivery>, Error> {
        let rows: Vec<Row> = list(query).build_query_as().fetch_all(&self.readers).await?;
        let rows = rows.into_iter().map(|row| Ok(row.read()?.0)).collect::<Result<Vec<_>, Error>>()?;
        Ok(page::page(rows, &query.page, |row| Cursor { at: row.received_at, id: row.id.0.clone() }))
    }

    pub(super) async fn find_delivery(&self, id: &DeliveryId) -> Result<Option<(Delivery, DeliveryBody)>, Error> {
        let mut sql = Builder::new("SELECT ");
        sql.push(COLUMNS).push(" FROM deliveries WHERE id = ").push_bind(id.0.clone());
        let row: Option<Row> = sql.build_query_as().fetch_optional(&self.readers).await?;
        let Some(row) = row else { return Ok(None) };
        let (delivery, headers) = row.read()?;
        let body = query_scalar("SELECT body FROM delivery_bodies WHERE delivery = $1")
            .bind(id.as_str())
            .fetch_optional(&self.readers)
            .await?;
        Ok(Some((delivery, DeliveryBody { headers, body })))
    }
}
