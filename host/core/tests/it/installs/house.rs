//! The stores in memory.

use crate::idle::NoNews;
use async_trait::async_trait;
use opssight_core::blobs::BlobError;
use opssight_core::error::StoreError;
use opssight_core::events::{Bus, Listener, Topic};
use opssight_core::feeds::{FeedStore, LeasedFeed, Pulled};
use opssight_core::hooks::{
    Accepted, Delivery, DeliveryBody, DeliveryQuery, Inbox, LeasedDelivery, Leasing, NewDelivery, Rejection, Settlement,
};
use opssight_core::id::{ConnectionId, DeliveryId, PluginId};
use opssight_core::ingest::Applied;
use opssight_core::page::Page;
use opssight_core::plugins::installs::{
    Install, InstallStore, PackageStore, PluginEvent, PublisherPin, RevocationTarget, Revoked, Saved,
};
use opssight_core::time::{Clock, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::task::Poll;

/// What is durable: it survives a crash.
#[derive(Default)]
pub(super) struct Disk {
    pub(super) installs: BTreeMap<PluginId, Install>,
    pub(super) pins: BTreeMap<String, PublisherPin>,
    pub(super) revoked: Vec<Revoked>,
    pub(super) events: Vec<PluginEvent>,
    pub(super) packages: BTreeMap<String, Vec<u8>>,
    /// When each was kept.
    pub(super) kept_at: BTreeMap<String, i64>,
    /// Whose, and what it runs.
    pub(super) connections: BTreeMap<ConnectionId, (PluginId, Option<String>)>,
    pub(super) replayed: u64,
}

/// Store, packages, clock and bus in one.
#[derive(Default)]
pub(super) struct House {
    disk: Mutex<Disk>,
    pub(super) now: AtomicI64,
    /// Writes until the power goes: 0 is never, 1 is before the next one.
    pub(super) fuse: AtomicU32,
    /// Somebody else changes the install just before so many of the next changes are saved.
    pub(super) rivals: AtomicU32,
    /// Everybody waits a little before and after whatever is asked of the store, so that others come in between.
    pub(super) slow: AtomicBool,
}

impl House {
    pub(super) fn disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().unwrap()
    }

    /// Let the others go on, once.
    async fn pause(&self) {
        let mut waited = !self.slow.load(Ordering::SeqCst);
        std::future::poll_fn(|_| if std::mem::replace(&mut waited, true) { Poll::Ready(()) } else { Poll::Pending })
            .await;
    }

    /// A write. Fails when the power is gone.
    fn write(&self) -> Result<MutexGuard<'_, Disk>, StoreError> {
        match self.fuse.load(Ordering::SeqCst) {
            0 => {}
            1 => return Err(StoreError::new("write", "the power is gone")),
            left => self.fuse.store(left - 1, Ordering::SeqCst),
        }
        Ok(self.disk())
    }

    fn write_package(&self) -> Result<MutexGuard<'_, Disk>, BlobError> {
        self.write().map_err(|error| BlobError::Away {
            doing: "write",
            place: "the house".to_owned(),
            why: error.source.to_string(),
        })
    }
}

impl House {
    fn keep(&self, change: Saved) -> Result<bool, StoreError> {
        let mut disk = self.write()?;
        let plugin = change.install.plugin.clone();
        let rivals = self.rivals.load(Ordering::SeqCst);
        if let Some(install) = disk.installs.get_mut(&plugin).filter(|_| rivals > 0) {
            self.rivals.store(rivals - 1, Ordering::SeqCst);
            install.revision += 1;
        }
        let first = change.install.first;
        let stored = disk.installs.get(&plugin).map_or(first, |install| install.revision);
        let other_key = |pin: &PublisherPin| disk.pins.get(&pin.publisher).is_some_and(|known| known.key != pin.key);
        if change.install.revision != stored + 1 || change.pin.as_ref().is_some_and(other_key) {
            return Ok(false);
        }
        if let Some(pin) = change.pin {
            disk.pins.insert(pin.publisher.clone(), pin);
        }
        for (owner, digest) in disk.connections.values_mut().filter(|(owner, _)| *owner == plugin) {
            assert_eq!(*owner, plugin);
            if let Some(repin) = &change.repin {
                *digest = Some(repin.clone());
            } else if digest.as_ref().is_some_and(|digest| change.unpin.contains(digest)) {
                *digest = None;
            }
        }
        disk.installs.insert(plugin, change.install);
        change.event.into_iter().for_each(|event| disk.note(event));
        Ok(true)
    }
}

