//! A desk with everything around it, and packages to put on it.

use super::engine::Engine;
use super::house::House;
use opssight_core::id::{ConnectionId, PluginId};
use opssight_core::plugins::installs::{
    Approval, Behind, Install, InstallError, InstallRequest, Installed, Installs, ShadowRule, Source, Turns, Unstored,
};
use opssight_core::plugins::trust::{PublisherKey, TrustPolicy};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};

/// Run a future whose ports never make it wait.
pub(super) fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("a port in memory waits"),
    }
}

pub(super) fn key(digit: char) -> PublisherKey {
    PublisherKey(format!("ed25519:{}", digit.to_string().repeat(64)))
}

/// A package: a name, a version, how many addresses it sends requests to, and how it differs.
pub(super) fn package(id: &str, version: &str, width: usize) -> Vec<u8> {
    altered(id, version, width, |_| {})
}

pub(super) fn altered(id: &str, version: &str, width: usize, alter: impl FnOnce(&mut Value)) -> Vec<u8> {
    let egress: Vec<Value> = (0..width)
        .map(|i| json!({ "url": format!("https://{i}.example"), "methods": ["GET"], "reason": "to read" }))
        .collect();
    let mut package = json!({
        "manifest": {
            "id": id, "version": version, "contract": "1.0", "name": id, "publisher": "acme",
            "description": "d", "licence": "MIT", "egress": egress,
        },
        "imports": ["wasi:http/outgoing-handler@0.2.12"],
        "seal": { "publisher": "acme", "key": key('a') },
    });
    alter(&mut package);
    serde_json::to_vec(&package).unwrap()
}

pub(super) fn digest(package: &[u8]) -> String {
    let hex: String = Sha256::digest(package).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

pub(super) struct World {
    pub(super) house: Arc<House>,
    pub(super) engine: Arc<Engine>,
    pub(super) desk: Installs,
}

impl World {
    pub(super) fn new() -> Self {
        Self::on(Arc::new(House::default()), TrustPolicy::default())
    }

    pub(super) fn with(policy: TrustPolicy) -> Self {
        Self::on(Arc::new(House::default()), policy)
    }

    fn on(house: Arc<House>, policy: TrustPolicy) -> Self {
        let engine = Arc::new(Engine::default());
        let desk = Installs {
            store: house.clone(),
            packages: house.clone(),
            runtime: engine.clone(),
            plugins: engine.clone(),
            feeds: house.clone(),
            inbox: house.clone(),
            bus: house.clone(),
            clock: house.clone(),
            policy,
            enabled: true,
            turns: Turns::default(),
            unstored: Unstored::default(),
            behind: Behind::default(),
        };
        Self { house, engine, desk }
    }

    /// The process ends, and another one starts on what is durable.
    pub(super) fn restart(&mut self) -> Vec<(PluginId, InstallError)> {
        self.house.fuse.store(0, Ordering::SeqCst);
        *self = Self::on(Arc::clone(&self.house), self.desk.policy.clone());
        now(self.desk.restore()).unwrap()
    }

    pub(super) fn connect(&self, id: &str, plugin: &str) {
        let digest = self.active(plugin);
        self.house.disk().connections.insert(ConnectionId::from(id), (PluginId::from(plugin), digest));
    }

    pub(super) fn pinned(&self, id: &str) -> Option<String> {
        self.house.disk().connections[&ConnectionId::from(id)].1.clone()
    }

    pub(super) fn pass(&self, secs: i64) {
        self.house.now.fetch_add(secs * 1_000_000, Ordering::SeqCst);
    }

    pub(super) fn offer(&self, package: &[u8], consent: Option<&str>) -> Result<Installed, InstallError> {
        now(self.desk.install(request(package, consent)))
    }

    /// Install with consent; the digest.
    pub(super) fn install(&self, package: &[u8]) -> String {
        let digest = digest(package);
        let installed = self.offer(package, Some(&digest)).unwrap();
        assert_eq!(installed.approval, Approval::Active);
        digest
    }

    pub(super) fn place(&self, package: &[u8]) -> Result<Approval, InstallError> {
        now(self.desk.place("x.wasm", package.into())).map(|installed| installed.approval)
    }

    pub(super) fn install_of(&self, plugin: &str) -> Install {
        self.house.disk().installs[&PluginId::from(plugin)].clone()
    }

    pub(super) fn active(&self, plugin: &str) -> Option<String> {
        let disk = self.house.disk();
        disk.installs.get(&PluginId::from(plugin))?.active().map(|version| version.digest.clone())
    }

    pub(super) fn events(&self) -> Vec<String> {
        self.house.disk().events.iter().map(|event| event.what.clone()).collect()
    }
}

pub(super) fn request(package: &[u8], consent: Option<&str>) -> InstallRequest {
    InstallRequest {
        package: package.into(),
        source: Source::Upload,
        consent: consent.map(str::to_owned),
        allow_similar_name: false,
        shadow: None,
        actor: "admin".to_owned(),
    }
}

pub(super) fn in_shadow(package: &[u8], consent: Option<&str>, calls: u64) -> InstallRequest {
    InstallRequest { shadow: Some(ShadowRule { calls, differences: 0 }), ..request(package, consent) }
}
