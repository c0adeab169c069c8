//! How many requests may be under way at once, with room for what happens now.

use crate::egress::Refusal;
use opssight_core::plugins::CallPriority;
use tokio::sync::{Semaphore, SemaphorePermit};

/// Places, of which history may take only a part.
pub(crate) struct Slots {
    all: Semaphore,
    history: Semaphore,
}

/// A place, until it is dropped.
pub(crate) struct Slot<'s> {
    _all: Option<SemaphorePermit<'s>>,
    _history: Option<SemaphorePermit<'s>>,
}

impl Slots {
    pub(crate) fn new(all: usize, history: usize) -> Self {
        Self { all: Semaphore::new(all), history: Semaphore::new(history) }
    }

    /// Wait for a place. A person does not wait: what one call of theirs may have under way is bounded by its budget.
    pub(crate) async fn take(&self, priority: CallPriority) -> Result<Slot<'_>, Refusal> {
        let closed = |_| Refusal::Host("the host is shutting down");
        match priority {
            CallPriority::Interactive => Ok(Slot { _all: self.all.try_acquire().ok(), _history: None }),
            CallPriority::Live => Ok(Slot { _all: Some(self.all.acquire().await.map_err(closed)?), _history: None }),
            CallPriority::Reconcile | CallPriority::Backfill => {
                let history = self.history.acquire().await.map_err(closed)?;
                Ok(Slot { _all: Some(self.all.acquire().await.map_err(closed)?), _history: Some(history) })
            }
        }
    }
}
