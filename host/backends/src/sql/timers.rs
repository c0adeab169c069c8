//! Due times after the clock was set back.

use super::Store;
use super::conn::Conn;
use super::error::{Doing, Error};
use super::query::{query, query_scalar};
use async_trait::async_trait;
use opssight_core::error::StoreError;
use opssight_core::events::Topic;
use opssight_core::time::Timestamp;
use opssight_core::timers::{Bounds, Corrected, Timers};

async fn set_back(conn: &mut Conn, now: Timestamp, micros: i64) -> Result<Corrected, Error> {
    let deliveries = query(
        "UPDATE deliveries SET due_at = CASE WHEN due_at - $2 > $1 THEN due_at - $2 ELSE $1 END
         WHERE due_at > $1 AND state IN ('pending', 'retrying')",
    );
    let deliveries = deliveries.bind(now.0).bind(micros).execute(&mut *conn).await?;
    let feeds = query(
        "UPDATE feeds SET next_at = CASE WHEN next_at - $2 > $1 THEN next_at - $2 ELSE $1 END WHERE next_at > $1",
    );
    let feeds = feeds.bind(now.0).bind(micros).execute(conn).await?;
    Ok(Corrected { deliveries, feeds })
}

async fn bound(conn: &mut Conn, now: Timestamp, bounds: Bounds) -> Result<Corrected, Error> {
    let mut corrected = Corrected::default();
    for (state, beyond, to) in [
        ("pending", now, now),
        ("retrying", bounds.retry, now),
        // Whoever has it may be at it still: it is as if they had taken it now.
        ("processing", bounds.lease, bounds.lease),
    ] {
        let some = query("UPDATE deliveries SET due_at = $3 WHERE state = $1 AND due_at > $2");
        corrected.deliveries += some.bind(state).bind(beyond.0).bind(to.0).execute(&mut *conn).await?;
    }
    // A feed's turn may be days away; that its last one is as well, or that it failed, tells that this one is not meant.
    let waiting = query("UPDATE feeds SET next_at = $1 WHERE next_at > $2 AND (last_success_at > $1 OR failures > 0)");
    corrected.feeds += waiting.bind(now.0).bind(bounds.retry.0).execute(&mut *conn).await?;
    let leased = query("UPDATE feeds SET leased_until = $1 WHERE leased_until > $1");
    corrected.feeds += leased.bind(bounds.lease.0).execute(conn).await?;
    Ok(corrected)
}

fn some(corrected: &Corrected) -> bool {
    *corrected != Corrected::default()
}

#[async_trait]
impl Timers for Store {
    async fn latest(&self) -> Result<Option<Timestamp>, StoreError> {
        let latest: Option<i64> = query_scalar(
            "SELECT MAX(at) FROM (SELECT MAX(received_at) AS at FROM deliveries
                                  UNION ALL SELECT MAX(last_success_at) FROM feeds) AS noted",
        )
        .fetch_one(&self.readers)
        .await
        .doing("read when something last happened")?;
        Ok(latest.map(Timestamp))
    }

    async fn set_back(&self, now: Timestamp, micros: i64) -> Result<Corrected, StoreError> {
        let corrected = self
            .write_and_wake("set due times back", (Topic::Inbox, some), (now, micros), |(now, micros), conn| {
                Box::pin(set_back(conn, *now, *micros))
            })
            .await?;
        self.bus.wake(Topic::Feeds);
        Ok(corrected)
    }

    async fn bound(&self, now: Timestamp, bounds: Bounds) -> Result<Corrected, StoreError> {
        let corrected = self
            .write_and_wake("bound due times", (Topic::Inbox, some), (now, bounds), |(now, bounds), conn| {
                Box::pin(bound(conn, *now, *bounds))
            })
            .await?;
        if corrected.feeds > 0 {
            self.bus.wake(Topic::Feeds);
        }
        Ok(corrected)
    }
}
