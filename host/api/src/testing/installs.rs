//! What is installed, in memory. A package is JSON: its manifest, its imports, and who sealed it.

use async_trait::async_trait;
use opssight_core::error::StoreError;
use opssight_core::id::{ConnectionId, PluginId};
use opssight_core::plugins::Manifest;
use opssight_core::plugins::catalogue::{Catalogue, CatalogueEntry, CatalogueError, CatalogueVersion, Found};
use opssight_core::plugins::installs::{
    Comparison, Install, InstallStore, Notice, PackageContents, PackageRefusal, PackageStore, PluginEvent,
    PluginRuntime, PublisherPin, RevocationTarget, Revoked, Saved, VersionFigures,
};
use opssight_core::plugins::trust::{PublisherKey, Signature};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

#[derive(Default)]
struct Memory {
    installs: BTreeMap<PluginId, Install>,
    packages: BTreeMap<String, Vec<u8>>,
    pins: BTreeMap<String, PublisherPin>,
    revoked: Vec<Revoked>,
    events: Vec<PluginEvent>,
}

#[derive(Default)]
pub(crate) struct Shelf(Mutex<Memory>);

impl Shelf {
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap()
    }
}

/// A package of this version that sends requests to so many addresses.
pub(crate) fn package(version: &str, width: usize) -> Vec<u8> {
    let egress: Vec<Value> = (0..width)
        .map(|i| json!({ "url": format!("https://{i}.example"), "methods": ["GET"], "reason": "to read" }))
        .collect();
    let package = json!({
        "manifest": {
            "id": "example", "version": version, "contract": "1.0", "name": "Example", "publisher": "acme",
            "description": "An example.", "licence": "MIT", "egress": egress,
        },
        "key": format!("ed25519:{}", "a".repeat(64)),
    });
    serde_json::to_vec(&package).unwrap()
}

fn parsed(package: &[u8]) -> Result<Value, PackageRefusal> {
    serde_json::from_slice(package).map_err(|error| PackageRefusal {
        code: "malformed".to_owned(),
        message: format!("it is not a well-formed component: {error}"),
    })
}

impl Memory {
    fn note(&mut self, mut event: PluginEvent) {
        event.seq = i64::try_from(self.events.len()).unwrap() + 1;
        self.events.push(event);
    }
}

#[async_trait]
impl InstallStore for Shelf {
    async fn installs(&self) -> Result<Vec<Install>, StoreError> {
        Ok(self.memory().installs.values().cloned().collect())
    }
    async fn install(&self, plugin: &PluginId) -> Result<Option<Install>, StoreError> {
        Ok(self.memory().installs.get(plugin).cloned())
    }
    async fn save(&self, change: Saved) -> Result<bool, StoreError> {
        let mut memory = self.memory();
        if let Some(pin) = change.pin {
            memory.pins.insert(pin.publisher.clone(), pin);
        }
        memory.note(change.event);
        memory.installs.insert(change.install.plugin.clone(), change.install);
        Ok(true)
    }
    async fn forget(&self, plugin: &PluginId, _: bool, event: PluginEvent) -> Result<bool, StoreError> {
        let mut memory = self.memory();
        memory.note(event);
        Ok(memory.installs.remove(plugin).is_some())
    }
    async fn pin(&self, publisher: &str) -> Result<Option<PublisherPin>, StoreError> {
        Ok(self.memory().pins.get(publisher).cloned())
    }
    async fn pins(&self) -> Result<Vec<PublisherPin>, StoreError> {
        Ok(self.memory().pins.values().cloned().collect())
    }
    async fn repin(&self, publisher: &str, pin: Option<PublisherPin>, _: PluginEvent) -> Result<(), StoreError> {
        let mut memory = self.memory();
        match pin {
            Some(pin) => memory.pins.insert(publisher.to_owned(), pin),
            None => memory.pins.remove(publisher),
        };
        Ok(())
    }
    async fn revocations(&self) -> Result<Vec<Revoked>, StoreError> {
        Ok(self.memory().revoked.clone())
    }
    async fn revoke(&self, revoked: &Revoked, _: PluginEvent) -> Result<(), StoreError> {
        self.memory().revoked.push(revoked.clone());
        Ok(())
    }
    async fn pardon(&self, target: &RevocationTarget, _: PluginEvent) -> Result<bool, StoreError> {
        let mut memory = self.memory();
        let before = memory.revoked.len();
        memory.revoked.retain(|revoked| revoked.target != *target);
        Ok(memory.revoked.len() < before)
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
        Ok(self.memory().events.iter().any(|event| event.plugin == *plugin && event.what == what))
    }
    async fn note(&self, event: PluginEvent) -> Result<(), StoreError> {
        self.memory().note(event);
        Ok(())
    }
    async fn events(
        &self,
        plugin: Option<&PluginId>,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<PluginEvent>, StoreError> {
        let memory = self.memory();
        let wanted = |event: &&PluginEvent| {
            plugin.is_none_or(|plugin| event.plugin == *plugin) && before.is_none_or(|before| event.seq < before)
        };
        Ok(memory.events.iter().rev().filter(wanted).take(limit as usize).cloned().collect())
    }
}

#[async_trait]
impl PackageStore for Shelf {
    async fn put(&self, digest: &str, package: &[u8]) -> Result<(), StoreError> {
        self.memory().packages.insert(digest.to_owned(), package.to_vec());
        Ok(())
    }
    async fn get(&self, digest: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.memory().packages.get(digest).cloned())
    }
    async fn remove(&self, digest: &str) -> Result<(), StoreError> {
        self.memory().packages.remove(digest);
        Ok(())
    }
    async fn digests(&self) -> Result<Vec<String>, StoreError> {
        Ok(self.memory().packages.keys().cloned().collect())
    }
}

