//! Feeds: what is pulled, when, and from where it resumes. A page's items, the plugin's state and the new checkpoint
//! are one transaction, so that a crash repeats a page and never skips one.

use crate::connections::{Connection, ConnectionStore};
use crate::error::StoreError;
use crate::hooks::{Leasing, Retry};
use crate::id::ConnectionId;
use crate::ingest::{self, Applied, Effect};
use crate::plugins::manifest::{FeedPriority, FeedSpec};
use crate::plugins::{CallError, CallPriority, PageRequest, Plugins, abilities};
use crate::time::{Clock, Timestamp};
use async_trait::async_trait;
use std::sync::Arc;

/// A feed that this worker may pull.
#[derive(Debug, Clone)]
pub struct LeasedFeed {
    /// Of which connection.
    pub connection: ConnectionId,
    /// Its name.
    pub feed: String,
    /// The lease's number.
    pub fence: i64,
    /// Resume from here.
    pub checkpoint: Option<String>,
    /// In the middle of a pull: the page to go on with.
    pub cursor: Option<String>,
    /// Failures in a row.
    pub failures: u32,
}

/// How a pulled page ends.
#[derive(Debug, Clone)]
pub enum Pulled {
    /// Store this.
    Page {
        /// What it brought.
        effect: Effect,
        /// The new checkpoint; none keeps the old one.
        checkpoint: Option<String>,
        /// There is more: the page to go on with.
        cursor: Option<String>,
        /// When to pull next.
        next_at: Timestamp,
    },
    /// It failed.
    Failed {
        /// For people.
        error: String,
        /// When to try again.
        next_at: Timestamp,
    },
}

/// The port.
#[async_trait]
pub trait FeedStore: Send + Sync {
    /// Lease feeds of enabled connections that are due. Connections take turns, as with deliveries: whose fewest are
    /// under way comes first, and of one connection the one that is due longest.
    async fn lease_feeds(&self, ask: &Leasing) -> Result<Vec<LeasedFeed>, StoreError>;
    /// End a lease. None: the lease was lost, nothing was done.
    async fn settle_feed(&self, feed: &LeasedFeed, now: Timestamp, how: Pulled) -> Result<Option<Applied>, StoreError>;
    /// Make every feed of a connection due now. False: it has none.
    async fn hurry(&self, connection: &ConnectionId, now: Timestamp) -> Result<bool, StoreError>;
    /// The feeds of a connection are these: new ones are due at once, others go. Called when a plugin changed.
    async fn declare_feeds(
        &self,
        connection: &ConnectionId,
        feeds: &[String],
        now: Timestamp,
    ) -> Result<(), StoreError>;
}

/// Pulls feeds.
#[derive(Clone)]
pub struct Puller {
    /// What is due.
    pub feeds: Arc<dyn FeedStore>,
    /// Whose it is.
    pub connections: Arc<dyn ConnectionStore>,
    /// Who pulls.
    pub plugins: Arc<dyn Plugins>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// When to try again.
    pub retry: Retry,
}

impl Puller {
    /// Pull one page of a leased feed and store it. What was applied, or none if it failed or the lease was lost.
    pub async fn pull(&self, leased: LeasedFeed) -> Result<Option<Applied>, StoreError> {
        let Some(connection) = self.connections.connection(&leased.connection).await? else { return Ok(None) };
        let how = self.work(&connection, &leased).await;
        self.feeds.settle_feed(&leased, self.clock.now(), how).await
    }

    /// What comes of pulling one page of a leased feed of this connection, to be settled.
    pub async fn work(&self, connection: &Connection, leased: &LeasedFeed) -> Pulled {
        let manifest = self.plugins.manifest(&connection.plugin, connection.digest.as_deref());
        let spec = manifest.as_ref().and_then(|manifest| manifest.feed(&leased.feed));
        let Some(spec) = spec else {
            let error = format!("the plugin {} does not offer the feed {} now", connection.plugin, leased.feed);
            return self.give_up(error);
        };
        if !connection.grants.allow(&abilities::feed_key(&leased.feed)) {
            let error = format!("policy.withheld: the connection does not let the plugin pull {}", leased.feed);
            return self.give_up(error);
        }
        let target = connection.target(priority(spec.priority));
        let page = PageRequest { cursor: leased.cursor.clone(), limit: spec.page };
        match self.plugins.pull(&target, &leased.feed, leased.checkpoint.clone(), page).await {
            Ok(called) => match ingest::decode(&called.value.items) {
                Ok(items) => self.page(leased, spec, called, items),
                Err(error) => self.give_up(error.to_string()),
            },
            Err(error) => self.failed(leased, &error),
        }
    }

    fn page(
        &self,
        leased: &LeasedFeed,
        spec: &FeedSpec,
        called: crate::plugins::Called<crate::plugins::PullBatch>,
        items: Vec<crate::items::Item>,
    ) -> Pulled {
        let now = self.clock.now();
        let more = called.value.next.is_some();
        Pulled::Page {
            effect: Effect { connection: leased.connection.clone(), items, state: called.state, now },
            checkpoint: called.value.checkpoint,
            cursor: called.value.next,
            next_at: if more { now } else { now.plus_secs(i64::from(spec.every_secs)) },
        }
    }

    fn failed(&self, leased: &LeasedFeed, error: &CallError) -> Pulled {
        let now = self.clock.now();
        let retry = Retry { first_secs: 30, ..self.retry };
        // A feed is never given up: the last wait repeats.
        let at = retry.next(leased.failures.saturating_add(1).min(20), error.retry_after_ms, now);
        Pulled::Failed { error: crate::fact::clean(&error.to_string()), next_at: at.unwrap_or(now.plus_secs(900)) }
    }

    fn give_up(&self, error: String) -> Pulled {
        Pulled::Failed { error, next_at: self.clock.now().plus_secs(900) }
    }
}

fn priority(of: FeedPriority) -> CallPriority {
    match of {
        FeedPriority::Live => CallPriority::Live,
        FeedPriority::Reconcile => CallPriority::Reconcile,
        FeedPriority::Backfill => CallPriority::Backfill,
    }
}
