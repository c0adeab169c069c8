//! What all guests together may hold, so that the memory of the host has a ceiling that can be stated.

use crate::plugin::Plugin;
use crate::warm::WarmInstances;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, Weak};

/// Beyond half of the ceiling, a plugin whose calls hold more than this part of it gets no more.
const MODEST: usize = 16;

/// Counted in the bytes of linear memories: half is for whoever asks first, the other half for plugins that hold little.
pub(crate) struct GuestMemory {
    most: usize,
    held: AtomicUsize,
    warm: OnceLock<Weak<WarmInstances>>,
}

impl GuestMemory {
    pub(crate) fn new(most: usize) -> Self {
        Self { most, held: AtomicUsize::new(0), warm: OnceLock::new() }
    }

    /// The instances that are kept between calls are the first to go.
    pub(crate) fn sheds(&self, warm: Weak<WarmInstances>) {
        let _the_first_stays = self.warm.set(warm);
    }

    /// Bytes that may be held at once.
    pub(crate) fn most(&self) -> usize {
        self.most
    }

    /// Whether half of it is taken: nothing is kept then that is not in use.
    pub(crate) fn is_short(&self) -> bool {
        self.held.load(Ordering::Relaxed) > self.most / 2
    }

    /// So many bytes more for a call of the plugin. False: there are none for it.
    pub(crate) fn take(&self, plugin: &Plugin, bytes: usize) -> bool {
        let own = plugin.held_bytes.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        let most = if own <= self.most / MODEST { self.most } else { self.most / 2 };
        let taken = self.take_below(most, bytes);
        if !taken {
            plugin.held_bytes.fetch_sub(bytes, Ordering::Relaxed);
        }
        taken
    }

    fn take_below(&self, most: usize, bytes: usize) -> bool {
        let more = |held: usize| held.checked_add(bytes).filter(|held| *held <= most);
        loop {
            let Err(held) = self.held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more) else { return true };
            // What is kept goes only where that helps: whoever asks for too much must not take it from the others.
            let warm = self.warm.get().and_then(Weak::upgrade);
            let helps = |warm: &Arc<WarmInstances>| more(held.saturating_sub(warm.bytes())).is_some();
            if !warm.filter(helps).is_some_and(|warm| warm.drop_oldest()) {
                return false;
            }
        }
    }

    /// They are free again.
    pub(crate) fn give(&self, plugin: &Plugin, bytes: usize) {
        self.held.fetch_sub(bytes, Ordering::Relaxed);
        plugin.held_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}
