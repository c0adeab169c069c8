//! What is loaded: versions by digest, and which of them a plugin's calls go to.

use crate::error;
use crate::plugin::Plugin;
use crate::sync::{read, write};
use opssight_core::id::PluginId;
use opssight_core::plugins::{CallError, CallTarget, FaultSource};
use std::collections::HashMap;
use std::sync::{Arc, RwLock};

/// Every loaded version of every plugin.
#[derive(Default)]
pub(crate) struct Shelf(RwLock<Inner>);

#[derive(Default)]
struct Inner {
    versions: HashMap<Arc<str>, Arc<Plugin>>,
    slots: HashMap<PluginId, Slot>,
}

struct Slot {
    active: Arc<Plugin>,
    enabled: bool,
}

impl Shelf {
    /// Keep a version ready, unless it is: another one of the same bytes in its place would leave the active one where
    /// nobody finds it to stop it.
    pub(crate) fn add(&self, plugin: Arc<Plugin>) {
        write(&self.0).versions.entry(Arc::clone(&plugin.digest)).or_insert(plugin);
    }

    /// Keep a version ready. One of the same bytes that was there before is the answer.
    pub(crate) fn put(&self, plugin: Arc<Plugin>) -> Option<Arc<Plugin>> {
        write(&self.0).versions.insert(Arc::clone(&plugin.digest), plugin)
    }

    pub(crate) fn has(&self, digest: &str) -> bool {
        read(&self.0).versions.contains_key(digest)
    }

    pub(crate) fn version(&self, digest: &str) -> Option<Arc<Plugin>> {
        read(&self.0).versions.get(digest).cloned()
    }

    /// Calls that name no version go to this one. False: it is not loaded.
    pub(crate) fn activate(&self, id: &PluginId, digest: &str) -> bool {
        let mut inner = write(&self.0);
        let Some(active) = inner.versions.get(digest).cloned() else { return false };
        match inner.slots.get_mut(id) {
            Some(slot) => slot.active = active,
            None => {
                inner.slots.insert(id.clone(), Slot { active, enabled: true });
            }
        }
        true
    }

    /// There is no such plugin any more.
    pub(crate) fn remove(&self, id: &PluginId) {
        write(&self.0).slots.remove(id);
    }

    pub(crate) fn enable(&self, id: &PluginId, enabled: bool) {
        if let Some(slot) = write(&self.0).slots.get_mut(id) {
            slot.enabled = enabled;
        }
    }

    pub(crate) fn unload(&self, digest: &str) -> Option<Arc<Plugin>> {
        write(&self.0).versions.remove(digest)
    }

    /// The active versions.
    pub(crate) fn active(&self) -> Vec<Arc<Plugin>> {
        read(&self.0).slots.values().map(|slot| Arc::clone(&slot.active)).collect()
    }

    /// A version of a plugin, by digest or the active one.
    pub(crate) fn find(&self, id: &PluginId, digest: Option<&str>) -> Option<Arc<Plugin>> {
        let inner = read(&self.0);
        let slot = inner.slots.get(id)?;
        match digest {
            None => Some(Arc::clone(&slot.active)),
            Some(digest) if *slot.active.digest == *digest => Some(Arc::clone(&slot.active)),
            Some(digest) => inner.versions.get(digest).filter(|plugin| plugin.manifest.id == id.0).cloned(),
        }
    }

    /// Where a call goes, or why it is not made. Everything here is tried again later: nothing is lost while a plugin
    /// is switched off or its version was taken out of service.
    pub(crate) fn resolve(&self, target: &CallTarget) -> Result<Arc<Plugin>, Box<CallError>> {
        let Some(plugin) = self.find(&target.plugin, target.digest.as_deref()) else {
            return Err(Box::new(if self.find(&target.plugin, None).is_none() {
                error::not_installed(target)
            } else {
                let message = "the version that this connection runs is not loaded";
                CallError {
                    code: "plugin.version-not-loaded".to_owned(),
                    message: message.to_owned(),
                    ..error::not_installed(target)
                }
            }));
        };
        let enabled = read(&self.0).slots.get(&target.plugin).is_some_and(|slot| slot.enabled);
        if let Some(reason) = plugin.stopped() {
            let message = format!("this version was taken out of service: {reason}");
            return Err(by_policy(&plugin, target, "plugin.revoked", &message));
        }
        if !enabled {
            return Err(by_policy(&plugin, target, "plugin.disabled", "the plugin is switched off"));
        }
        Ok(plugin)
    }
}

fn by_policy(plugin: &Plugin, target: &CallTarget, code: &str, message: &str) -> Box<CallError> {
    Box::new(CallError { fault: FaultSource::Policy, ..error::unavailable(plugin, target, code, message) })
}
