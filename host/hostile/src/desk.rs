//! The desk of installs over a store in memory.

mod inbox;

use crate::Arena;
use anyhow::Result;
use async_trait::async_trait;
use opssight_core::error::StoreError;
use opssight_core::events::{Bus, Listener, Topic};
use opssight_core::feeds::{FeedStore, LeasedFeed, Pulled};
use opssight_core::hooks::Leasing;
use opssight_core::id::{ConnectionId, PluginId};
use opssight_core::ingest::Applied;
use opssight_core::plugins::installs::{
    Approval, Data, Install, InstallError, InstallRequest, InstallStore, Installs, PackageStore, PluginEvent,
    PublisherPin, RevocationTarget, Revoked, Saved, Source, Turns, Unstored,
};
use opssight_core::plugins::trust::TrustPolicy;
use opssight_core::time::Timestamp;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// A desk of its own, before the arena's host.
pub(crate) struct Desk {
    pub(crate) installs: Installs,
}

impl Desk {
    pub(crate) fn new(arena: &Arena) -> Self {
        Self::with(arena, TrustPolicy::default())
    }

    pub(crate) fn with(arena: &Arena, policy: TrustPolicy) -> Self {
        let shelf = Arc::new(Shelf::default());
        let installs = Installs {
            store: shelf.clone(),
            packages: shelf.clone(),
            runtime: arena.host.clone(),
            plugins: arena.host.clone(),
            feeds: shelf.clone(),
            inbox: shelf.clone(),
            bus: shelf,
            clock: arena.clock.clone(),
            policy,
            enabled: true,
            turns: Turns::default(),
            unstored: Unstored::default(),
        };
        Self { installs }
    }

    /// Install, agreeing to exactly these bytes.
    pub(crate) async fn install(&self, package: &[u8]) -> Result<Approval, InstallError> {
        self.agreeing(package, Some(opssight_core::plugins::digest_of(package))).await
    }

    /// Update without agreeing to anything.
    pub(crate) async fn update(&self, package: &[u8]) -> Result<Approval, InstallError> {
        self.agreeing(package, None).await
    }

    pub(crate) async fn agreeing(&self, package: &[u8], consent: Option<String>) -> Result<Approval, InstallError> {
        let request = InstallRequest {
            package: package.into(),
            source: Source::Upload,
            consent,
            allow_similar_name: false,
            shadow: None,
            actor: "case".to_owned(),
        };
        Ok(self.installs.install(request).await?.approval)
    }

    pub(crate) async fn uninstall(&self, arena: &Arena) -> Result<()> {
        self.uninstall_named(arena.plugin().as_str()).await
    }

    pub(crate) async fn uninstall_named(&self, plugin: &str) -> Result<()> {
        Ok(self.installs.uninstall(&plugin.into(), Data::Remove, "case").await?)
    }
}

#[derive(Default)]
struct Kept {
    installs: BTreeMap<PluginId, Install>,
    packages: BTreeMap<String, Vec<u8>>,
    pins: BTreeMap<String, PublisherPin>,
    revoked: Vec<Revoked>,
    events: Vec<PluginEvent>,
}

/// Everything that the desk keeps.
#[derive(Default)]
struct Shelf(Mutex<Kept>);

#[async_trait]
impl InstallStore for Shelf {
    async fn installs(&self) -> Result<Vec<Install>, StoreError> {
        Ok(self.0.lock().unwrap().installs.values().cloned().collect())
    }

    async fn install(&self, plugin: &PluginId) -> Result<Option<Install>, StoreError> {
        Ok(self.0.lock().unwrap().installs.get(plugin).cloned())
    }

    async fn save(&self, change: Saved) -> Result<bool, StoreError> {
        let mut kept = self.0.lock().unwrap();
        let revision = kept.installs.get(&change.install.plugin).map_or(0, |install| install.revision);
        if change.install.revision != revision + 1 {
            return Ok(false);
        }
        if let Some(pin) = change.pin {
            kept.pins.insert(pin.publisher.clone(), pin);
        }
        kept.installs.insert(change.install.plugin.clone(), change.install);
        kept.events.extend(change.event);
        Ok(true)
    }

    async fn forget(&self, plugin: &PluginId, _: bool, event: PluginEvent) -> Result<bool, StoreError> {
        let mut kept = self.0.lock().unwrap();
        kept.events.push(event);
        Ok(kept.installs.remove(plugin).is_some())
    }

    async fn pin(&self, publisher: &str) -> Result<Option<PublisherPin>, StoreError> {
        Ok(self.0.lock().unwrap().pins.get(publisher).cloned())
    }

