//! The ports of the desk of plugins, in memory. A package is a JSON text: its manifest, its imports and its seal.

use async_trait::async_trait;
use opssight_core::blobs::BlobError;
use opssight_core::error::StoreError;
use opssight_core::id::{ConnectionId, PluginId};
use opssight_core::plugins::catalogue::{Catalogue, CatalogueEntry, CatalogueError, CatalogueVersion, Found};
use opssight_core::plugins::installs::{
    Comparison, Install, InstallStore, Notice, PackageContents, PackageRefusal, PackageStore, PluginEvent,
    PluginRuntime, PublisherPin, RevocationTarget, Revoked, Saved, VersionFigures,
};
use opssight_core::plugins::trust::{PublisherKey, Signature};
use opssight_core::time::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

pub(crate) fn key(digit: char) -> PublisherKey {
    PublisherKey(format!("ed25519:{}", digit.to_string().repeat(64)))
}

/// A package that sends requests to so many places.
pub(crate) fn package(id: &str, version: &str, places: usize) -> Vec<u8> {
    let egress: Vec<Value> = (0..places)
        .map(|i| json!({ "url": format!("https://{i}.example"), "methods": ["GET"], "reason": "to read" }))
        .collect();
    let package = json!({
        "manifest": {
            "id": id, "version": version, "contract": "1.0", "name": "An Example", "publisher": "acme",
            "description": "Shows how.", "licence": "MIT", "egress": egress,
        },
        "imports": ["wasi:http/outgoing-handler@0.2.12"],
        "seal": { "publisher": "acme", "key": key('a') },
    });
    serde_json::to_vec(&package).unwrap()
}

#[derive(Default)]
pub(crate) struct Desk {
    installs: Mutex<BTreeMap<PluginId, Install>>,
    packages: Mutex<BTreeMap<String, Vec<u8>>>,
    pins: Mutex<BTreeMap<String, PublisherPin>>,
    revoked: Mutex<Vec<Revoked>>,
    events: Mutex<Vec<PluginEvent>>,
}

impl Desk {
    fn record(&self, event: PluginEvent) {
        let mut events = self.events.lock().unwrap();
        let seq = i64::try_from(events.len()).unwrap() + 1;
        events.push(PluginEvent { seq, ..event });
    }
}

