//! The runtime with everything around it in memory.

use crate::cassette::{Cassette, CassetteMode, Kept, install};
use crate::fault::Fault;
use crate::upstream::{Request, Response, Upstream};
use anyhow::Result;
use async_trait::async_trait;
use bytes::Bytes;
use opssight_core::error::StoreError;
use opssight_core::id::{ConnectionId, PluginId};
use opssight_core::plugins::evidence::{CallRecord, Outcome};
use opssight_core::plugins::kinds::{
    CostPage, CostRequest, CostSource, Detector, Finding, Inventory, InventoryPage, Notification, Notified, Notifier,
    Series,
};
use opssight_core::plugins::manifest::BudgetAsk;
use opssight_core::plugins::{
    ActionInvocation, ActionOutcome, CallError, CallPriority, CallTarget, CallUsage, Called, Credential,
    CredentialSource, Credentials, FailureClass, FaultSource, Grants, HealthReport, Manifest, PageRequest, PluginState,
    Plugins, PullBatch, RawDelivery, Reception, StateWrite, VerifyError, WebhookDelivery,
};
use opssight_core::time::{Clock, Timestamp};
use opssight_runtime::{LogLine, PluginHost, Record, RuntimeConfig, Subject};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tempfile::TempDir;

/// What one call may hold: a cassette is for keeping whole calls, however long an upstream's lists are.
const RECORD_BYTES: usize = 64 << 20;

/// One plugin, one connection, one recorded upstream.
pub struct TestHost {
    host: Arc<PluginHost>,
    memory: Arc<Memory>,
    upstream: Upstream,
    target: CallTarget,
    kept: Arc<Kept>,
    cassette: Option<Cassette>,
    /// Whether a call returns only when its record is there.
    waits_for_records: bool,
    _data: Option<TempDir>,
}

impl TestHost {
    /// Install a package beside an upstream that knows no exchanges yet.
    pub async fn new(package: &[u8]) -> Result<Self> {
        Self::with_caps(package, BudgetAsk::default()).await
    }

    /// The same on a host whose operator gives no call more than this.
    pub async fn with_caps(package: &[u8], caps: BudgetAsk) -> Result<Self> {
        let data = TempDir::new()?;
        let path = data.path().to_owned();
        Self::start(package, caps, &path, Some(data)).await
    }

    /// The same on a data directory that stays, so that the package is compiled only the first time.
    pub async fn open(package: &[u8], data: &Path) -> Result<Self> {
        Self::start(package, BudgetAsk::default(), data, None).await
    }

    async fn start(package: &[u8], caps: BudgetAsk, path: &Path, data: Option<TempDir>) -> Result<Self> {
        let upstream = Upstream::start().await?;
        let memory = Arc::new(Memory::default());
        let (credentials, state, clock) = (Arc::clone(&memory), Arc::clone(&memory), Arc::clone(&memory));
        let mut config = RuntimeConfig::new(path);
        config.max_concurrent_calls = 8;
        config.caps = caps;
        let kept = Arc::new(Kept::default());
        config.evidence.record = Record::All;
        config.evidence.record_bytes = RECORD_BYTES;
        config.evidence.store = Some(kept.clone());
        let host = PluginHost::open(config, credentials, state, clock)?;
        let installed = install(&host, package).await?;
        let target = CallTarget {
            connection: ConnectionId::from("test"),
            plugin: PluginId(installed.manifest.id.clone()),
            digest: None,
            settings: Arc::new(serde_json::json!({ "base_url": upstream.base_url() })),
            grants: Arc::new(Grants {
                networks: vec!["127.0.0.0/8".to_owned()],
                insecure_http: true,
                ..Grants::default()
            }),
            priority: CallPriority::Live,
        };
        Ok(Self { host, memory, upstream, target, kept, cassette: None, waits_for_records: false, _data: data })
    }

    /// The connection's settings, a JSON object. `base_url` is that of the recorded upstream unless it is given.
    #[must_use]
    pub fn settings(mut self, mut settings: Value) -> Self {
        if let Some(settings) = settings.as_object_mut() {
            settings.entry("base_url").or_insert_with(|| self.upstream.base_url().into());
        }
        self.target.settings = Arc::new(settings);
        self
    }

