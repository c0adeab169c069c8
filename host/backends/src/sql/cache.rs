//! Connections are looked up for every delivery and change rarely, so that they are kept in memory. Credentials are
//! kept as they are stored, sealed.

use crate::secrets::Sealed;
use opssight_core::connections::Connection;
use opssight_core::id::ConnectionId;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

pub(super) struct Known {
    pub(super) connection: Connection,
    pub(super) credentials: Option<Sealed>,
}

#[derive(Clone, Default)]
pub(super) struct ConnectionCache(Arc<RwLock<Inner>>);

#[derive(Default)]
struct Inner {
    /// Counts what was forgotten. Whoever read the store before something was forgotten must not put it back.
    forgotten: u64,
    known: HashMap<ConnectionId, Arc<Known>>,
    /// Others may change connections, and nobody tells of it now: nothing is kept.
    deaf: bool,
}

/// The state of the cache when a read of the store began.
#[derive(Clone, Copy)]
pub(super) struct Generation(u64);

impl ConnectionCache {
    pub(super) fn find(&self, id: &ConnectionId) -> Result<Arc<Known>, Generation> {
        let inner = self.0.read().unwrap_or_else(PoisonError::into_inner);
        inner.known.get(id).cloned().ok_or(Generation(inner.forgotten))
    }

    pub(super) fn keep(&self, generation: Generation, known: &Arc<Known>) {
        let mut inner = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if inner.forgotten == generation.0 && !inner.deaf {
            inner.known.insert(known.connection.id.clone(), Arc::clone(known));
        }
    }

    pub(super) fn forget(&self, id: &ConnectionId) {
        let mut inner = self.0.write().unwrap_or_else(PoisonError::into_inner);
        inner.forgotten = inner.forgotten.wrapping_add(1);
        inner.known.remove(id);
    }

    /// Whether changes by others are heard of.
    pub(super) fn trust(&self, hears: bool) {
        let mut inner = self.0.write().unwrap_or_else(PoisonError::into_inner);
        inner.deaf = !hears;
        inner.forgotten = inner.forgotten.wrapping_add(1);
        inner.known.clear();
    }

    pub(in crate::sql) fn forget_all(&self) {
        let mut inner = self.0.write().unwrap_or_else(PoisonError::into_inner);
        inner.forgotten = inner.forgotten.wrapping_add(1);
        inner.known.clear();
    }
}
