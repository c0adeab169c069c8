//! Places for calls. One plugin must not be able to take all of them, by sleeping in each for as long as it may.

use crate::lanes::Lane;
use crate::sync::lock;
use opssight_core::id::PluginId;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;

/// Half of the places of a lane are open to every call; the other half is kept for plugins that have no call running
/// there, so that a plugin that makes few calls finds one whatever the others do. Whoever waits holds nothing: only a
/// call that runs counts, or a plugin whose calls all wait would be taken for one that has its share.
pub(crate) struct Slots(Arc<Shared>);

struct Shared {
    places: usize,
    live: Limits,
    heavy: Limits,
    running: Mutex<Running>,
    freed: Notify,
}

/// Of one lane.
struct Limits {
    places: usize,
    /// How many of them are open to every call.
    open: usize,
    /// How many one plugin may take.
    of_one: usize,
}

#[derive(Default)]
struct Running {
    all: Few,
    of: HashMap<PluginId, Few>,
}

/// Calls, by lane.
#[derive(Clone, Copy, Default)]
struct Few {
    live: usize,
    heavy: usize,
}

impl Few {
    fn of(&mut self, lane: Lane) -> &mut usize {
        match lane {
            Lane::Live => &mut self.live,
            Lane::Heavy => &mut self.heavy,
        }
    }
}

impl Running {
    fn add(&mut self, plugin: Option<&PluginId>, lane: Lane) {
        *self.all.of(lane) += 1;
        if let Some(plugin) = plugin {
            *self.of.entry(plugin.clone()).or_default().of(lane) += 1;
        }
    }

    fn remove(&mut self, plugin: Option<&PluginId>, lane: Lane) {
        *self.all.of(lane) -= 1;
        if let Some(plugin) = plugin
            && let Some(few) = self.of.get_mut(plugin)
        {
            *few.of(lane) -= 1;
            if few.live + few.heavy == 0 {
                self.of.remove(plugin);
            }
        }
    }
}

/// A place, free again when this is dropped.
pub(crate) struct Slot {
    /// None: it is nobody's call.
    plugin: Option<PluginId>,
    heavy: AtomicBool,
    shared: Arc<Shared>,
}

impl Slots {
    /// A quarter of the places is for heavy calls. They hold what they have for long: one plugin gets a few of them.
    pub(crate) fn new(places: u32) -> Self {
        let places = places as usize;
        let heavy = (places / 4).max(1);
        let live = places.saturating_sub(heavy).max(1);
        // A lane with a single place has nothing to keep.
        Self(Arc::new(Shared {
            places,
            live: Limits { places: live, open: live - live / 2, of_one: live },
            heavy: Limits { places: heavy, open: heavy - heavy / 2, of_one: heavy.div_ceil(4) },
            running: Mutex::default(),
            freed: Notify::new(),
        }))
    }

    /// Wait for a place.
    pub(crate) async fn take(&self, plugin: &PluginId, lane: Lane) -> Slot {
        loop {
            // Asked for before looking, so that no place that becomes free meanwhile is missed.
            let freed = self.0.freed.notified();
            if let Some(slot) = self.try_take(plugin, lane) {
                return slot;
            }
            freed.await;
        }
    }

    fn try_take(&self, plugin: &PluginId, lane: Lane) -> Option<Slot> {
        let mut running = lock(&self.0.running);
        let limits = match lane {
            Lane::Live => &self.0.live,
            Lane::Heavy => &self.0.heavy,
        };
        let (mut all, mut own) = (running.all, running.of.get(plugin).copied().unwrap_or_default());
        let (taken, own) = (*all.of(lane), *own.of(lane));
        let limit = if own > 0 { limits.open } else { limits.places };
        // Calls that moved may be more than the heavy lane has places.
        if taken >= limit || own >= limits.of_one || running.all.live + running.all.heavy >= self.0.places {
            return None;
        }
        running.add(Some(plugin), lane);
        Some(self.slot(Some(plugin.clone()), lane))
    }

    /// An open place that is not the last one, or the only one while nothing runs, for work that can wait. It is
    /// nobody's call.
    pub(crate) fn spare(&self) -> Option<Slot> {
        let mut running = lock(&self.0.running);
        if running.all.live > 0 && running.all.live + 1 >= self.0.live.open {
            return None;
        }
        running.add(None, Lane::Live);
        Some(self.slot(None, Lane::Live))
    }

    fn slot(&self, plugin: Option<PluginId>, lane: Lane) -> Slot {
        Slot { plugin, heavy: AtomicBool::new(lane == Lane::Heavy), shared: Arc::clone(&self.0) }
    }
}

