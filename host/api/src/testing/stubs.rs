//! The stubs. One connection, `github-1`, whose deliveries are genuine when they say so.

use super::people::People;
use async_trait::async_trait;
use opssight_core::connections::{CheckOutcome, Connection, ConnectionStatus, ConnectionStore, Inserted};
use opssight_core::delivery::dora::DeploymentRow;
use opssight_core::delivery::{
    Change, ChangeQuery, DeliveryStore, Deployment, DeploymentQuery, Evidence, EvidenceQuery, LedgerRow, MetricsQuery,
};
use opssight_core::error::StoreError;
use opssight_core::events::{Bus, Event, EventLog, Listener, Topic};
use opssight_core::feeds::{FeedStore, LeasedFeed, Pulled};
use opssight_core::hooks::{
    Accepted, Delivery, DeliveryBody, DeliveryQuery, Inbox, LeasedDelivery, Leasing, NewDelivery, Rejection, Settlement,
};
use opssight_core::id::{ApiKeyId, PersonId};
use opssight_core::id::{ChangeId, ConnectionId, DeliveryId, DeploymentId, PluginId, RunId};
use opssight_core::identity::{ApiKey, IdentityStore, KeyStore, SecretHash, Session};
use opssight_core::ingest::{Applied, Effect, Ingest};
use opssight_core::limits::{Bucket, Decision, RateLimiter, Rule};
use opssight_core::page::{Page, PageOf};
use opssight_core::pipelines::{FlakyJob, Overview, PipelineSummary, Run, RunDetail, RunQuery, RunStore};
use opssight_core::plugins::{
    ActionInvocation, ActionOutcome, CallError, CallTarget, Called, CredentialSource, Credentials, FailureClass,
    FaultSource, Grants, HealthReport, InstalledPlugin, LogLine, Manifest, PageRequest, Plugins, PullBatch,
    RawDelivery, Reception, VerifyError, Wants, WebhookDelivery,
};
use opssight_core::time::{Clock, Randomness, Timestamp};
use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::watch;

pub(crate) const SECRET: &str = "opsadmin_test";

pub(crate) struct Stubs {
    pub(crate) now: AtomicI64,
    drawn: AtomicU64,
    pub(crate) connection: Mutex<Connection>,
    pub(crate) accepted: Mutex<Vec<NewDelivery>>,
    pub(crate) rejected: Mutex<Vec<Rejection>>,
    pub(crate) sessions: Mutex<Vec<Session>>,
    keys: Mutex<Vec<(SecretHash, ApiKey)>>,
    pub(super) people: People,
    pub(crate) log: Mutex<Vec<Event>>,
    pub(crate) failing: Mutex<bool>,
    buckets: Mutex<HashMap<String, Bucket>>,
    woken: watch::Sender<u64>,
}

impl Default for Stubs {
    fn default() -> Self {
        let connection = Connection {
            id: "github-1".into(),
            name: "GitHub".to_owned(),
            plugin: "github".into(),
            digest: None,
            enabled: true,
            settings: Arc::new(serde_json::json!({})),
            grants: Arc::default(),
            created_at: Timestamp(1),
            updated_at: Timestamp(7),
        };
        Self {
            now: AtomicI64::new(1_767_225_600_000_000),
            drawn: AtomicU64::new(0),
            connection: Mutex::new(connection),
            accepted: Mutex::default(),
            rejected: Mutex::default(),
            sessions: Mutex::default(),
            keys: Mutex::default(),
            people: People::default(),
            log: Mutex::default(),
            failing: Mutex::new(false),
            buckets: Mutex::default(),
            woken: watch::Sender::new(0),
        }
    }
}

impl Stubs {
    /// Something happens.
    pub(crate) fn happens(&self, seq: i64, subject: &str) {
        self.log.lock().unwrap().push(Event {
            seq,
            kind: "dev.cdevents.pipelinerun.started.0.3.0".to_owned(),
            connection: "github-1".into(),
            subject: subject.to_owned(),
            at: self.now(),
            data: serde_json::json!({}),
        });
        self.wake(Topic::Events);
    }
}

fn manifest() -> Manifest {
    serde_json::from_value(serde_json::json!({
        "id": "github", "version": "0.1.0", "contract": "1.0", "name": "GitHub", "publisher": "opssight",
        "description": "Runs.", "licence": "Apache-2.0",
        "credentials": [{ "name": "hook", "title": "Webhook secret", "schemes": [
            { "scheme": "hmac-sha256", "title": "Secret", "inputs": [{ "name": "secret", "title": "Secret", "secret": true }] }
        ] }],
        "webhook": {
            "credential": "hook", "headers": ["x-event"], "delivery_id": "x-delivery", "event": "x-event",
            "verification": { "scheme": "hmac-sha256", "header": "x-signature", "encoding": "hex", "input": "secret" }
        },
        "feeds": [{ "name": "runs", "title": "Runs", "every_secs": 60, "priority": "live" }]
    }))
    .unwrap()
}