    async fn pins(&self) -> Result<Vec<PublisherPin>, StoreError> {
        Ok(self.0.lock().unwrap().pins.values().cloned().collect())
    }

    async fn repin(&self, publisher: &str, pin: Option<PublisherPin>, event: PluginEvent) -> Result<(), StoreError> {
        let mut kept = self.0.lock().unwrap();
        kept.pins.remove(publisher);
        if let Some(pin) = pin {
            kept.pins.insert(publisher.to_owned(), pin);
        }
        kept.events.push(event);
        Ok(())
    }

    async fn revocations(&self) -> Result<Vec<Revoked>, StoreError> {
        Ok(self.0.lock().unwrap().revoked.clone())
    }

    async fn revoke(&self, revoked: &Revoked, event: PluginEvent) -> Result<(), StoreError> {
        let mut kept = self.0.lock().unwrap();
        kept.revoked.push(revoked.clone());
        kept.events.push(event);
        Ok(())
    }

    async fn pardon(&self, target: &RevocationTarget, event: PluginEvent) -> Result<bool, StoreError> {
        let mut kept = self.0.lock().unwrap();
        let before = kept.revoked.len();
        kept.revoked.retain(|revoked| revoked.target != *target);
        kept.events.push(event);
        Ok(kept.revoked.len() < before)
    }

    async fn adopt(&self, _: &PluginId, _: &str) -> Result<u64, StoreError> {
        Ok(0)
    }

    async fn connections_of(&self, _: &PluginId) -> Result<Vec<ConnectionId>, StoreError> {
        Ok(Vec::new())
    }

    async fn pinned_digests(&self, _: &PluginId) -> Result<Vec<String>, StoreError> {
        Ok(Vec::new())
    }

    async fn happened(&self, plugin: &PluginId, what: &str) -> Result<bool, StoreError> {
        let kept = self.0.lock().unwrap();
        Ok(kept.events.iter().any(|event| event.plugin == *plugin && event.what == what))
    }

    async fn note(&self, event: PluginEvent) -> Result<(), StoreError> {
        self.0.lock().unwrap().events.push(event);
        Ok(())
    }

    async fn events(
        &self,
        plugin: Option<&PluginId>,
        _: Option<i64>,
        limit: u32,
    ) -> Result<Vec<PluginEvent>, StoreError> {
        let kept = self.0.lock().unwrap();
        let about = kept.events.iter().rev().filter(|event| plugin.is_none_or(|plugin| event.plugin == *plugin));
        Ok(about.take(limit as usize).cloned().collect())
    }
}

#[async_trait]
impl PackageStore for Shelf {
    async fn put(&self, digest: &str, package: &[u8]) -> Result<(), StoreError> {
        self.0.lock().unwrap().packages.insert(digest.to_owned(), package.to_vec());
        Ok(())
    }

    async fn get(&self, digest: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.0.lock().unwrap().packages.get(digest).cloned())
    }

    async fn remove(&self, digest: &str) -> Result<(), StoreError> {
        self.0.lock().unwrap().packages.remove(digest);
        Ok(())
    }

    async fn digests(&self) -> Result<Vec<String>, StoreError> {
        Ok(self.0.lock().unwrap().packages.keys().cloned().collect())
    }
}

#[async_trait]
impl FeedStore for Shelf {
    async fn lease_feeds(&self, _: &Leasing) -> Result<Vec<LeasedFeed>, StoreError> {
        Ok(Vec::new())
    }

    async fn settle_feed(&self, _: &LeasedFeed, _: Timestamp, _: Pulled) -> Result<Option<Applied>, StoreError> {
        Ok(None)
    }

    async fn hurry(&self, _: &ConnectionId, _: Timestamp) -> Result<bool, StoreError> {
        Ok(false)
    }

    async fn next_feed_due(&self) -> Result<Option<Timestamp>, StoreError> {
        Ok(None)
    }

    async fn declare_feeds(&self, _: &ConnectionId, _: &[String], _: Timestamp) -> Result<(), StoreError> {
        Ok(())
    }
}

/// Nobody listens.
struct Silence;

#[async_trait]
impl Listener for Silence {
    async fn woken(&mut self) {
        std::future::pending::<()>().await;
    }
}

#[async_trait]
impl Bus for Shelf {
    fn wake(&self, _: Topic) {}

    fn listen(&self, _: Topic) -> Box<dyn Listener> {
        Box::new(Silence)
    }
}