impl Slot {
    /// The call takes a place in the heavy lane from now on, also if there is none: it has begun. Its own is free.
    pub(crate) fn move_to_heavy(&self) {
        {
            let mut running = lock(&self.shared.running);
            if self.heavy.swap(true, Ordering::Relaxed) {
                return;
            }
            running.add(self.plugin.as_ref(), Lane::Heavy);
            running.remove(self.plugin.as_ref(), Lane::Live);
        }
        self.shared.freed.notify_waiters();
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        {
            let mut running = lock(&self.shared.running);
            let lane = if self.heavy.load(Ordering::Relaxed) { Lane::Heavy } else { Lane::Live };
            running.remove(self.plugin.as_ref(), lane);
        }
        // All of them: which one may go depends on whose it is.
        self.shared.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::Slots;
    use crate::lanes::Lane;
    use futures::FutureExt;

    /// 16 places: 12 for live calls, of which 6 are open to everybody, and 4 for heavy ones.
    fn slots() -> Slots {
        Slots::new(16)
    }

    #[tokio::test]
    async fn a_plugin_without_calls_finds_a_place_whatever_another_one_does() {
        let slots = slots();
        let mut greedy = Vec::new();
        while let Some(slot) = slots.take(&"greedy".into(), Lane::Live).now_or_never() {
            greedy.push(slot);
        }
        assert_eq!(greedy.len(), 6, "half of the places");
        let modest = slots.take(&"modest".into(), Lane::Live).now_or_never();
        assert!(modest.is_some());
        let second = slots.take(&"modest".into(), Lane::Live).now_or_never();
        assert!(second.is_none(), "its second call waits like all others");
        // A wait that was given up leaves no trace.
        drop(modest);
        assert!(slots.take(&"modest".into(), Lane::Live).now_or_never().is_some());
        drop(greedy);
        assert!(slots.take(&"greedy".into(), Lane::Live).now_or_never().is_some());
    }

    #[tokio::test]
    async fn calls_that_wait_do_not_count_as_running() {
        let slots = slots();
        let mut others = Vec::new();
        for plugin in 0..12 {
            others.push(slots.take(&plugin.to_string().into(), Lane::Live).now_or_never().unwrap());
        }
        // Nothing of this plugin runs, though two of its calls wait: the first place that is free is for it, kept or not.
        let patient = "patient".into();
        let first = slots.take(&patient, Lane::Live);
        let second = slots.take(&patient, Lane::Live);
        tokio::pin!(first, second);
        assert!(first.as_mut().now_or_never().is_none() && second.as_mut().now_or_never().is_none());
        others.pop();
        // The second one is asked first, and has as good a claim.
        assert!(second.now_or_never().is_some());
        assert!(first.now_or_never().is_some());
    }

    #[tokio::test]
    async fn heavy_calls_have_places_of_their_own_and_one_plugin_gets_a_few() {
        let slots = slots();
        let mut heavy = Vec::new();
        for plugin in ["a", "b", "c", "d"] {
            heavy.push(slots.take(&plugin.into(), Lane::Heavy).now_or_never().unwrap());
            assert!(slots.take(&plugin.into(), Lane::Heavy).now_or_never().is_none(), "one of four is its share");
        }
        assert!(slots.take(&"e".into(), Lane::Heavy).now_or_never().is_none(), "all are taken");
        let mut live = Vec::new();
        while let Some(slot) = slots.take(&"a".into(), Lane::Live).now_or_never() {
            live.push(slot);
        }
        assert_eq!(live.len(), 6, "heavy calls take nothing from the live ones");
        heavy.pop();
        assert!(slots.take(&"e".into(), Lane::Heavy).now_or_never().is_some());
    }

    #[tokio::test]
    async fn a_call_that_turns_out_heavy_frees_its_place_and_takes_one_of_the_others() {
        let slots = slots();
        let mut live = Vec::new();
        while let Some(slot) = slots.take(&"a".into(), Lane::Live).now_or_never() {
            live.push(slot);
        }
        let moved = live.remove(0);
        moved.move_to_heavy();
        moved.move_to_heavy();
        let next = slots.take(&"a".into(), Lane::Live).now_or_never();
        assert!(
            next.is_some() && slots.take(&"a".into(), Lane::Live).now_or_never().is_none(),
            "one, told twice or not"
        );
        assert!(slots.take(&"a".into(), Lane::Heavy).now_or_never().is_none(), "it has its heavy place");
        drop(moved);
        assert!(slots.take(&"a".into(), Lane::Heavy).now_or_never().is_some());
    }

    #[tokio::test]
    async fn there_are_never_more_calls_than_places() {
        let slots = Slots::new(4);
        let mut moved = Vec::new();
        for plugin in 0..4 {
            let slot = slots.take(&plugin.to_string().into(), Lane::Live).now_or_never().unwrap();
            slot.move_to_heavy();
            moved.push(slot);
        }
        assert!(slots.take(&"a".into(), Lane::Live).now_or_never().is_none());
        moved.pop();
        assert!(slots.take(&"a".into(), Lane::Live).now_or_never().is_some());
    }

    #[tokio::test]
    async fn whoever_waits_hears_of_a_place_that_becomes_free() {
        let slots = std::sync::Arc::new(Slots::new(1));
        let first = slots.take(&"a".into(), Lane::Live).await;
        let waiting = tokio::spawn({
            let slots = slots.clone();
            async move { drop(slots.take(&"b".into(), Lane::Live).await) }
        });
        tokio::task::yield_now().await;
        drop(first);
        tokio::time::timeout(std::time::Duration::from_secs(5), waiting).await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn work_that_can_wait_leaves_the_last_open_place() {
        let slots = Slots::new(5);
        let spare = slots.spare();
        assert!(spare.is_some() && slots.spare().is_none());
        assert!(slots.take(&"a".into(), Lane::Live).now_or_never().is_some());
    }

    #[tokio::test]
    async fn a_single_place_is_for_everybody() {
        let slots = Slots::new(1);
        let first = slots.take(&"a".into(), Lane::Live).now_or_never();
        assert!(first.is_some() && slots.take(&"b".into(), Lane::Heavy).now_or_never().is_none());
        drop(first);
        assert!(slots.take(&"b".into(), Lane::Heavy).now_or_never().is_some());
    }
}
