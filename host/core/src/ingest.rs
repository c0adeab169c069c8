//! From items to the read model: what an item changes, in one place, for every way in (push, pull, actions).
//!
//! `backends` loads the documents that a batch of items touches, lets them [learn](crate::fact), writes those that
//! changed and appends their events, in the transaction that also marks the delivery done or moves the checkpoint.

use crate::error::StoreError;
use crate::id::ConnectionId;
use crate::items::{Item, ItemError};
use crate::plugins::{RawItem, StateWrite};
use crate::time::Timestamp;
use async_trait::async_trait;

/// What one plugin call brought, ready to be stored in one transaction.
#[derive(Debug, Clone)]
pub struct Effect {
    /// Through which connection.
    pub connection: ConnectionId,
    /// What it says.
    pub items: Vec<Item>,
    /// What the plugin wants to remember.
    pub state: Vec<StateWrite>,
    /// When it is applied.
    pub now: Timestamp,
}

/// How many rows and events an effect made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Applied {
    /// Items taken in.
    pub items: u32,
    /// Things that are now different; zero when everything was known already.
    pub changed: u32,
}

/// The port, for what comes neither from the inbox nor from a feed: actions.
#[async_trait]
pub trait Ingest: Send + Sync {
    /// Apply an effect in one transaction.
    async fn apply(&self, effect: Effect) -> Result<Applied, StoreError>;
}

/// Type what a plugin said. All or nothing: half of a delivery is worse than none, because nobody would notice.
pub fn decode(raw: &[RawItem]) -> Result<Vec<Item>, ItemError> {
    raw.iter().map(Item::decode).collect()
}
