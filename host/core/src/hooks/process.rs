//! Behind the door: a leased delivery goes through its plugin and comes out as an effect or a fault.

use super::inbox::{DeliveryFault, Inbox, LeasedDelivery, Settled, Settlement};
use crate::connections::{Connection, ConnectionStore};
use crate::error::StoreError;
use crate::ingest::{self, Effect};
use crate::plugins::{CallError, CallPriority, Called, FaultSource, Plugins, Reception, WebhookDelivery};
use crate::time::{Clock, Timestamp};
use std::sync::Arc;

/// When to try again, and when to stop.
#[derive(Debug, Clone, Copy)]
pub struct Retry {
    /// First wait, seconds; doubles each time.
    pub first_secs: i64,
    /// Longest wait, seconds.
    pub longest_secs: i64,
    /// Longest wait that somebody may ask for, seconds: a plugin that asks for a century must not get it.
    pub longest_asked_secs: i64,
    /// Attempts before giving up.
    pub attempts: u32,
}

impl Default for Retry {
    /// 1 s, 2 s, ... 15 min, for about a day; an hour if asked to.
    fn default() -> Self {
        Self { first_secs: 1, longest_secs: 900, longest_asked_secs: 3_600, attempts: 105 }
    }
}

impl Retry {
    /// When attempt number `attempts` (from 1) has failed: the next time, or none to give up. What the upstream
    /// asked for counts if it is longer.
    pub fn next(&self, attempts: u32, asked_ms: Option<u64>, now: Timestamp) -> Option<Timestamp> {
        if attempts >= self.attempts {
            return None;
        }
        let doubled = self.first_secs.saturating_mul(1 << attempts.saturating_sub(1).min(20));
        let wait = doubled.min(self.longest_secs).saturating_mul(1_000_000);
        let asked = i64::try_from(asked_ms.unwrap_or(0)).unwrap_or(i64::MAX).saturating_mul(1000);
        Some(now.plus_micros(wait.max(asked.min(self.longest_asked_secs.saturating_mul(1_000_000)))))
    }

    /// Nothing that is put off now is put off for longer.
    pub fn latest(&self, now: Timestamp) -> Timestamp {
        now.plus_secs(self.longest_secs.max(self.longest_asked_secs))
    }
}

/// Works through the inbox.
#[derive(Clone)]
pub struct Processor {
    /// What waits.
    pub inbox: Arc<dyn Inbox>,
    /// Whose it is.
    pub connections: Arc<dyn ConnectionStore>,
    /// Who understands it.
    pub plugins: Arc<dyn Plugins>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// When to try again.
    pub retry: Retry,
}

impl Processor {
    /// Process one leased delivery to its end. False: the lease was lost to somebody else.
    pub async fn process(&self, leased: LeasedDelivery) -> Result<bool, StoreError> {
        let connection = self.connections.connection(&leased.connection).await?;
        self.inbox.settle(self.work(connection, leased).await).await
    }

    /// What comes of a leased delivery of this connection, to be settled.
    pub async fn work(&self, connection: Option<Connection>, leased: LeasedDelivery) -> Settlement {
        let (id, fence, attempts) = (leased.id.clone(), leased.fence, leased.attempts);
        let how = match connection {
            None => Settled::Failed { fault: fault("policy", "connection-removed", "the connection was removed") },
            Some(connection) => {
                let target = connection.target(CallPriority::Live);
                let delivery =
                    WebhookDelivery { headers: leased.headers, body: leased.body, received_at: leased.received_at };
                match self.plugins.receive(&target, delivery).await {
                    Ok(called) => self.understood(&leased.connection, called),
                    Err(error) => self.failed(&error, attempts),
                }
            }
        };
        Settlement { id, fence, now: self.clock.now(), how }
    }

    fn understood(&self, connection: &crate::id::ConnectionId, called: Called<Reception>) -> Settled {
        match ingest::decode(&called.value.items) {
            Ok(items) => Settled::Done {
                effect: Effect { connection: connection.clone(), items, state: called.state, now: self.clock.now() },
                note: called.value.note.map(|note| crate::fact::clean(&note)),
            },
            Err(error) => Settled::Failed { fault: fault("plugin", "bad-item", &error.to_string()) },
        }
    }

    fn failed(&self, error: &CallError, attempts: u32) -> Settled {
        let fault = fault_of(error);
        let next = if error.class.is_retryable() {
            self.retry.next(attempts, error.retry_after_ms, self.clock.now())
        } else {
            None
        };
        match next {
            Some(at) => Settled::Retry { fault, at },
            None => Settled::Failed { fault },
        }
    }
}

fn fault(source: &str, code: &str, message: &str) -> DeliveryFault {
    DeliveryFault { fault: source.to_owned(), code: code.to_owned(), message: crate::fact::clean(message) }
}

/// A call's failure as the delivery log shows it.
fn fault_of(error: &CallError) -> DeliveryFault {
    let source = match error.fault {
        FaultSource::Plugin => "plugin",
        FaultSource::Upstream => "upstream",
        FaultSource::Policy => "policy",
        FaultSource::Host => "host",
    };
    fault(source, &error.code, &error.to_string())
}
