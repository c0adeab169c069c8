//! Handing the log on to a place outside, which may be away: Kafka, or the store of the metrics. The log is the truth: a
//! relay only knows how far it is, and moves on once the other side has said that it keeps what it was given. Retention
//! waits for it, but not for ever. (Who takes the log in within the store, as the delivery ledger does, needs none: its
//! place moves in the same transaction, and retention always waits for it.)
//!
//! Of all processes one relays at a time. Its turn has a number; a place is only moved by the newest number. One that
//! was slow and does not know that its turn is over can send again what the next one sends as well, and nothing else:
//! both begin behind the same place and go through the log in order, so that whatever is seen first comes in order.

use super::{Event, EventLog};
use crate::error::StoreError;
use crate::time::Timestamp;
use async_trait::async_trait;
use std::sync::Arc;

/// Events handed over at once: all that a relay ever holds in memory.
pub const BATCH: u32 = 500;

/// Where a relay begins that is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// With the oldest event that is kept.
    Oldest,
    /// With what happens from now on.
    Newest,
}

/// The turn of a relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    /// Its number.
    pub fence: i64,
    /// Everything up to here is kept by the other side.
    pub seq: i64,
}

/// From where a relay shall begin again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// With this event.
    Seq(i64),
    /// With the first event of this time or later.
    Since(Timestamp),
}

/// What going back did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rewound {
    /// The first event that will be sent; none if there is none.
    pub first: Option<i64>,
    /// How many will be sent, of those that are in the log now.
    pub events: u64,
}

/// The port: how far each relay is, and whose turn it is.
#[async_trait]
pub trait Relays: Send + Sync {
    /// Take the turn, unless another process has it that is still there. The number grows each time.
    async fn take_turn(&self, relay: &str, start: Start) -> Result<Option<Turn>, StoreError>;
    /// Whether the turn is still the newest.
    async fn has_turn(&self, relay: &str, fence: i64) -> Result<bool, StoreError>;
    /// Everything up to `seq` is kept by the other side. False: the turn is over, nothing was changed.
    async fn advance(&self, relay: &str, fence: i64, seq: i64) -> Result<bool, StoreError>;
    /// Let another process try.
    async fn leave_turn(&self, relay: &str, fence: i64) -> Result<(), StoreError>;
    /// How many events wait for the relay, counted by their numbers: numbers that no event got count as well.
    async fn waiting(&self, relay: &str) -> Result<u64, StoreError>;
    /// Begin again from somewhere. Whoever has the turn loses it.
    async fn rewind(&self, relay: &str, again: Again) -> Result<Rewound, StoreError>;
}

/// Why a place outside did not take something, and how that is mended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SinkError(pub String);

impl SinkError {
    /// An error with its causes, the last of which mostly says what is wrong.
    pub fn of(error: &dyn std::error::Error) -> Self {
        let causes = std::iter::successors(Some(error), |error| error.source());
        Self(causes.map(ToString::to_string).collect::<Vec<_>>().join(": "))
    }
}

/// What became of what was handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handed {
    /// So many of the first are kept by the other side.
    pub kept: usize,
    /// Why it is not all of them.
    pub failed: Option<SinkError>,
}

/// The port: a place outside.
#[async_trait]
pub trait EventSink: Send + Sync {
    /// Whether it is there and would take something, as far as can be told without giving it something.
    async fn look(&self) -> Result<(), SinkError> {
        Ok(())
    }
    /// Hand over in order. Of one key, nothing is sent before what stands before it; after a failure nothing of this
    /// call is sent any more.
    async fn hand_over(&self, events: &[Event]) -> Handed;
}

/// Why a step of a relay failed.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// The store is away.
    #[error("go through the event log, and keep how far that is")]
    Store(#[from] StoreError),
    /// The place outside is away, or refuses.
    #[error("hand on events")]
    Sink {
        /// So many of the first were handed on before.
        kept: usize,
        /// Why it is not all of them.
        #[source]
        error: SinkError,
    },
}

/// What a step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Another process relays.
    Elsewhere,
    /// Nothing is new.
    Idle,
    /// So many were handed on.
    Relayed(usize),
    /// The turn went to somebody else meanwhile.
    Lost,
}

/// One relay of this process.
#[derive(Clone)]
pub struct Relay {
    /// Its name in the store.
    pub name: String,
    /// What it relays.
    pub log: Arc<dyn EventLog>,
    /// How far it is.
    pub relays: Arc<dyn Relays>,
    /// Where to.
    pub sink: Arc<dyn EventSink>,
    /// Where it begins.
    pub start: Start,
}

impl Relay {
    /// Hand on the next few events. `turn` is what this process knows of its turn.
    pub async fn step(&self, turn: &mut Option<Turn>) -> Result<Step, RelayError> {
        let Some(held) = self.turn(turn.take()).await? else { return Ok(Step::Elsewhere) };
        *turn = Some(held);
        let events = self.log.after(held.seq, BATCH).await?;
        if events.is_empty() {
            return Ok(Step::Idle);
        }
        let handed = self.sink.hand_over(&events).await;
        if let Some(last) = last_of(&events, handed.kept) {
            *turn = None;
            if !self.relays.advance(&self.name, held.fence, last).await? {
                return Ok(Step::Lost);
            }
            *turn = Some(Turn { seq: last, ..held });
        }
        match handed.failed {
            None => Ok(Step::Relayed(handed.kept)),
            Some(error) => {
                // Somebody else may still reach it.
                *turn = None;
                self.relays.leave_turn(&self.name, held.fence).await?;
                Err(RelayError::Sink { kept: handed.kept, error })
            }
        }
    }

    async fn turn(&self, held: Option<Turn>) -> Result<Option<Turn>, StoreError> {
        if let Some(turn) = held
            && self.relays.has_turn(&self.name, turn.fence).await?
        {
            return Ok(Some(turn));
        }
        self.relays.take_turn(&self.name, self.start).await
    }
}

fn last_of(events: &[Event], kept: usize) -> Option<i64> {
    events.get(kept.checked_sub(1)?).map(|event| event.seq)
}
