//! A host with everything around it in memory.

use crate::guests::{NOOP, manifest, package_of};
use async_trait::async_trait;
use opssight_core::error::StoreError;
use opssight_core::id::{CallId, ConnectionId, PluginId};
use opssight_core::page::Page;
use opssight_core::plugins::evidence::{CallQuery, CallRecord, CallSummary, EvidenceStore, KeepCalls};
use opssight_core::plugins::manifest::BudgetAsk;
use opssight_core::plugins::{
    CallError, CallPriority, CallTarget, Called, Credential, CredentialSource, Credentials, Grants, HealthReport,
    PluginState, Plugins,
};
use opssight_core::time::{Clock, Timestamp};
use opssight_runtime::{PluginHost, Record, Resolver, RuntimeConfig};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;

pub(crate) const NOW: Timestamp = Timestamp(1_763_800_000_000_000);

/// A host, and what it asks for.
pub(crate) struct House {
    pub(crate) host: Arc<PluginHost>,
    pub(crate) memory: Arc<Memory>,
    pub(crate) clock: Arc<HandClock>,
    pub(crate) data: TempDir,
}

impl House {
    pub(crate) fn new() -> Self {
        Self::with_names(&[])
    }

    /// These names resolve to these addresses, and no others exist.
    pub(crate) fn with_names(names: &[(&str, &[&str])]) -> Self {
        let names = Names::new(names);
        Self::with(|config| config.resolver = Some(Arc::new(names)))
    }

    /// The operator gives no call more than this.
    pub(crate) fn with_caps(caps: BudgetAsk) -> Self {
        Self::with(|config| config.caps = caps)
    }

    /// No name resolves, unless the configuration says otherwise.
    pub(crate) fn with(set: impl FnOnce(&mut RuntimeConfig)) -> Self {
        Self::at_with(TempDir::new().unwrap(), set)
    }

    /// With something of its configuration changed.
    pub(crate) fn configured(change: impl FnOnce(&mut RuntimeConfig)) -> Self {
        Self::with(change)
    }

    /// Calls are recorded into the second.
    pub(crate) fn recording(record: Record, most: usize) -> (Self, Arc<Kept>) {
        let kept = Arc::new(Kept::default());
        let store = kept.clone();
        let house = Self::with(|config| {
            (config.evidence.record, config.evidence.record_bytes) = (record, most);
            config.evidence.store = Some(store);
        });
        (house, kept)
    }

    /// On the data of a host that was there before.
    pub(crate) fn at(data: TempDir) -> Self {
        Self::at_with(data, |_| {})
    }

    fn at_with(data: TempDir, set: impl FnOnce(&mut RuntimeConfig)) -> Self {
        let memory = Arc::new(Memory::default());
        let clock = Arc::new(HandClock(Mutex::new(NOW)));
        let mut config = RuntimeConfig::new(data.path());
        config.max_concurrent_calls = 8;
        config.resolver = Some(Arc::new(Names::new(&[])));
        set(&mut config);
        let host = PluginHost::open(config, memory.clone(), memory.clone(), clock.clone()).unwrap();
        Self { host, memory, clock, data }
    }

    pub(crate) fn install(&self, package: &[u8]) {
        self.host.install(package).unwrap();
    }

    /// Drive a call while a neighbour is called over and over, which must not fail once, nor afterwards.
    pub(crate) async fn beside_a_neighbour<T>(&self, call: impl Future<Output = T>) -> T {
        let mut about = manifest(json!({}));
        about["id"] = json!("neighbour");
        self.install(&package_of(NOOP, &["health", "webhook"], &about));
        let mut neighbour = target(json!({}), Grants::default());
        (neighbour.plugin, neighbour.connection) = ("neighbour".into(), "c2".into());
        let ticks = async {
            loop {
                self.host.check(&neighbour).await.unwrap();
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let outcome = tokio::select! {
            outcome = call => outcome,
            () = ticks => unreachable!("a neighbour that ticks for ever"),
        };
        self.host.check(&neighbour).await.unwrap();
        assert!(self.host.find(&neighbour.plugin).unwrap().stats.failures.is_empty());
        outcome
    }

    pub(crate) async fn check(&self, settings: Value, grants: Grants) -> Result<Called<HealthReport>, CallError> {
        self.host.check(&target(settings, grants)).await
    }

    /// Install a package and call its `check` without settings and grants.
    pub(crate) async fn try_check(&self, package: &[u8]) -> Result<Called<HealthReport>, CallError> {
        self.install(package);
        self.check(json!({}), Grants::default()).await
    }
}

pub(crate) fn target(settings: Value, grants: Grants) -> CallTarget {
    CallTarget {
        connection: ConnectionId::from("c1"),
        plugin: PluginId::from("probe"),
        digest: None,
        settings: Arc::new(settings),
        grants: Arc::new(grants),
        priority: CallPriority::Live,
    }
}

/// Loopback may be reached, over plain http.
pub(crate) fn loopback() -> Grants {
    Grants { networks: vec!["127.0.0.0/8".into()], insecure_http: true, ..Grants::default() }
}

/// State and credentials.
#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) state: Mutex<BTreeMap<String, Vec<u8>>>,
    pub(crate) credentials: Mutex<Credentials>,
    /// The threads that asked for something.
    pub(crate) asked_on: Mutex<BTreeSet<String>>,
}

impl Memory {
    pub(crate) fn credential(&self, name: &str, scheme: &str, inputs: &[(&str, &str)]) {
        let inputs = inputs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let credential = Credential { scheme: scheme.to_owned(), inputs };
        self.credentials.lock().unwrap().insert(name.to_owned(), credential);
    }

