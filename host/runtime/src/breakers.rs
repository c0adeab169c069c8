//! The circuit breakers of all connections. Only those of connections whose plugin failed are kept.

use crate::sync::lock;
use opssight_core::id::ConnectionId;
use opssight_core::plugins::breaker::{Breaker, BreakerRule};
use opssight_core::time::Timestamp;
use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

#[derive(Default)]
pub(crate) struct Breakers {
    rule: BreakerRule,
    /// How many are kept, so that the calls of a healthy house do not meet at a lock.
    kept: AtomicUsize,
    breakers: Mutex<HashMap<ConnectionId, Breaker>>,
}

/// How a call ended, as far as the breaker is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The plugin did what it should, or somebody else failed.
    Well,
    /// By the plugin's own fault.
    Fault,
    /// It says nothing about the plugin.
    Unknown,
}

/// What changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tripped {
    Opened(Timestamp),
    Closed,
}

impl Breakers {
    /// May a call be made? No: milliseconds to wait.
    pub(crate) fn admit(&self, connection: &ConnectionId, now: Timestamp) -> Result<(), u64> {
        if self.kept.load(Ordering::Acquire) == 0 {
            return Ok(());
        }
        match lock(&self.breakers).get_mut(connection) {
            None => Ok(()),
            Some(breaker) => breaker.admit(now).map_err(|wait| u64::try_from(wait / 1_000).unwrap_or(0).max(1)),
        }
    }

    pub(crate) fn ended(&self, connection: &ConnectionId, how: Ended, now: Timestamp) -> Option<Tripped> {
        if how != Ended::Fault && self.kept.load(Ordering::Acquire) == 0 {
            return None;
        }
        let mut breakers = lock(&self.breakers);
        let tripped = match how {
            Ended::Fault => {
                breakers.entry(connection.clone()).or_default().faulted(now, self.rule).map(Tripped::Opened)
            }
            Ended::Well => {
                let was_open = breakers.remove(connection).is_some_and(|mut breaker| breaker.succeeded());
                was_open.then_some(Tripped::Closed)
            }
            Ended::Unknown => {
                if let Some(breaker) = breakers.get_mut(connection) {
                    breaker.abandoned();
                }
                None
            }
        };
        self.kept.store(breakers.len(), Ordering::Release);
        tripped
    }

    /// Start anew: the connection or its plugin was changed.
    pub(crate) fn forget(&self, connection: &ConnectionId) {
        let mut breakers = lock(&self.breakers);
        breakers.remove(connection);
        self.kept.store(breakers.len(), Ordering::Release);
    }
}