#[async_trait]
impl PluginRuntime for Shelf {
    fn signature(&self, package: &[u8]) -> Result<Option<Signature>, PackageRefusal> {
        let key = parsed(package)?["key"].as_str().map(|key| PublisherKey(key.to_owned()));
        Ok(key.map(|key| Signature { publisher: "acme".to_owned(), key }))
    }
    fn read(&self, package: &[u8]) -> Result<PackageContents, PackageRefusal> {
        let manifest: Manifest = serde_json::from_value(parsed(package)?["manifest"].clone()).unwrap();
        let imports = vec!["wasi:http/outgoing-handler@0.2.12".to_owned()];
        Ok(PackageContents { manifest, imports, exports: vec!["health".to_owned()], remarks: Vec::new() })
    }
    async fn load(&self, _: &str, _: Arc<[u8]>) -> Result<(), PackageRefusal> {
        Ok(())
    }
    fn activate(&self, _: &PluginId, _: Option<&str>) {}
    fn enable(&self, _: &PluginId, _: bool) {}
    fn kill(&self, _: &str, _: &str) -> u64 {
        3
    }
    fn unload(&self, _: &str) {}
    fn figures(&self, _: &str) -> Option<VersionFigures> {
        None
    }
    fn shadow(&self, _: &PluginId, _: Option<&str>) {}
    fn comparisons(&self, _: &PluginId) -> Vec<Comparison> {
        Vec::new()
    }
    fn notices(&self) -> Vec<Notice> {
        Vec::new()
    }
}

#[async_trait]
impl Catalogue for Shelf {
    async fn search(&self, query: &str, limit: usize) -> Result<Found, CatalogueError> {
        let entry = CatalogueEntry {
            id: "example".to_owned(),
            version: semver::Version::new(1, 2, 0),
            digest: "sha256:0".to_owned(),
            name: "Example".to_owned(),
            publisher: "acme".to_owned(),
            key: None,
            description: "An example.".to_owned(),
            licence: "MIT".to_owned(),
            kinds: vec!["health".to_owned()],
            size: 12,
            place: "dir:/srv/plugins".to_owned(),
        };
        let entries = [entry].into_iter().filter(|entry| entry.id.contains(query)).take(limit).collect();
        Ok(Found { entries, problems: vec!["oci://down.example does not answer".to_owned()] })
    }
    async fn versions(&self, id: &str) -> Result<Vec<CatalogueVersion>, CatalogueError> {
        Err(CatalogueError::NotFound {
            wanted: id.to_owned(),
            place: "dir:/srv/plugins".to_owned(),
            why: "it has example".to_owned(),
        })
    }
    async fn fetch(&self, id: &str, version: Option<&str>) -> Result<(Vec<u8>, String), CatalogueError> {
        let version = version.unwrap_or("1.2.0");
        Ok((package(version, 1), format!("dir:/srv/plugins/{id}-{version}.wasm")))
    }
}