    fn asked(&self) {
        let thread = std::thread::current().name().unwrap_or_default().to_owned();
        self.asked_on.lock().unwrap().insert(thread);
    }
}

#[async_trait]
impl PluginState for Memory {
    async fn get(&self, _: &ConnectionId, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.asked();
        Ok(self.state.lock().unwrap().get(key).cloned())
    }

    async fn keys(
        &self,
        _: &ConnectionId,
        prefix: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<String>, StoreError> {
        self.asked();
        let state = self.state.lock().unwrap();
        let keys = state.keys().filter(|key| key.starts_with(prefix) && after.is_none_or(|after| key.as_str() > after));
        Ok(keys.take(limit as usize).cloned().collect())
    }

    async fn usage(&self, _: &ConnectionId) -> Result<(u64, u64), StoreError> {
        self.asked();
        let state = self.state.lock().unwrap();
        let bytes: usize = state.iter().map(|(key, value)| key.len() + value.len()).sum();
        Ok((bytes as u64, state.len() as u64))
    }
}

#[async_trait]
impl CredentialSource for Memory {
    async fn credentials(&self, _: &ConnectionId) -> Result<Credentials, StoreError> {
        self.asked();
        Ok(self.credentials.lock().unwrap().clone())
    }
}

/// Records.
#[derive(Default)]
pub(crate) struct Kept(pub(crate) Mutex<Vec<CallRecord>>);

impl Kept {
    /// So many records, once they are there: they are kept in the background.
    pub(crate) async fn records(&self, count: usize) -> Vec<CallRecord> {
        for _ in 0..500 {
            if self.0.lock().unwrap().len() >= count {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        let records = self.0.lock().unwrap().clone();
        assert_eq!(records.len(), count);
        records
    }
}

#[async_trait]
impl EvidenceStore for Kept {
    async fn put(&self, record: &CallRecord) -> Result<(), StoreError> {
        self.0.lock().unwrap().push(record.clone());
        Ok(())
    }

    async fn call(&self, call: &CallId) -> Result<Option<CallRecord>, StoreError> {
        Ok(self.0.lock().unwrap().iter().find(|record| record.id == *call).cloned())
    }

    async fn calls(&self, _: &CallQuery) -> Result<Page<CallSummary>, StoreError> {
        Ok(Page { items: Vec::new(), next: None })
    }

    async fn purge_calls(&self, _: &KeepCalls) -> Result<u64, StoreError> {
        Ok(0)
    }
}

/// Stands still unless it is moved.
pub(crate) struct HandClock(pub(crate) Mutex<Timestamp>);

impl HandClock {
    pub(crate) fn advance_secs(&self, secs: i64) {
        let mut now = self.0.lock().unwrap();
        *now = now.plus_secs(secs);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

pub(crate) struct Names(BTreeMap<String, Vec<IpAddr>>);

impl Names {
    pub(crate) fn new(names: &[(&str, &[&str])]) -> Self {
        let parse = |addresses: &[&str]| addresses.iter().map(|address| address.parse().unwrap()).collect();
        Self(names.iter().map(|(name, addresses)| ((*name).to_owned(), parse(addresses))).collect())
    }
}

#[async_trait]
impl Resolver for Names {
    async fn resolve(&self, name: &str) -> std::io::Result<Vec<IpAddr>> {
        self.0.get(name).cloned().ok_or_else(|| std::io::Error::other("no such name"))
    }
}
