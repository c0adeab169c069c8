//! What happened, as others may want to know it: CloudEvents in a durable log (the outbox). Whoever hands it on outside
//! is a relay with a place of its own in it; the in-process bus only says that there is something new.

mod envelope;
mod relay;

pub use envelope::{CLOUD_EVENT_TYPE, Envelope};
pub use relay::{Again, BATCH, EventSink, Handed, Relay, RelayError, Relays, Rewound, SinkError, Start, Step, Turn};

use crate::error::StoreError;
use crate::id::ConnectionId;
use crate::time::Timestamp;
use async_trait::async_trait;

/// An event of the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its place in the log; grows, never reused.
    pub seq: i64,
    /// CDEvents type where CDEvents has one, else `dev.opssight.*`.
    pub kind: String,
    /// Seen through.
    pub connection: ConnectionId,
    /// Our id of the thing.
    pub subject: String,
    /// When it was applied.
    pub at: Timestamp,
    /// A short form of the thing.
    pub data: serde_json::Value,
}

/// The port: the log.
#[async_trait]
pub trait EventLog: Send + Sync {
    /// Events after a place, in order.
    async fn after(&self, seq: i64, limit: u32) -> Result<Vec<Event>, StoreError>;
    /// The first and the last place that the log holds; `(0, 0)` when it never held anything. After everything was
    /// purged the first is beyond the last.
    async fn bounds(&self) -> Result<(i64, i64), StoreError>;
}

/// The in-process bus: wake-ups only, so that losing one loses nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Topic {
    /// The inbox has new deliveries.
    Inbox,
    /// The log has new events.
    Events,
    /// A feed may be due.
    Feeds,
    /// What is installed changed.
    Plugins,
}

/// Tell and be told.
#[async_trait]
pub trait Bus: Send + Sync {
    /// Something new on a topic.
    fn wake(&self, topic: Topic);
    /// Wait until something is new on a topic since the last time that this listener was told.
    fn listen(&self, topic: Topic) -> Box<dyn Listener>;
}

/// One listener on one topic.
#[async_trait]
pub trait Listener: Send {
    /// Returns when the topic was woken since the last return (or since `listen`). Safe to drop half-way.
    async fn woken(&mut self);
}
