//! Whose turn it is: a plugin is changed by one change at a time, first come, first served, so that each change sees
//! what the one before it left, in the store and in the runtime.

use super::desk::Installs;
use super::error::InstallError;
use crate::id::PluginId;
use futures::channel::oneshot;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

#[cfg(test)]
mod tests;

/// Changes of one plugin that may wait: each can hold a whole package in memory.
const WAITING: usize = 16;

type Waiting = BTreeMap<PluginId, VecDeque<oneshot::Sender<Turn>>>;

/// The plugins that are being changed, and who waits for each. One that nobody changes is not in it.
#[derive(Clone, Default)]
pub struct Turns(Arc<Mutex<Waiting>>);

/// The right to change a plugin, until it is dropped.
#[must_use = "the turn ends when it is dropped"]
pub(super) struct Turn(Option<(Turns, PluginId)>);

enum Place {
    First(Turn),
    Behind(oneshot::Receiver<Turn>),
}

impl Installs {
    /// Wait for a turn to change a plugin, unless too many do.
    pub(super) async fn turn(&self, plugin: &PluginId) -> Result<Turn, InstallError> {
        self.turns.take(plugin, WAITING).await
    }

    /// A turn however many wait: what takes a plugin out of service is not turned away.
    pub(super) async fn urgent_turn(&self, plugin: &PluginId) -> Result<Turn, InstallError> {
        self.turns.take(plugin, usize::MAX).await
    }
}

impl Turns {
    async fn take(&self, plugin: &PluginId, most: usize) -> Result<Turn, InstallError> {
        loop {
            match self.place(plugin, most)? {
                Place::First(turn) => return Ok(turn),
                Place::Behind(turn) => {
                    if let Ok(turn) = turn.await {
                        return Ok(turn);
                    }
                }
            }
        }
    }

    fn place(&self, plugin: &PluginId, most: usize) -> Result<Place, InstallError> {
        let mut all = self.lock();
        let Some(waiting) = all.get_mut(plugin) else {
            all.insert(plugin.clone(), VecDeque::new());
            return Ok(Place::First(self.turn(plugin)));
        };
        // Whoever stopped waiting takes no place.
        waiting.retain(|waits| !waits.is_canceled());
        if waiting.len() >= most {
            return Err(InstallError::Busy(plugin.clone()));
        }
        let (sender, turn) = oneshot::channel();
        waiting.push_back(sender);
        Ok(Place::Behind(turn))
    }

    /// Who is next; the entry goes when nobody is.
    fn next(&self, plugin: &PluginId) -> Option<oneshot::Sender<Turn>> {
        let mut all = self.lock();
        let next = all.get_mut(plugin)?.pop_front();
        if next.is_none() {
            all.remove(plugin);
        }
        next
    }

    fn turn(&self, plugin: &PluginId) -> Turn {
        Turn(Some((self.clone(), plugin.clone())))
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Some((turns, plugin)) = self.0.take() else { return };
        while let Some(next) = turns.next(&plugin) {
            match next.send(turns.turn(&plugin)) {
                // If it is not taken any more, it is dropped there and goes on from there.
                Ok(()) => return,
                // What comes back is not passed on a second time.
                Err(mut back) => back.0 = None,
            }
        }
    }
}