fn page<T>(items: Vec<T>) -> Result<Page<T>, StoreError> {
    Ok(Page { items, next: None })
}

fn refused(target: &CallTarget) -> CallError {
    CallError {
        plugin: target.plugin.clone(),
        version: "0.1.0".to_owned(),
        connection: target.connection.clone(),
        fault: FaultSource::Upstream,
        class: FailureClass::Auth,
        code: "github.bad-credentials".to_owned(),
        message: "GitHub refused the token".to_owned(),
        retry_after_ms: None,
    }
}

impl Clock for Stubs {
    fn now(&self) -> Timestamp {
        Timestamp(self.now.load(Ordering::SeqCst))
    }
}

impl Randomness for Stubs {
    fn fill(&self, bytes: &mut [u8]) {
        let drawn = self.drawn.fetch_add(1, Ordering::SeqCst).to_be_bytes();
        bytes.iter_mut().zip(drawn.iter().rev().cycle()).for_each(|(byte, drawn)| *byte = *drawn);
    }
}

#[async_trait]
impl RateLimiter for Stubs {
    async fn take(&self, key: &str, rule: Rule) -> Decision {
        let now = self.now().0.unsigned_abs();
        let mut buckets = self.buckets.lock().unwrap();
        buckets.entry(key.to_owned()).or_insert_with(|| Bucket::full(rule, now)).take(rule, now)
    }
}

struct Woken(watch::Receiver<u64>);

