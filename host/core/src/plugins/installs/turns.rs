//! Whose turn it is: a plugin is changed by one change at a time, first come, first served, so that each change sees
//! what the one before it left, in the store and in the runtime.

use super::desk::Installs;
use super::error::InstallError;
use crate::id::PluginId;
use futures::channel::oneshot;
use std::collections::{BTreeMap, VecDeque};
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

#[cfg(test)]
mod tests;

/// Changes of one plugin that may be on their way to a turn: each can hold a whole package in memory.
const PLACES: usize = 16;

/// The plugins that are being changed, and who is on the way to change each. One that nobody changes is not in it.
#[derive(Clone, Default)]
pub struct Turns(Arc<Mutex<BTreeMap<PluginId, Line>>>);

#[derive(Default)]
struct Line {
    /// Somebody has the turn. While anybody waits, somebody has.
    is_taken: bool,
    /// Who is next.
    waiting: VecDeque<oneshot::Sender<Turn>>,
    /// Changes that have a place, whether they wait already or are still being made ready.
    places: usize,
}

/// The right to change a plugin, until it is dropped.
#[must_use = "the turn ends when it is dropped"]
pub(super) struct Turn(Option<(Turns, PluginId)>);

/// One of the places on the way to a turn, until that turn comes or the place is dropped.
#[must_use = "the place is given up when it is dropped"]
pub(super) struct Place {
    turns: Turns,
    plugin: PluginId,
}

enum Joined {
    First(Turn),
    Behind(oneshot::Receiver<Turn>),
}

impl Installs {
    /// A place on the way to a turn, unless all are taken. What takes room or long to be made ready for its turn asks
    /// for it before.
    pub(super) fn place_for(&self, plugin: &PluginId) -> Result<Place, InstallError> {
        self.turns.place(plugin, PLACES)
    }

    /// Wait for a turn to change a plugin, unless too many do.
    pub(super) async fn turn(&self, plugin: &PluginId) -> Result<Turn, InstallError> {
        Ok(self.place_for(plugin)?.turn().await)
    }

    /// A turn however many wait: what takes a plugin out of service is not turned away.
    pub(super) async fn urgent_turn(&self, plugin: &PluginId) -> Turn {
        self.turns.take(plugin).await
    }

    /// A turn if nobody else has it now.
    pub(super) fn free_turn(&self, plugin: &PluginId) -> Option<Turn> {
        self.turns.take_free(plugin)
    }
}

impl Place {
    /// Wait for the turn.
    pub(super) async fn turn(self) -> Turn {
        self.turns.take(&self.plugin).await
    }
}

impl Turns {
    fn place(&self, plugin: &PluginId, most: usize) -> Result<Place, InstallError> {
        let mut all = self.lock();
        let places = all.get(plugin).map_or(0, |line| line.places);
        if places >= most {
            return Err(InstallError::Busy(plugin.clone()));
        }
        all.entry(plugin.clone()).or_default().places = places + 1;
        Ok(Place { turns: self.clone(), plugin: plugin.clone() })
    }

    async fn take(&self, plugin: &PluginId) -> Turn {
        loop {
            match self.join(plugin) {
                Joined::First(turn) => return turn,
                Joined::Behind(turn) => {
                    if let Ok(turn) = turn.await {
                        return turn;
                    }
                }
            }
        }
    }

    fn join(&self, plugin: &PluginId) -> Joined {
        let mut all = self.lock();
        let line = all.entry(plugin.clone()).or_default();
        if !mem::replace(&mut line.is_taken, true) {
            return Joined::First(self.turn(plugin));
        }
        // Whoever stopped waiting takes no room.
        line.waiting.retain(|waits| !waits.is_canceled());
        let (sender, turn) = oneshot::channel();
        line.waiting.push_back(sender);
        Joined::Behind(turn)
    }

    fn take_free(&self, plugin: &PluginId) -> Option<Turn> {
        let mut all = self.lock();
        let line = all.entry(plugin.clone()).or_default();
        (!mem::replace(&mut line.is_taken, true)).then(|| self.turn(plugin))
    }

    /// Who is next; if nobody is, the turn is free.
    fn next(&self, plugin: &PluginId) -> Option<oneshot::Sender<Turn>> {
        let mut all = self.lock();
        let line = all.get_mut(plugin)?;
        let next = line.waiting.pop_front();
        line.is_taken = next.is_some();
        if line.is_idle() {
            all.remove(plugin);
        }
        next
    }

    fn leave(&self, plugin: &PluginId) {
        let mut all = self.lock();
        let Some(line) = all.get_mut(plugin) else { return };
        line.places = line.places.saturating_sub(1);
        if line.is_idle() {
            all.remove(plugin);
        }
    }

    fn turn(&self, plugin: &PluginId) -> Turn {
        Turn(Some((self.clone(), plugin.clone())))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<PluginId, Line>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Line {
    fn is_idle(&self) -> bool {
        !self.is_taken && self.places == 0
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.turns.leave(&self.plugin);
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