impl Disk {
    fn note(&mut self, event: PluginEvent) {
        let seq = i64::try_from(self.events.len()).unwrap() + 1;
        self.events.push(PluginEvent { seq, ..event });
    }
}

#[async_trait]
impl InstallStore for House {
    async fn installs(&self) -> Result<Vec<Install>, StoreError> {
        Ok(self.disk().installs.values().cloned().collect())
    }
    async fn install(&self, plugin: &PluginId) -> Result<Option<Install>, StoreError> {
        self.pause().await;
        Ok(self.disk().installs.get(plugin).cloned())
    }
    async fn save(&self, change: Saved) -> Result<bool, StoreError> {
        self.pause().await;
        let saved = self.keep(change);
        self.pause().await;
        saved
    }
    async fn forget(&self, plugin: &PluginId, connections: bool, event: PluginEvent) -> Result<bool, StoreError> {
        self.pause().await;
        let mut disk = self.write()?;
        if disk.installs.remove(plugin).is_none() {
            return Ok(false);
        }
        if connections {
            disk.connections.retain(|_, (owner, _)| owner != plugin);
        } else {
            disk.connections.values_mut().filter(|(owner, _)| owner == plugin).for_each(|(_, digest)| *digest = None);
        }
        disk.note(event);
        Ok(true)
    }
    async fn pin(&self, publisher: &str) -> Result<Option<PublisherPin>, StoreError> {
        Ok(self.disk().pins.get(publisher).cloned())
    }
    async fn pins(&self) -> Result<Vec<PublisherPin>, StoreError> {
        Ok(self.disk().pins.values().cloned().collect())
    }
    async fn repin(&self, publisher: &str, pin: Option<PublisherPin>, event: PluginEvent) -> Result<(), StoreError> {
        let mut disk = self.write()?;
        match pin {
            Some(pin) => disk.pins.insert(publisher.to_owned(), pin),
            None => disk.pins.remove(publisher),
        };
        disk.note(event);
        Ok(())
    }
    async fn revocations(&self) -> Result<Vec<Revoked>, StoreError> {
        self.pause().await;
        Ok(self.disk().revoked.clone())
    }
    async fn revoke(&self, revoked: &Revoked, event: PluginEvent) -> Result<(), StoreError> {
        self.pause().await;
        let mut disk = self.write()?;
        if !disk.revoked.iter().any(|known| known.target == revoked.target) {
            disk.revoked.push(revoked.clone());
        }
        disk.note(event);
        Ok(())
    }
    async fn pardon(&self, target: &RevocationTarget, event: PluginEvent) -> Result<bool, StoreError> {
        let mut disk = self.write()?;
        let before = disk.revoked.len();
        disk.revoked.retain(|revoked| revoked.target != *target);
        let pardoned = disk.revoked.len() < before;
        if pardoned {
            disk.note(event);
        }
        Ok(pardoned)
    }
    async fn adopt(&self, plugin: &PluginId, digest: &str) -> Result<u64, StoreError> {
        let mut disk = self.write()?;
        let mine = disk.connections.values_mut().filter(|(owner, pinned)| owner == plugin && pinned.is_none());
        Ok(mine.map(|(_, pinned)| *pinned = Some(digest.to_owned())).count() as u64)
    }
    async fn connections_of(&self, plugin: &PluginId) -> Result<Vec<ConnectionId>, StoreError> {
        let disk = self.disk();
        Ok(disk.connections.iter().filter(|(_, (owner, _))| owner == plugin).map(|(id, _)| id.clone()).collect())
    }
    async fn pinned_digests(&self, plugin: &PluginId) -> Result<Vec<String>, StoreError> {
        self.pause().await;
        let disk = self.disk();
        let mine = disk.connections.values().filter(|(owner, _)| owner == plugin);
        Ok(mine.filter_map(|(_, digest)| digest.clone()).collect::<BTreeSet<_>>().into_iter().collect())
    }
    async fn happened(&self, plugin: &PluginId, what: &str) -> Result<bool, StoreError> {
        Ok(self.disk().events.iter().any(|event| event.plugin == *plugin && event.what == what))
    }
    async fn note(&self, event: PluginEvent) -> Result<(), StoreError> {
        self.write()?.note(event);
        Ok(())
    }
    async fn events(
        &self,
        plugin: Option<&PluginId>,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<PluginEvent>, StoreError> {
        let disk = self.disk();
        let wanted = |event: &&PluginEvent| {
            plugin.is_none_or(|plugin| event.plugin == *plugin) && before.is_none_or(|before| event.seq < before)
        };
        Ok(disk.events.iter().rev().filter(wanted).take(limit as usize).cloned().collect())
    }
}

#[async_trait]
impl PackageStore for House {
    async fn put(&self, digest: &str, package: &[u8]) -> Result<(), BlobError> {
        self.pause().await;
        let mut disk = self.write_package()?;
        disk.packages.insert(digest.to_owned(), package.to_vec());
        disk.kept_at.insert(digest.to_owned(), self.now.load(Ordering::SeqCst));
        Ok(())
    }
    async fn get(&self, digest: &str) -> Result<Option<Vec<u8>>, BlobError> {
        self.pause().await;
        Ok(self.disk().packages.get(digest).cloned())
    }
    async fn remove(&self, digest: &str) -> Result<(), BlobError> {
        self.write_package()?.packages.remove(digest);
        Ok(())
    }
    async fn kept_before(&self, time: Timestamp) -> Result<Vec<String>, BlobError> {
        let disk = self.disk();
        let is_old = |digest: &&String| disk.kept_at.get(*digest).is_none_or(|at| *at < time.0);
        Ok(disk.packages.keys().filter(is_old).cloned().collect())
    }
}

impl Clock for House {
    fn now(&self) -> Timestamp {
        Timestamp(self.now.fetch_add(1, Ordering::SeqCst))
    }
}

#[async_trait]
impl Bus for House {
    fn wake(&self, _: Topic) {}
    fn listen(&self, _: Topic) -> Box<dyn Listener> {
        Box::new(NoNews)
    }
}

#[async_trait]
impl FeedStore for House {
    async fn lease_feeds(&self, _: &Leasing) -> Result<Vec<LeasedFeed>, StoreError> {
        Ok(Vec::new())
    }
    async fn settle_feed(&self, _: &LeasedFeed, _: Timestamp, _: Pulled) -> Result<Option<Applied>, StoreError> {
        Ok(None)
    }
    async fn hurry(&self, _: &ConnectionId, _: Timestamp) -> Result<bool, StoreError> {
        Ok(false)
    }
    async fn declare_feeds(&self, _: &ConnectionId, _: &[String], _: Timestamp) -> Result<(), StoreError> {
        Ok(())
    }
}

#[async_trait]
impl Inbox for House {
    async fn accept(&self, _: NewDelivery) -> Result<Accepted, StoreError> {
        Err(StoreError::new("keep the delivery", "this house takes none"))
    }
    async fn reject(&self, _: Rejection) -> Result<(), StoreError> {
        Ok(())
    }
    async fn lease(&self, _: &Leasing) -> Result<Vec<LeasedDelivery>, StoreError> {
        Ok(Vec::new())
    }
    async fn settle(&self, _: Settlement) -> Result<bool, StoreError> {
        Ok(false)
    }
    async fn release_all(&self) -> Result<u64, StoreError> {
        Ok(0)
    }
    async fn next_due(&self, _: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        Ok(None)
    }
    async fn replay(&self, _: &DeliveryId, _: Timestamp) -> Result<bool, StoreError> {
        Ok(false)
    }
    async fn replay_faults(&self, _: &ConnectionId, _: Timestamp, _: Timestamp) -> Result<u64, StoreError> {
        self.write()?.replayed += 1;
        Ok(1)
    }
    async fn deliveries(&self, _: &DeliveryQuery) -> Result<Page<Delivery>, StoreError> {
        Ok(Page { items: Vec::new(), next: None })
    }
    async fn delivery(&self, _: &DeliveryId) -> Result<Option<(Delivery, DeliveryBody)>, StoreError> {
        Ok(None)
    }
}
