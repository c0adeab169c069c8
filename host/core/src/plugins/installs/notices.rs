//! What the runtime tells, kept until the store has it.

use super::desk::Installs;
use super::model::PluginEvent;
use crate::error::StoreError;
use crate::id::PluginId;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Most that wait for a store that takes nothing. Of more the oldest go, and are counted.
const WAITING: usize = 1_000;

/// What was told and is not stored yet.
#[derive(Clone, Default)]
pub struct Unstored(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    events: VecDeque<PluginEvent>,
    /// How many went, by plugin.
    lost: BTreeMap<PluginId, u64>,
}

impl Installs {
    /// Store what the runtime told since the last time, and what could not be stored then.
    pub(super) async fn store_notices(&self) -> Result<(), StoreError> {
        for notice in self.runtime.notices() {
            let event = self.event(&notice.plugin, Some(&notice.digest), &notice.what, "host", notice.detail);
            self.unstored.add(event);
        }
        // What is missing was older than what is left.
        while let Some((plugin, lost)) = self.unstored.take_lost() {
            let detail = format!("{lost} things that it did were not noted: the store took nothing for too long");
            if let Err(error) = self.store.note(self.event(&plugin, None, "notices-lost", "host", detail)).await {
                self.unstored.lose(plugin, lost);
                return Err(error);
            }
        }
        while let Some(event) = self.unstored.take() {
            if let Err(error) = self.store.note(event.clone()).await {
                self.unstored.give_back(event);
                return Err(error);
            }
        }
        Ok(())
    }
}

impl Unstored {
    fn add(&self, event: PluginEvent) {
        let mut inner = self.lock();
        inner.events.push_back(event);
        inner.shed();
    }

    fn take(&self) -> Option<PluginEvent> {
        self.lock().events.pop_front()
    }

    fn give_back(&self, event: PluginEvent) {
        let mut inner = self.lock();
        inner.events.push_front(event);
        inner.shed();
    }

    fn take_lost(&self) -> Option<(PluginId, u64)> {
        self.lock().lost.pop_first()
    }

    fn lose(&self, plugin: PluginId, count: u64) {
        *self.lock().lost.entry(plugin).or_default() += count;
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn shed(&mut self) {
        while self.events.len() > WAITING {
            let Some(oldest) = self.events.pop_front() else { return };
            *self.lost.entry(oldest.plugin).or_default() += 1;
        }
    }
}
