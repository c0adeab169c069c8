//! Places for calls. One plugin must not be able to take all of them, by sleeping in each for as long as it may.

use crate::sync::lock;
use opssight_core::id::PluginId;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Half of the places are open to every call; the other half is kept for plugins that have no call under way, so that
/// a plugin that makes few calls finds one whatever the others do.
pub(crate) struct Slots {
    open: Arc<Semaphore>,
    kept: Arc<Semaphore>,
    under_way: Arc<Mutex<HashMap<PluginId, usize>>>,
}

/// A place, free again when this is dropped.
pub(crate) struct Slot {
    plugin: PluginId,
    under_way: Arc<Mutex<HashMap<PluginId, usize>>>,
    _place: Option<OwnedSemaphorePermit>,
}

impl Slots {
    pub(crate) fn new(places: u32) -> Self {
        let places = places as usize;
        // A host with a single place has nothing to keep.
        let kept = places / 2;
        Self {
            open: Arc::new(Semaphore::new(places - kept)),
            kept: Arc::new(Semaphore::new(kept)),
            under_way: Arc::default(),
        }
    }

    /// Wait for a place. None: the host is shutting down.
    pub(crate) async fn take(&self, plugin: &PluginId) -> Option<Slot> {
        let before = {
            let mut under_way = lock(&self.under_way);
            let calls = under_way.entry(plugin.clone()).or_default();
            *calls += 1;
            *calls - 1
        };
        // From here on, giving up the wait counts as leaving.
        let mut slot = Slot { plugin: plugin.clone(), under_way: Arc::clone(&self.under_way), _place: None };
        slot._place = Some(if before > 0 {
            Arc::clone(&self.open).acquire_owned().await.ok()?
        } else {
            match Arc::clone(&self.open).try_acquire_owned() {
                Ok(place) => place,
                Err(_) => tokio::select! {
                    place = Arc::clone(&self.kept).acquire_owned() => place.ok()?,
                    place = Arc::clone(&self.open).acquire_owned() => place.ok()?,
                },
            }
        });
        Some(slot)
    }

    /// An open place that is not the last one, for work that can wait. It is nobody's call.
    pub(crate) fn spare(&self) -> Option<OwnedSemaphorePermit> {
        (self.open.available_permits() > 1).then(|| Arc::clone(&self.open).try_acquire_owned().ok())?
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut under_way = lock(&self.under_way);
        if let Some(calls) = under_way.get_mut(&self.plugin) {
            *calls -= 1;
            if *calls == 0 {
                under_way.remove(&self.plugin);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Slots;
    use futures::FutureExt;

    #[tokio::test]
    async fn a_plugin_without_calls_finds_a_place_whatever_another_one_does() {
        let slots = Slots::new(4);
        let mut greedy = Vec::new();
        while let Some(slot) = slots.take(&"greedy".into()).now_or_never() {
            greedy.push(slot.expect("the host runs"));
        }
        assert_eq!(greedy.len(), 2, "half of the places");
        let modest = slots.take(&"modest".into()).now_or_never().flatten();
        assert!(modest.is_some());
        assert!(slots.take(&"modest".into()).now_or_never().is_none(), "its second call waits like all others");
        // A wait that was given up leaves no trace.
        drop(modest);
        assert!(slots.take(&"modest".into()).now_or_never().is_some());
        drop(greedy);
        assert!(slots.take(&"greedy".into()).now_or_never().is_some());
    }

    #[tokio::test]
    async fn a_single_place_is_for_everybody() {
        let slots = Slots::new(1);
        let first = slots.take(&"a".into()).now_or_never().flatten();
        assert!(first.is_some() && slots.take(&"b".into()).now_or_never().is_none());
        drop(first);
        assert!(slots.take(&"b".into()).now_or_never().flatten().is_some());
    }
}