    /// What the operator grants; loopback over plain http unless this says otherwise.
    #[must_use]
    pub fn grants(mut self, grants: Grants) -> Self {
        self.target.grants = Arc::new(grants);
        self
    }

    /// A connection to a real upstream: with these settings and no others ([`Manifest::with_defaults`] has what they
    /// leave out), and nothing granted but this. The host's clock runs from `now` on.
    #[must_use]
    pub fn real(mut self, settings: Value, grants: Grants, now: Timestamp) -> Self {
        self.target.settings = Arc::new(settings);
        *lock(&self.memory.now) = now;
        *lock(&self.memory.running_since) = Some(Instant::now());
        self.grants(grants)
    }

    /// Fill in one of the manifest's credentials: its name, the scheme that was chosen, the scheme's inputs.
    #[must_use]
    pub fn credential(self, name: &str, scheme: &str, inputs: &[(&str, &str)]) -> Self {
        let inputs = inputs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let credential = Credential { scheme: scheme.to_owned(), inputs };
        lock(&self.memory.credentials).insert(name.to_owned(), credential);
        self
    }

    /// What the plugin's state holds before the first call.
    #[must_use]
    pub fn state_of(self, state: &BTreeMap<String, String>) -> Self {
        let values = state.iter().map(|(key, value)| (key.clone(), value.clone().into_bytes()));
        lock(&self.memory.state).extend(values);
        self
    }

