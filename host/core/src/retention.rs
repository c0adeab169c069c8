//! How long things are kept.

use crate::error::StoreError;
use crate::time::Timestamp;
use async_trait::async_trait;
use std::collections::BTreeMap;

/// Keep what is newer than these.
#[derive(Debug, Clone)]
pub struct Keep {
    /// Bodies of deliveries that are done with.
    pub bodies_since: Timestamp,
    /// Deliveries that are done with, and rejected ones.
    pub deliveries_since: Timestamp,
    /// Runs and their jobs.
    pub runs_since: Timestamp,
    /// Deployments, changes, commits, releases and the ledger.
    pub delivery_since: Timestamp,
    /// The event log.
    pub events_since: Timestamp,
    /// Events that a relay has not handed on yet; never less than what is kept of the event log anyway.
    pub unrelayed_since: Timestamp,
    /// The relays that are in use: what goes before they handed it on is lost to them, and counted. Of one that was
    /// given up the store still knows its place, and waits for it in case that it comes back; but nothing is lost.
    pub relays: Vec<String>,
    /// What happened to plugins. That one was uninstalled is kept as long as nothing newer says so.
    pub plugin_events_since: Timestamp,
}

/// How many rows went.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Purged {
    /// Bodies emptied.
    pub bodies: u64,
    /// Deliveries.
    pub deliveries: u64,
    /// Runs.
    pub runs: u64,
    /// Deployments and changes.
    pub delivery: u64,
    /// Events.
    pub events: u64,
    /// Of these, events that a relay in use had not handed on, by its name.
    pub unrelayed: BTreeMap<String, u64>,
    /// Lines of the plugins' histories.
    pub plugin_events: u64,
}

/// The port.
#[async_trait]
pub trait Retention: Send + Sync {
    /// Remove what is older, a bounded number of rows a time; call again while anything went. What a subscriber has
    /// not seen yet and deliveries that still wait are never removed; what a relay has not handed on yet has a time of
    /// its own.
    async fn purge(&self, keep: &Keep) -> Result<Purged, StoreError>;
}
