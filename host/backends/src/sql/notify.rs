//! What processes on one PostgreSQL tell each other: that there is something new, and which connection is not what it
//! was. It is said in the transaction that changes it, and heard after its commit.
//!
//! Nothing depends on its being heard: whoever works looks for work by himself as well, and while this process hears
//! nothing it trusts nothing that it remembers.

use super::cache::ConnectionCache;
use opssight_core::events::{Bus, Topic};
use opssight_core::id::ConnectionId;
use sqlx::PgPool;
use sqlx::postgres::{PgListener, PgNotification};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// A connection, or all of them, is not what it was.
pub(super) const CONNECTIONS: &str = "opssight_connections";
/// There is something new.
pub(super) const NEWS: &str = "opssight_news";
/// How long to wait before listening again.
const AGAIN: Duration = Duration::from_secs(1);

pub(super) fn word(topic: Topic) -> &'static str {
    match topic {
        Topic::Inbox => "inbox",
        Topic::Events => "events",
        Topic::Feeds => "feeds",
        Topic::Plugins => "plugins",
    }
}

const TOPICS: [Topic; 4] = [Topic::Inbox, Topic::Events, Topic::Feeds, Topic::Plugins];

/// Listens to the others.
pub(super) struct Ear {
    pub(super) pool: PgPool,
    pub(super) cache: ConnectionCache,
    pub(super) bus: Arc<dyn Bus>,
    pub(super) stop: CancellationToken,
}

impl Ear {
    /// Until the store is closed.
    pub(super) async fn listen(self) {
        while let Some(heard) = self.stop.run_until_cancelled(self.hear()).await {
            self.cache.trust(false);
            if let Err(error) = heard {
                tracing::warn!(error = &error as &dyn std::error::Error, "failed to hear from the other processes");
            }
            if self.stop.run_until_cancelled(tokio::time::sleep(AGAIN)).await.is_none() {
                return;
            }
        }
    }

    /// Until the connection is lost.
    async fn hear(&self) -> Result<(), sqlx::Error> {
        let mut listener = PgListener::connect_with(&self.pool).await?;
        listener.listen_all([CONNECTIONS, NEWS]).await?;
        // From here on nothing is missed.
        self.cache.trust(true);
        TOPICS.into_iter().for_each(|topic| self.bus.wake(topic));
        while let Some(told) = listener.try_recv().await? {
            self.note(&told);
        }
        Ok(())
    }

    fn note(&self, told: &PgNotification) {
        match (told.channel(), told.payload()) {
            (CONNECTIONS, "") => self.cache.forget_all(),
            (CONNECTIONS, id) => self.cache.forget(&ConnectionId(id.to_owned())),
            (_, news) => TOPICS.into_iter().filter(|topic| word(*topic) == news).for_each(|topic| self.bus.wake(topic)),
        }
    }
}