    /// Record one exchange: what is asked (path with query, exactly) and what is answered. Of several for the same
    /// request each is used once, in this order; the last one then goes on answering.
    #[must_use]
    pub fn exchange(
        self,
        method: &str,
        path_and_query: &str,
        status: u16,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Self {
        self.upstream.exchange(method, path_and_query, Response::new(status, headers, body));
        self
    }

    /// Record that a request meets a fault: an upstream that never answers, wants patience, fails, breaks off or
    /// dawdles. Used like an exchange, in turn with those of the same request.
    #[must_use]
    pub fn fault(self, method: &str, path_and_query: &str, fault: Fault) -> Self {
        self.upstream.exchange(method, path_and_query, fault.into());
        self
    }

    /// Answer by rule whatever no exchange is recorded for.
    #[must_use]
    pub fn handler(self, handler: impl Fn(&Request) -> Response + Send + Sync + 'static) -> Self {
        self.upstream.handler(Box::new(handler));
        self
    }

    /// Write the calls from here on to a file, or answer from one what the plugin asks. In a replay settings and grants
    /// are those of the record.
    pub fn cassette(mut self, path: impl Into<PathBuf>, mode: CassetteMode) -> Result<Self> {
        self.cassette = Some(Cassette::open(path.into(), mode)?);
        Ok(self)
    }

    /// Let a call return only when its record is there. Otherwise that is written down a moment after the answer.
    #[must_use]
    pub fn waiting_for_records(mut self) -> Self {
        self.waits_for_records = true;
        self
    }

    /// Records of the calls that were made, in the order in which they ended.
    pub fn records(&self) -> Vec<CallRecord> {
        self.kept.since(0)
    }

    /// How many there are.
    pub fn record_count(&self) -> usize {
        self.kept.count()
    }

    /// The records after the first so many.
    pub fn records_since(&self, count: usize) -> Vec<CallRecord> {
        self.kept.since(count)
    }

    /// Where the recorded upstream answers: "http://127.0.0.1:PORT".
    pub fn base_url(&self) -> String {
        self.upstream.base_url()
    }

    /// Every request that reached the upstream, in order.
    pub fn requests(&self) -> Vec<Request> {
        self.upstream.requests()
    }

    /// What the plugin declares.
    pub fn manifest(&self) -> Option<Arc<Manifest>> {
        self.host.manifest(&self.target.plugin, None)
    }

    /// What the plugin logged.
    pub fn log(&self) -> Vec<LogLine> {
        self.host.log(&self.target.plugin)
    }

    /// The plugin's state as it would be stored now.
    pub fn state(&self) -> BTreeMap<String, Vec<u8>> {
        lock(&self.memory.state).clone()
    }

    /// What the last call that succeeded cost.
    pub fn usage(&self) -> CallUsage {
        *lock(&self.memory.usage)
    }

    /// Move the host's clock, which decides when tokens and pauses end.
    pub fn advance_secs(&self, secs: i64) {
        let mut now = lock(&self.memory.now);
        *now = now.plus_secs(secs);
    }

    /// The host's clock.
    pub fn now(&self) -> Timestamp {
        self.memory.now()
    }

    /// The host that runs it, and the call target, for what this type has no word for.
    pub fn runtime(&self) -> (&Arc<PluginHost>, &CallTarget) {
        (&self.host, &self.target)
    }

    /// Check a delivery's signature with the filled-in credentials, as the host does before it stores one.
    pub fn verify(&self, headers: &[(&str, &str)], body: &[u8]) -> Result<(), VerifyError> {
        let credentials = lock(&self.memory.credentials).clone();
        let headers = pairs(headers);
        let delivery = RawDelivery { headers: &headers, query: None, body, received_at: self.memory.now() };
        self.host.verify(&self.target, &credentials, &delivery)
    }

    /// Hand over a delivery, with all the headers given here.
    pub async fn receive(&self, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> Result<Reception, CallError> {
        let received_at = self.memory.now();
        let delivery = WebhookDelivery { headers: pairs(headers), body: body.into(), received_at };
        let input = json!(delivery);
        self.call("webhook", input, self.host.receive(&self.target, delivery)).await
    }

    /// Pull one page of a feed.
    pub async fn pull(&self, feed: &str, checkpoint: Option<&str>, page: PageRequest) -> Result<PullBatch, CallError> {
        let checkpoint = checkpoint.map(str::to_owned);
        let input = json!({ "feed": feed, "checkpoint": checkpoint, "page": page });
        self.call("source", input, self.host.pull(&self.target, feed, checkpoint, page)).await
    }

    /// Run a declared action with this JSON input.
    pub async fn act(&self, name: &str, input: Value) -> Result<ActionOutcome, CallError> {
        let invocation = ActionInvocation {
            name: name.to_owned(),
            input: input.to_string(),
            idempotency_key: "test-key".to_owned(),
            actor: "tester".to_owned(),
        };
        let input = json!(invocation);
        self.call("actions", input, self.host.act(&self.target, invocation)).await
    }

    /// Ask whether the connection works.
    pub async fn check(&self) -> Result<HealthReport, CallError> {
        self.call("health", Value::Null, self.host.check(&self.target)).await
    }

    /// A call, live or from the cassette.
    async fn call<T: DeserializeOwned>(
        &self,
        kind: &str,
        input: Value,
        live: impl Future<Output = Result<Called<T>, CallError>>,
    ) -> Result<T, CallError> {
        match &self.cassette {
            Some(cassette) if cassette.mode == CassetteMode::Replay => self.play(cassette, kind, &input).await,
            None if !self.waits_for_records => live.await.map(|called| self.keep(called)),
            cassette => {
                let before = self.kept.count();
                let outcome = live.await;
                let record = self.kept.after(before).await.map_err(|error| self.broken(&error))?;
                if let Some(cassette) = cassette {
                    cassette.add(&record).map_err(|error| self.broken(&error))?;
                }
                outcome.map(|called| self.keep(called))
            }
        }
    }

    /// A call from the cassette: the next of this kind with this input.
    async fn play<T: DeserializeOwned>(&self, cassette: &Cassette, kind: &str, input: &Value) -> Result<T, CallError> {
        let then = cassette.next(kind, input).map_err(|error| self.broken(&error))?;
        let digest = self.host.find(&self.target.plugin).map(|installed| installed.digest).unwrap_or_default();
        let replayed = self.host.replay(&then, Subject::Digest(&digest)).await;
        let now = replayed.map_err(|error| self.broken(&error.into()))?.record;
        let failure = now.failure();
        match (now.outcome, failure) {
            (Outcome::Answer { value, writes }, _) => {
                let value = serde_json::from_value(value).map_err(|error| self.broken(&error.into()))?;
                Ok(self.keep(Called { value, state: writes, usage: now.usage }))
            }
            (Outcome::Failure { .. }, Some(failure)) => Err(failure),
            (Outcome::Failure { .. }, None) => Err(self.broken(&anyhow::anyhow!("the call failed for no reason"))),
        }
    }

    /// The cassette's fault, told as a call's.
    fn broken(&self, error: &anyhow::Error) -> CallError {
        CallError {
            plugin: self.target.plugin.clone(),
            version: String::new(),
            connection: self.target.connection.clone(),
            fault: FaultSource::Host,
            class: FailureClass::Unavailable,
            code: "cassette".to_owned(),
            message: format!("{error:#}"),
            retry_after_ms: None,
        }
    }

    /// Send notifications to a channel; empty is the one in the settings.
    pub async fn notify(&self, channel: &str, batch: Vec<Notification>) -> Result<Vec<Notified>, CallError> {
        let input = json!({ "channel": channel, "batch": batch });
        self.call("notifier", input, self.host.notify(&self.target, channel, batch)).await
    }

    /// Fetch one page of a bill.
    pub async fn fetch_costs(&self, request: CostRequest) -> Result<CostPage, CallError> {
        let input = json!(request);
        self.call("costs", input, self.host.fetch_costs(&self.target, request)).await
    }

    /// List one page of what is running in a scope.
    pub async fn list_resources(&self, scope: &str, page: PageRequest) -> Result<InventoryPage, CallError> {
        let input = json!({ "scope": scope, "page": page });
        self.call("inventory", input, self.host.list_resources(&self.target, scope, page)).await
    }

    /// Look at series, with the detector's own parameters.
    pub async fn detect(&self, series: &[Series], params: &Value) -> Result<Vec<Finding>, CallError> {
        let input = json!({ "series": series, "params": params.to_string() });
        self.call("detector", input, self.host.detect(&self.target, series, params)).await
    }

    /// Do what the house does with a call that succeeded: commit its writes.
    fn keep<T>(&self, called: Called<T>) -> T {
        let mut state = lock(&self.memory.state);
        for StateWrite { key, value } in called.state {
            match value {
                Some(value) => state.insert(key, value),
                None => state.remove(&key),
            };
        }
        *lock(&self.memory.usage) = called.usage;
        called.value
    }
}

fn pairs(headers: &[(&str, &str)]) -> Vec<(String, String)> {
    headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), (*value).to_owned())).collect()
}