#[async_trait]
impl Listener for Woken {
    async fn woken(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[async_trait]
impl Bus for Stubs {
    fn wake(&self, _: Topic) {
        self.woken.send_modify(|n| *n += 1);
    }

    fn listen(&self, _: Topic) -> Box<dyn Listener> {
        Box::new(Woken(self.woken.subscribe()))
    }
}

#[async_trait]
impl EventLog for Stubs {
    async fn after(&self, seq: i64, limit: u32) -> Result<Vec<Event>, StoreError> {
        let log = self.log.lock().unwrap();
        Ok(log.iter().filter(|event| event.seq > seq).take(limit as usize).cloned().collect())
    }

    async fn bounds(&self) -> Result<(i64, i64), StoreError> {
        let log = self.log.lock().unwrap();
        Ok((log.first().map_or(0, |event| event.seq), log.last().map_or(0, |event| event.seq)))
    }
}

#[async_trait]
impl Inbox for Stubs {
    async fn accept(&self, delivery: NewDelivery) -> Result<Accepted, StoreError> {
        let mut accepted = self.accepted.lock().unwrap();
        let duplicate = accepted.iter().any(|known| known.upstream_id == delivery.upstream_id);
        let id = DeliveryId(format!("dlv_{}", delivery.upstream_id));
        if !duplicate {
            accepted.push(delivery);
        }
        Ok(Accepted { id, duplicate })
    }
    async fn reject(&self, rejection: Rejection) -> Result<(), StoreError> {
        self.rejected.lock().unwrap().push(rejection);
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
        Ok(0)
    }
    async fn deliveries(&self, _: &DeliveryQuery) -> Result<Page<Delivery>, StoreError> {
        Err(StoreError::new("list the deliveries", "disk on fire at /var/lib/opssight"))
    }
    async fn delivery(&self, _: &DeliveryId) -> Result<Option<(Delivery, DeliveryBody)>, StoreError> {
        Ok(None)
    }
}

#[async_trait]
impl ConnectionStore for Stubs {
    async fn insert(&self, _: &Connection, _: &Credentials, _: &[String]) -> Result<Inserted, StoreError> {
        Ok(Inserted::Kept)
    }
    async fn update(&self, new: &Connection, _: Option<&Credentials>, _: Timestamp) -> Result<bool, StoreError> {
        *self.connection.lock().unwrap() = new.clone();
        Ok(true)
    }
    async fn remove(&self, _: &ConnectionId) -> Result<bool, StoreError> {
        Ok(true)
    }
    async fn connection(&self, id: &ConnectionId) -> Result<Option<Connection>, StoreError> {
        let connection = self.connection.lock().unwrap().clone();
        Ok((connection.id == *id).then_some(connection))
    }
    async fn connections(&self, _: Option<&PluginId>, _: &PageOf) -> Result<Page<Connection>, StoreError> {
        page(vec![self.connection.lock().unwrap().clone()])
    }
    async fn status(&self, _: &ConnectionId) -> Result<ConnectionStatus, StoreError> {
        Ok(ConnectionStatus { failed: 2, ..ConnectionStatus::default() })
    }
    async fn claim_check(&self, _: &ConnectionId, _: Timestamp, _: Timestamp) -> Result<bool, StoreError> {
        Ok(true)
    }
    async fn checked(&self, _: &ConnectionId, _: &CheckOutcome) -> Result<(), StoreError> {
        Ok(())
    }
}

#[async_trait]
impl CredentialSource for Stubs {
    async fn credentials(&self, _: &ConnectionId) -> Result<Credentials, StoreError> {
        Ok(serde_json::from_value(serde_json::json!({
            "hook": { "scheme": "hmac-sha256", "inputs": { "secret": "the-webhook-secret" } }
        }))
        .unwrap())
    }
}

#[async_trait]
impl Plugins for Stubs {
    fn installed(&self) -> Vec<InstalledPlugin> {
        Vec::new()
    }
    fn find(&self, plugin: &PluginId) -> Option<InstalledPlugin> {
        assert_ne!(plugin.as_str(), "broken", "detail-of-the-panic");
        None
    }
    fn wants(&self, _: &PluginId, _: Option<&str>) -> Option<Wants> {
        Some(Wants::of(&manifest(), &["opssight:plugin/state@1.0.0".to_owned()]))
    }
    fn manifest(&self, plugin: &PluginId, _: Option<&str>) -> Option<Arc<Manifest>> {
        (plugin.as_str() == "github").then(|| Arc::new(manifest()))
    }
    fn log(&self, _: &PluginId) -> Vec<LogLine> {
        Vec::new()
    }
    fn verify(&self, _: &CallTarget, _: &Credentials, delivery: &RawDelivery<'_>) -> Result<(), VerifyError> {
        match delivery.headers.iter().find(|(name, _)| name == "x-signature").map(|(_, value)| value.as_str()) {
            Some("good") => Ok(()),
            Some(_) => Err(VerifyError::Mismatch),
            None => Err(VerifyError::Missing),
        }
    }
    async fn receive(&self, target: &CallTarget, _: WebhookDelivery) -> Result<Called<Reception>, CallError> {
        Err(refused(target))
    }
    async fn pull(
        &self,
        target: &CallTarget,
        _: &str,
        _: Option<String>,
        _: PageRequest,
    ) -> Result<Called<PullBatch>, CallError> {
        Err(refused(target))
    }
    async fn act(&self, target: &CallTarget, _: ActionInvocation) -> Result<Called<ActionOutcome>, CallError> {
        Err(refused(target))
    }
    async fn check(&self, target: &CallTarget) -> Result<Called<HealthReport>, CallError> {
        Err(refused(target))
    }
    fn forget(&self, _: &ConnectionId) {}
    fn regrant(&self, _: &ConnectionId, _: &Arc<Grants>) {}
}

#[async_trait]
impl IdentityStore for Stubs {
    async fn bootstrap(&self, _: &SecretHash, _: Timestamp) -> Result<bool, StoreError> {
        Ok(false)
    }
    async fn reset(&self, _: &SecretHash, _: Timestamp) -> Result<(), StoreError> {
        Ok(())
    }
    async fn is_admin(&self, secret: &SecretHash) -> Result<bool, StoreError> {
        Ok(*secret == SecretHash::of(SECRET))
    }
    async fn insert_session(&self, session: &Session, _: Timestamp) -> Result<(), StoreError> {
        self.sessions.lock().unwrap().push(session.clone());
        Ok(())
    }
    async fn session(&self, token: &SecretHash, now: Timestamp) -> Result<Option<Session>, StoreError> {
        let sessions = self.sessions.lock().unwrap();
        Ok(sessions.iter().find(|session| session.token == *token && session.expires_at > now).cloned())
    }
    async fn delete_session(&self, token: &SecretHash) -> Result<(), StoreError> {
        self.sessions.lock().unwrap().retain(|session| session.token != *token);
        Ok(())
    }
    async fn sessions(&self, owner: Option<&PersonId>, now: Timestamp) -> Result<Vec<Session>, StoreError> {
        let sessions = self.sessions.lock().unwrap();
        let of =
            |session: &&Session| session.owner.as_ref().map(|owner| &owner.id) == owner && session.expires_at > now;
        Ok(sessions.iter().filter(of).cloned().collect())
    }
}

#[async_trait]
impl KeyStore for Stubs {
    async fn insert_key(&self, key: &ApiKey, secret: &SecretHash) -> Result<bool, StoreError> {
        let mut keys = self.keys.lock().unwrap();
        let is_new = keys.iter().all(|(_, kept)| kept.name != key.name);
        if is_new {
            keys.push((secret.clone(), key.clone()));
        }
        Ok(is_new)
    }
    async fn api_keys(&self) -> Result<Vec<ApiKey>, StoreError> {
        Ok(self.keys.lock().unwrap().iter().map(|(_, key)| key.clone()).collect())
    }
    async fn key_of(&self, secret: &SecretHash) -> Result<Option<ApiKey>, StoreError> {
        let keys = self.keys.lock().unwrap();
        Ok(keys.iter().find(|(hash, _)| hash == secret).map(|(_, key)| key.clone()))
    }
    async fn key_was_used(&self, id: &ApiKeyId, at: Timestamp) -> Result<(), StoreError> {
        let mut keys = self.keys.lock().unwrap();
        keys.iter_mut().filter(|(_, key)| key.id == *id).for_each(|(_, key)| key.last_used_at = Some(at));
        Ok(())
    }
    async fn delete_key(&self, id: &ApiKeyId) -> Result<bool, StoreError> {
        let mut keys = self.keys.lock().unwrap();
        let before = keys.len();
        keys.retain(|(_, key)| key.id != *id);
        Ok(keys.len() < before)
    }
}

#[async_trait]
impl FeedStore for Stubs {
    async fn lease_feeds(&self, _: &Leasing) -> Result<Vec<LeasedFeed>, StoreError> {
        Ok(Vec::new())
    }
    async fn settle_feed(&self, _: &LeasedFeed, _: Timestamp, _: Pulled) -> Result<Option<Applied>, StoreError> {
        Ok(None)
    }
    async fn hurry(&self, _: &ConnectionId, _: Timestamp) -> Result<bool, StoreError> {
        Ok(true)
    }
    async fn declare_feeds(&self, _: &ConnectionId, _: &[String], _: Timestamp) -> Result<(), StoreError> {
        Ok(())
    }
}

#[async_trait]
impl Ingest for Stubs {
    async fn apply(&self, _: Effect) -> Result<Applied, StoreError> {
        Ok(Applied::default())
    }
}

#[async_trait]
impl RunStore for Stubs {
    async fn runs(&self, _: &RunQuery) -> Result<Page<Run>, StoreError> {
        page(Vec::new())
    }
    async fn run(&self, _: &RunId) -> Result<Option<RunDetail>, StoreError> {
        Ok(None)
    }
    async fn pipelines(&self, _: Option<&str>, _: Timestamp) -> Result<Vec<PipelineSummary>, StoreError> {
        Ok(Vec::new())
    }
    async fn flaky_jobs(&self, _: Option<&str>, _: Timestamp) -> Result<Vec<FlakyJob>, StoreError> {
        Ok(Vec::new())
    }
    async fn overview(&self, _: Timestamp) -> Result<Overview, StoreError> {
        Ok(Overview { runs: 4, passed: 3, failed: 1, ..Overview::default() })
    }
}

#[async_trait]
impl DeliveryStore for Stubs {
    async fn deployments(&self, _: &DeploymentQuery) -> Result<Page<Deployment>, StoreError> {
        page(Vec::new())
    }
    async fn deployment(&self, _: &DeploymentId) -> Result<Option<(Deployment, Option<DeploymentRow>)>, StoreError> {
        Ok(None)
    }
    async fn changes(&self, _: &ChangeQuery) -> Result<Page<Change>, StoreError> {
        page(Vec::new())
    }
    async fn change(&self, _: &ChangeId) -> Result<Option<Change>, StoreError> {
        Ok(None)
    }
    async fn ledger(&self, _: &MetricsQuery) -> Result<Vec<LedgerRow>, StoreError> {
        Ok(Vec::new())
    }
    async fn evidence(&self, _: &EvidenceQuery) -> Result<Page<Evidence>, StoreError> {
        page(Vec::new())
    }
    async fn follow(&self, _: u32) -> Result<u32, StoreError> {
        Ok(0)
    }
    async fn recompute(&self, _: &MetricsQuery) -> Result<Vec<LedgerRow>, StoreError> {
        Ok(Vec::new())
    }
}
