//! The port of the inbox.

use crate::error::StoreError;
use crate::id::{ConnectionId, DeliveryId};
use crate::ingest::Effect;
use crate::page::{Page, PageOf};
use crate::time::Timestamp;
use async_trait::async_trait;
use std::collections::HashMap;

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeliveryState {
    /// Accepted, waiting.
    Pending,
    /// Leased by a worker.
    Processing,
    /// Applied.
    Done,
    /// Understood; carries nothing.
    Ignored,
    /// Failed, will be tried again.
    Retrying,
    /// Failed for good.
    Failed,
    /// Refused at the door.
    Rejected,
}

impl DeliveryState {
    /// The word in the store and on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Processing => "processing",
            Self::Done => "done",
            Self::Ignored => "ignored",
            Self::Retrying => "retrying",
            Self::Failed => "failed",
            Self::Rejected => "rejected",
        }
    }

    /// From the word.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Pending, Self::Processing, Self::Done, Self::Ignored, Self::Retrying, Self::Failed, Self::Rejected]
            .into_iter()
            .find(|state| state.as_str() == text)
    }
}

/// A delivery at the door, its signature checked.
#[derive(Debug, Clone)]
pub struct NewDelivery {
    /// To which connection.
    pub connection: ConnectionId,
    /// The upstream's id of it.
    pub upstream_id: String,
    /// The event's name.
    pub event: Option<String>,
    /// Headers that the plugin may see.
    pub headers: Vec<(String, String)>,
    /// The raw bytes.
    pub body: Vec<u8>,
    /// Now.
    pub received_at: Timestamp,
}

/// What the inbox says to a new delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// Our id of it.
    pub id: DeliveryId,
    /// It was there already; nothing was done.
    pub duplicate: bool,
}

/// A delivery refused at the door, for the log.
#[derive(Debug, Clone)]
pub struct Rejection {
    /// To which connection.
    pub connection: ConnectionId,
    /// The upstream's id of it, if it gave one.
    pub upstream_id: Option<String>,
    /// The event's name.
    pub event: Option<String>,
    /// Size of the body.
    pub size: u64,
    /// Now.
    pub received_at: Timestamp,
    /// Why.
    pub fault: DeliveryFault,
}

/// What went wrong with a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryFault {
    /// "sender", "plugin", "upstream", "policy", "host".
    pub fault: String,
    /// Machine readable.
    pub code: String,
    /// For people.
    pub message: String,
}

/// A row of the delivery log.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Our id.
    pub id: DeliveryId,
    /// To which connection.
    pub connection: ConnectionId,
    /// The upstream's id.
    pub upstream_id: String,
    /// The event's name.
    pub event: Option<String>,
    /// What became of it.
    pub state: DeliveryState,
    /// Bytes.
    pub size: u64,
    /// Accepted.
    pub received_at: Timestamp,
    /// Done with.
    pub finished_at: Option<Timestamp>,
    /// Times leased.
    pub attempts: u32,
    /// Tried next, while retrying.
    pub next_attempt_at: Option<Timestamp>,
    /// Items that it brought.
    pub items: u32,
    /// Why it brought none.
    pub note: Option<String>,
    /// What went wrong.
    pub fault: Option<DeliveryFault>,
}

/// What a delivery carried.
#[derive(Debug, Clone)]
pub struct DeliveryBody {
    /// Headers that were kept.
    pub headers: Vec<(String, String)>,
    /// The bytes; none once retention emptied them, or if they never were kept.
    pub body: Option<Vec<u8>>,
}

/// A delivery that this worker may work on until `until`.
#[derive(Debug, Clone)]
pub struct LeasedDelivery {
    /// Which.
    pub id: DeliveryId,
    /// To which connection.
    pub connection: ConnectionId,
    /// The lease's number: settling with an older one does nothing.
    pub fence: i64,
    /// Times leased, this one included.
    pub attempts: u32,
    /// Headers that the plugin may see.
    pub headers: Vec<(String, String)>,
    /// The raw bytes.
    pub body: Vec<u8>,
    /// Accepted.
    pub received_at: Timestamp,
}