/// Everything that the runtime asks of the house.
struct Memory {
    credentials: Mutex<Credentials>,
    state: Mutex<BTreeMap<String, Vec<u8>>>,
    usage: Mutex<CallUsage>,
    now: Mutex<Timestamp>,
    /// None: the clock stands still, so that tests are the same each time.
    running_since: Mutex<Option<Instant>>,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            credentials: Mutex::default(),
            state: Mutex::default(),
            usage: Mutex::default(),
            // 2026-01-01T00:00:00Z. Tests that depend on the day they run on are no tests.
            now: Mutex::new(Timestamp(1_767_225_600_000_000)),
            running_since: Mutex::default(),
        }
    }
}

impl Clock for Memory {
    fn now(&self) -> Timestamp {
        let running = lock(&self.running_since).map_or(0, |since| since.elapsed().as_micros());
        lock(&self.now).plus_micros(i64::try_from(running).unwrap_or(i64::MAX))
    }
}

#[async_trait]
impl CredentialSource for Memory {
    async fn credentials(&self, _: &ConnectionId) -> Result<Credentials, StoreError> {
        Ok(lock(&self.credentials).clone())
    }
}

#[async_trait]
impl PluginState for Memory {
    async fn get(&self, _: &ConnectionId, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(lock(&self.state).get(key).cloned())
    }

    async fn keys(
        &self,
        _: &ConnectionId,
        prefix: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<String>, StoreError> {
        let state = lock(&self.state);
        let page = state.keys().filter(|key| key.starts_with(prefix) && after.is_none_or(|after| key.as_str() > after));
        Ok(page.take(limit as usize).cloned().collect())
    }

    async fn usage(&self, _: &ConnectionId) -> Result<(u64, u64), StoreError> {
        let state = lock(&self.state);
        let bytes: usize = state.iter().map(|(key, value)| key.len() + value.len()).sum();
        Ok((bytes as u64, state.len() as u64))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
