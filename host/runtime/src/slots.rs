//! Places for calls. One plugin must not be able to take all of them, by sleeping in each for as long as it may.

use crate::sync::lock;
use opssight_core::id::PluginId;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;

/// Half of the places are open to every call; the other half is kept for plugins that have no call running, so that a
/// plugin that makes few calls finds one whatever the others do. Whoever waits holds nothing: only a call that runs
/// counts, or a plugin whose calls all wait would be taken for one that has its share.
pub(crate) struct Slots(Arc<Shared>);

struct Shared {
    places: usize,
    /// How many of them are open to every call.
    open: usize,
    running: Mutex<Running>,
    freed: Notify,
}

#[derive(Default)]
struct Running {
    all: usize,
    of: HashMap<PluginId, usize>,
}

/// A place, free again when this is dropped.
pub(crate) struct Slot {
    /// None: it is nobody's call.
    plugin: Option<PluginId>,
    shared: Arc<Shared>,
}

impl Slots {
    pub(crate) fn new(places: u32) -> Self {
        let places = places as usize;
        // A host with a single place has nothing to keep.
        let open = places - places / 2;
        Self(Arc::new(Shared { places, open, running: Mutex::default(), freed: Notify::new() }))
    }

    /// Wait for a place.
    pub(crate) async fn take(&self, plugin: &PluginId) -> Slot {
        loop {
            // Asked for before looking, so that no place that becomes free meanwhile is missed.
            let freed = self.0.freed.notified();
            if let Some(slot) = self.try_take(plugin) {
                return slot;
            }
            freed.await;
        }
    }

    fn try_take(&self, plugin: &PluginId) -> Option<Slot> {
        let mut running = lock(&self.0.running);
        let limit = if running.of.contains_key(plugin) { self.0.open } else { self.0.places };
        if running.all >= limit {
            return None;
        }
        running.all += 1;
        *running.of.entry(plugin.clone()).or_default() += 1;
        Some(Slot { plugin: Some(plugin.clone()), shared: Arc::clone(&self.0) })
    }

    /// An open place that is not the last one, or the only one while nothing runs, for work that can wait. It is
    /// nobody's call.
    pub(crate) fn spare(&self) -> Option<Slot> {
        let mut running = lock(&self.0.running);
        if running.all > 0 && running.all + 1 >= self.0.open {
            return None;
        }
        running.all += 1;
        Some(Slot { plugin: None, shared: Arc::clone(&self.0) })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        {
            let mut running = lock(&self.shared.running);
            running.all -= 1;
            if let Some(plugin) = &self.plugin
                && let Some(calls) = running.of.get_mut(plugin)
            {
                *calls -= 1;
                if *calls == 0 {
                    running.of.remove(plugin);
                }
            }
        }
        // All of them: which one may go depends on whose it is.
        self.shared.freed.notify_waiters();
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
            greedy.push(slot);
        }
        assert_eq!(greedy.len(), 2, "half of the places");
        let modest = slots.take(&"modest".into()).now_or_never();
        assert!(modest.is_some());
        assert!(slots.take(&"modest".into()).now_or_never().is_none(), "its second call waits like all others");
        // A wait that was given up leaves no trace.
        drop(modest);
        assert!(slots.take(&"modest".into()).now_or_never().is_some());
        drop(greedy);
        assert!(slots.take(&"greedy".into()).now_or_never().is_some());
    }

    #[tokio::test]
    async fn calls_that_wait_do_not_count_as_running() {
        let slots = Slots::new(4);
        let mut others = Vec::new();
        for plugin in ["a", "b", "c", "d"] {
            others.push(slots.take(&plugin.into()).now_or_never().unwrap());
        }
        // Nothing of this plugin runs, though two of its calls wait: the first place that is free is for it, kept or not.
        let patient = "patient".into();
        let first = slots.take(&patient);
        let second = slots.take(&patient);
        tokio::pin!(first, second);
        assert!(first.as_mut().now_or_never().is_none() && second.as_mut().now_or_never().is_none());
        others.pop();
        // The second one is asked first, and has as good a claim.
        assert!(second.now_or_never().is_some());
        assert!(first.now_or_never().is_some());
    }

    #[tokio::test]
    async fn whoever_waits_hears_of_a_place_that_becomes_free() {
        let slots = std::sync::Arc::new(Slots::new(1));
        let first = slots.take(&"a".into()).await;
        let waiting = tokio::spawn({
            let slots = slots.clone();
            async move { drop(slots.take(&"b".into()).await) }
        });
        tokio::task::yield_now().await;
        drop(first);
        tokio::time::timeout(std::time::Duration::from_secs(5), waiting).await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn work_that_can_wait_leaves_the_last_open_place() {
        let slots = Slots::new(4);
        let spare = slots.spare();
        assert!(spare.is_some() && slots.spare().is_none());
        assert!(slots.take(&"a".into()).now_or_never().is_some());
    }

    #[tokio::test]
    async fn a_single_place_is_for_everybody() {
        let slots = Slots::new(1);
        let first = slots.take(&"a".into()).now_or_never();
        assert!(first.is_some() && slots.take(&"b".into()).now_or_never().is_none());
        drop(first);
        assert!(slots.take(&"b".into()).now_or_never().is_some());
    }
}
