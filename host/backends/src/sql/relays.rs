//! How far each relay of the event log is, and which process has its turn.

use super::error::{Doing, Error};
use super::query::{Spelt, query, query_as, query_scalar};
use super::{Conn, Store};
use async_trait::async_trait;
use opssight_core::error::StoreError;
use opssight_core::events::{Again, Relays, Rewound, Start, Turn};

async fn take_turn(conn: &mut Conn, relay: &str, owner: &str, start: Start) -> Result<Option<Turn>, Error> {
    // Who else has SQLite open is this process itself: a turn that is taken again is another task's.
    const TAKE: Spelt = Spelt {
        sqlite: "UPDATE relays SET owner = $2, fence = fence + 1 WHERE name = $1 RETURNING fence, seq",
        postgres: "UPDATE relays SET owner = $2, fence = fence + 1
                   WHERE name = $1 AND (owner IS NULL OR owner = $2
                         OR NOT EXISTS (SELECT 1 FROM members m WHERE m.id = relays.owner))
                   RETURNING fence, seq",
    };
    begin(conn, relay, start).await?;
    let turn: Option<(i64, i64)> =
        query_as(TAKE.for_conn(conn)).bind(relay).bind(owner).fetch_optional(&mut *conn).await?;
    Ok(turn.map(|(fence, seq)| Turn { fence, seq }))
}

/// A relay that is new stands somewhere from now on, so that retention knows of it.
async fn begin(conn: &mut Conn, relay: &str, start: Start) -> Result<(), Error> {
    let statement = match start {
        Start::Oldest => "INSERT INTO relays (name, seq) VALUES ($1, 0) ON CONFLICT (name) DO NOTHING",
        // Where no event is left, those who follow have seen the last one.
        Start::Newest => {
            "INSERT INTO relays (name, seq)
             VALUES ($1, COALESCE((SELECT MAX(seq) FROM events), (SELECT MAX(seq) FROM subscribers), 0))
             ON CONFLICT (name) DO NOTHING"
        }
    };
    query(statement).bind(relay).execute(conn).await?;
    Ok(())
}

async fn advance(conn: &mut Conn, relay: &str, fence: i64, seq: i64) -> Result<bool, Error> {
    let moved = query("UPDATE relays SET seq = $3 WHERE name = $1 AND fence = $2")
        .bind(relay)
        .bind(fence)
        .bind(seq)
        .execute(conn)
        .await?;
    Ok(moved > 0)
}

async fn leave_turn(conn: &mut Conn, relay: &str, fence: i64) -> Result<(), Error> {
    query("UPDATE relays SET owner = NULL WHERE name = $1 AND fence = $2")
        .bind(relay)
        .bind(fence)
        .execute(conn)
        .await?;
    Ok(())
}

async fn rewind(conn: &mut Conn, relay: &str, again: Again) -> Result<Rewound, Error> {
    let first = match again {
        Again::Seq(seq) => query_scalar("SELECT MIN(seq) FROM events WHERE seq >= $1").bind(seq),
        Again::Since(at) => query_scalar("SELECT MIN(seq) FROM events WHERE at >= $1").bind(at.0),
    };
    let first: Option<i64> = first.fetch_one(&mut *conn).await?;
    // Then nothing changes: a relay that is new still begins where it is told.
    let Some(first) = first else { return Ok(Rewound { first: None, events: 0 }) };
    let place = first.saturating_sub(1);
    query(
        "INSERT INTO relays (name, seq) VALUES ($1, $2)
         ON CONFLICT (name) DO UPDATE SET seq = excluded.seq, owner = NULL, fence = relays.fence + 1",
    )
    .bind(relay)
    .bind(place)
    .execute(&mut *conn)
    .await?;
    let events: i64 = query_scalar("SELECT COUNT(*) FROM events WHERE seq > $1").bind(place).fetch_one(conn).await?;
    Ok(Rewound { first: Some(first), events: u64::try_from(events).unwrap_or(0) })
}

#[async_trait]
impl Relays for Store {
    async fn take_turn(&self, relay: &str, start: Start) -> Result<Option<Turn>, StoreError> {
        let data = (relay.to_owned(), self.member.clone(), start);
        self.write("take the relay's turn", data, |(relay, owner, start), conn| {
            Box::pin(take_turn(conn, relay, owner, *start))
        })
        .await
    }

    async fn has_turn(&self, relay: &str, fence: i64) -> Result<bool, StoreError> {
        let newest: Option<i64> = query_scalar("SELECT fence FROM relays WHERE name = $1 AND owner = $2")
            .bind(relay)
            .bind(&self.member)
            .fetch_optional(&self.readers)
            .await
            .doing("read whose turn the relay is")?;
        Ok(newest == Some(fence))
    }

    async fn advance(&self, relay: &str, fence: i64, seq: i64) -> Result<bool, StoreError> {
        self.write("keep how far the relay is", (relay.to_owned(), fence, seq), |(relay, fence, seq), conn| {
            Box::pin(advance(conn, relay, *fence, *seq))
        })
        .await
    }

    async fn leave_turn(&self, relay: &str, fence: i64) -> Result<(), StoreError> {
        self.write("leave the relay's turn", (relay.to_owned(), fence), |(relay, fence), conn| {
            Box::pin(leave_turn(conn, relay, *fence))
        })
        .await
    }

    async fn waiting(&self, relay: &str) -> Result<u64, StoreError> {
        // Ends of indexes: a relay that is far behind is asked as often as one that is not.
        let (oldest, newest, place): (Option<i64>, Option<i64>, Option<i64>) = query_as(
            "SELECT (SELECT MIN(seq) FROM events), (SELECT MAX(seq) FROM events),
                    (SELECT seq FROM relays WHERE name = $1)",
        )
        .bind(relay)
        .fetch_one(&self.readers)
        .await
        .doing("count what waits for the relay")?;
        let (Some(oldest), Some(newest)) = (oldest, newest) else { return Ok(0) };
        let place = place.unwrap_or(0).max(oldest.saturating_sub(1));
        Ok(u64::try_from(newest.saturating_sub(place)).unwrap_or(0))
    }

    async fn rewind(&self, relay: &str, again: Again) -> Result<Rewound, StoreError> {
        self.write("set the relay back", (relay.to_owned(), again), |(relay, again), conn| {
            Box::pin(rewind(conn, relay, *again))
        })
        .await
    }
}
