//! Due times after the clock was set back.

use super::Store;
use super::conn::Conn;
use super::error::{Doing, Error};
use super::query::{query, query_scalar};
use async_trait::async_trait;
use opssight_core::error::StoreError;
use opssight_core::events::Topic;
use opssight_core::time::Timestamp;
use opssight_core::timers::{Hastened, Timers};

/// What somebody has leased has its end by the same clock; when they are done it gets a time of the clock as it is then.
async fn hasten(conn: &mut Conn, now: Timestamp) -> Result<Hastened, Error> {
    let waiting = query("UPDATE deliveries SET due_at = $1 WHERE due_at > $1 AND state IN ('pending', 'retrying')");
    let deliveries = waiting.bind(now.0).execute(&mut *conn).await?;
    let feeds = query("UPDATE feeds SET next_at = $1 WHERE next_at > $1").bind(now.0).execute(conn).await?;
    Ok(Hastened { deliveries, feeds })
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

    async fn hasten(&self, now: Timestamp) -> Result<Hastened, StoreError> {
        let some = |hastened: &Hastened| *hastened != Hastened::default();
        let hastened = self
            .write_and_wake("hasten what waits for a clock", (Topic::Inbox, some), now, |now, conn| {
                Box::pin(hasten(conn, *now))
            })
            .await?;
        self.bus.wake(Topic::Feeds);
        Ok(hastened)
    }
}