#[async_trait]
impl InstallStore for Desk {
    async fn installs(&self) -> Result<Vec<Install>, StoreError> {
        Ok(self.installs.lock().unwrap().values().cloned().collect())
    }
    async fn install(&self, plugin: &PluginId) -> Result<Option<Install>, StoreError> {
        Ok(self.installs.lock().unwrap().get(plugin).cloned())
    }
    async fn save(&self, change: Saved) -> Result<bool, StoreError> {
        if let Some(pin) = change.pin {
            self.pins.lock().unwrap().insert(pin.publisher.clone(), pin);
        }
        self.installs.lock().unwrap().insert(change.install.plugin.clone(), change.install);
        change.event.into_iter().for_each(|event| self.record(event));
        Ok(true)
    }
    async fn forget(&self, plugin: &PluginId, _: bool, event: PluginEvent) -> Result<bool, StoreError> {
        self.record(event);
        Ok(self.installs.lock().unwrap().remove(plugin).is_some())
    }
    async fn pin(&self, publisher: &str) -> Result<Option<PublisherPin>, StoreError> {
        Ok(self.pins.lock().unwrap().get(publisher).cloned())
    }
    async fn pins(&self) -> Result<Vec<PublisherPin>, StoreError> {
        Ok(self.pins.lock().unwrap().values().cloned().collect())
    }
    async fn repin(&self, publisher: &str, pin: Option<PublisherPin>, event: PluginEvent) -> Result<(), StoreError> {
        let mut pins = self.pins.lock().unwrap();
        match pin {
            Some(pin) => pins.insert(publisher.to_owned(), pin),
            None => pins.remove(publisher),
        };
        self.record(event);
        Ok(())
    }
    async fn revocations(&self) -> Result<Vec<Revoked>, StoreError> {
        Ok(self.revoked.lock().unwrap().clone())
    }
    async fn revoke(&self, revoked: &Revoked, event: PluginEvent) -> Result<(), StoreError> {
        self.revoked.lock().unwrap().push(revoked.clone());
        self.record(event);
        Ok(())
    }
    async fn pardon(&self, target: &RevocationTarget, event: PluginEvent) -> Result<bool, StoreError> {
        let mut revoked = self.revoked.lock().unwrap();
        let before = revoked.len();
        revoked.retain(|revoked| revoked.target != *target);
        self.record(event);
        Ok(revoked.len() < before)
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
    async fn happened(&self, _: &PluginId, _: &str) -> Result<bool, StoreError> {
        Ok(false)
    }
    async fn note(&self, event: PluginEvent) -> Result<(), StoreError> {
        self.record(event);
        Ok(())
    }
    async fn events(
        &self,
        plugin: Option<&PluginId>,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<PluginEvent>, StoreError> {
        let events = self.events.lock().unwrap();
        let wanted = |event: &&PluginEvent| {
            plugin.is_none_or(|plugin| event.plugin == *plugin) && before.is_none_or(|before| event.seq < before)
        };
        Ok(events.iter().rev().filter(wanted).take(limit as usize).cloned().collect())
    }
}

#[async_trait]
impl PackageStore for Desk {
    async fn put(&self, digest: &str, package: &[u8]) -> Result<(), BlobError> {
        self.packages.lock().unwrap().insert(digest.to_owned(), package.to_vec());
        Ok(())
    }
    async fn get(&self, digest: &str) -> Result<Option<Vec<u8>>, BlobError> {
        Ok(self.packages.lock().unwrap().get(digest).cloned())
    }
    async fn remove(&self, digest: &str) -> Result<(), BlobError> {
        self.packages.lock().unwrap().remove(digest);
        Ok(())
    }
    async fn kept_before(&self, _: Timestamp) -> Result<Vec<String>, BlobError> {
        Ok(self.packages.lock().unwrap().keys().cloned().collect())
    }
}

fn parsed(package: &[u8]) -> Result<Value, PackageRefusal> {
    let refusal =
        |error: serde_json::Error| PackageRefusal { code: "malformed".to_owned(), message: error.to_string() };
    serde_json::from_slice(package).map_err(refusal)
}

#[async_trait]
impl PluginRuntime for Desk {
    fn signature(&self, package: &[u8]) -> Result<Option<Signature>, PackageRefusal> {
        Ok(serde_json::from_value(parsed(package)?["seal"].clone()).unwrap())
    }
    async fn read(&self, package: Arc<[u8]>) -> Result<PackageContents, PackageRefusal> {
        let package = parsed(&package)?;
        Ok(PackageContents {
            manifest: serde_json::from_value(package["manifest"].clone()).unwrap(),
            imports: serde_json::from_value(package["imports"].clone()).unwrap(),
            exports: vec!["webhook".to_owned()],
            remarks: vec!["a remark".to_owned()],
        })
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
impl Catalogue for Desk {
    async fn search(&self, query: &str, _: usize) -> Result<Found, CatalogueError> {
        let entry = CatalogueEntry {
            id: query.to_owned(),
            version: semver(1),
            digest: "sha256:0".to_owned(),
            name: "An Example".to_owned(),
            publisher: "acme".to_owned(),
            key: Some(key('a')),
            description: "Shows how.".to_owned(),
            licence: "MIT".to_owned(),
            kinds: vec!["webhook".to_owned()],
            size: 9,
            place: "the shelf".to_owned(),
        };
        Ok(Found { entries: vec![entry], problems: vec!["reach the attic: it is dark".to_owned()] })
    }
    async fn versions(&self, id: &str) -> Result<Vec<CatalogueVersion>, CatalogueError> {
        match id {
            "example" => Ok(vec![CatalogueVersion { version: semver(1), place: "the shelf".to_owned() }]),
            _ => Err(CatalogueError::NotFound {
                wanted: id.to_owned(),
                place: "the shelf".to_owned(),
                why: "it has only example".to_owned(),
            }),
        }
    }
    async fn fetch(&self, id: &str, version: Option<&str>) -> Result<(Vec<u8>, String), CatalogueError> {
        self.versions(id).await?;
        let version = version.unwrap_or("1.0.0");
        Ok((package(id, version, 1), format!("the shelf/{id}:{version}")))
    }
}

fn semver<T: serde::de::DeserializeOwned>(major: u64) -> T {
    serde_json::from_value(json!(format!("{major}.0.0"))).unwrap()
}