/// How a worker ends its lease.
#[derive(Debug, Clone)]
pub struct Settlement {
    /// Which.
    pub id: DeliveryId,
    /// The lease.
    pub fence: i64,
    /// Now.
    pub now: Timestamp,
    /// How.
    pub how: Settled,
}

/// How a lease ends.
#[derive(Debug, Clone)]
pub enum Settled {
    /// Understood: apply this, in the same transaction. No items: ignored, with the note.
    Done {
        /// What it brought.
        effect: Effect,
        /// Why it brought nothing.
        note: Option<String>,
    },
    /// Try again at that time.
    Retry {
        /// What went wrong.
        fault: DeliveryFault,
        /// When.
        at: Timestamp,
    },
    /// Give up; it can be replayed.
    Failed {
        /// What went wrong.
        fault: DeliveryFault,
    },
}

/// Which deliveries.
#[derive(Debug, Clone, Default)]
pub struct DeliveryQuery {
    /// To this connection.
    pub connection: Option<ConnectionId>,
    /// In this state.
    pub state: Option<DeliveryState>,
    /// Of this event.
    pub event: Option<String>,
    /// Which page.
    pub page: PageOf,
}

/// What a worker has room for, and what it is at already.
#[derive(Clone, Debug)]
pub struct Leasing {
    /// Due is what was due by now.
    pub now: Timestamp,
    /// When the leases end.
    pub until: Timestamp,
    /// So many, whosever they are.
    pub room: u32,
    /// So many in all, the last of them only for connections of which nothing is under way.
    pub reserve: u32,
    /// So many of one connection may be under way.
    pub share: u32,
    /// How many of each connection are under way.
    pub running: HashMap<ConnectionId, u32>,
}

impl Leasing {
    /// Up to `room` deliveries for a worker that does nothing yet.
    pub fn up_to(room: u32, now: Timestamp, until: Timestamp) -> Self {
        Self { now, until, room, reserve: room, share: room, running: HashMap::new() }
    }
}

/// The port.
#[async_trait]
pub trait Inbox: Send + Sync {
    /// Keep a delivery durably, once per (connection, upstream id). Returns after it would survive a power cut.
    async fn accept(&self, delivery: NewDelivery) -> Result<Accepted, StoreError>;
    /// Note a refusal; at most the newest thousand per connection are kept.
    async fn reject(&self, rejection: Rejection) -> Result<(), StoreError>;
    /// Lease what is due (waiting, retrying and due, or leased by somebody whose lease ran out). Connections take
    /// turns: whose fewest are under way comes first, and of one connection the oldest, so that nobody's backlog
    /// makes the others wait.
    async fn lease(&self, ask: &Leasing) -> Result<Vec<LeasedDelivery>, StoreError>;
    /// End a lease, with what it brought, in one transaction. False: the lease was lost, nothing was done.
    async fn settle(&self, settlement: Settlement) -> Result<bool, StoreError>;
    /// Take back the leases of processes that are gone (a start after a crash).
    async fn release_all(&self) -> Result<u64, StoreError>;
    /// When the next retry is due, if one waits.
    async fn next_due(&self, now: Timestamp) -> Result<Option<Timestamp>, StoreError>;
    /// Put a delivery that is done with (its body still kept) back in line. False: it is not there, not done with,
    /// or its body is gone.
    async fn replay(&self, id: &DeliveryId, now: Timestamp) -> Result<bool, StoreError>;
    /// Put those deliveries of a connection back in line that its plugin failed by its own fault since then, and whose
    /// bodies are still kept; how many.
    async fn replay_faults(
        &self,
        connection: &ConnectionId,
        since: Timestamp,
        now: Timestamp,
    ) -> Result<u64, StoreError>;
    /// A page of the log, newest first.
    async fn deliveries(&self, query: &DeliveryQuery) -> Result<Page<Delivery>, StoreError>;
    /// One delivery and what it carried.
    async fn delivery(&self, id: &DeliveryId) -> Result<Option<(Delivery, DeliveryBody)>, StoreError>;
}
