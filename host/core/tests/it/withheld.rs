//! What a connection withholds is not asked of its plugin: a feed rests and says why, an action is refused.

use async_trait::async_trait;
use opssight_core::actions::{ActionError, Actions};
use opssight_core::connections::{CheckOutcome, Connection, ConnectionStatus, ConnectionStore, Inserted};
use opssight_core::error::{Kind, StoreError};
use opssight_core::feeds::{FeedStore, LeasedFeed, Pulled, Puller};
use opssight_core::hooks::{Leasing, Retry};
use opssight_core::id::{ConnectionId, PluginId, RunId};
use opssight_core::ingest::{Applied, Effect, Ingest};
use opssight_core::page::{Page, PageOf};
use opssight_core::pipelines::{FlakyJob, Overview, PipelineSummary, Run, RunDetail, RunQuery, RunStore};
use opssight_core::plugins::{
    ActionInvocation, ActionOutcome, CallError, CallTarget, CallUsage, Called, Credentials, Grants, HealthReport,
    InstalledPlugin, LogLine, Manifest, PageRequest, Plugins, PullBatch, RawDelivery, Reception, VerifyError, Wants,
    WebhookDelivery,
};
use opssight_core::time::{Clock, Timestamp};
use serde_json::json;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

/// One connection with one feed and one action, whose plugin answers everything with nothing.
#[derive(Default)]
struct House {
    withheld: Mutex<Vec<&'static str>>,
    calls: Mutex<Vec<String>>,
    settled: Mutex<Vec<Pulled>>,
}

const NOW: Timestamp = Timestamp(1_763_800_000_000_000);

fn not_asked<T>() -> Result<T, StoreError> {
    Err(StoreError::new("do what no rule here asks for", "a fake"))
}

fn called<T>(value: T) -> Called<T> {
    Called { value, state: Vec::new(), usage: CallUsage::default() }
}

fn manifest() -> Manifest {
    serde_json::from_value(json!({
        "id": "ci", "version": "1.0.0", "contract": "1.0", "name": "CI", "publisher": "acme", "description": "d",
        "licence": "MIT",
        "feeds": [{ "name": "runs", "title": "Runs", "every_secs": 60, "priority": "live" }],
        "actions": [{ "name": "rerun", "title": "r", "description": "d", "subject": "connection", "role": "operator",
            "danger": "safe", "input": { "type": "object" } }],
    }))
    .unwrap()
}

impl House {
    fn withholding(ability: Option<&'static str>) -> Arc<Self> {
        let house = Self::default();
        house.withheld.lock().unwrap().extend(ability);
        Arc::new(house)
    }

    fn pull(self: &Arc<Self>) {
        let puller = Puller {
            feeds: self.clone(),
            connections: self.clone(),
            plugins: self.clone(),
            clock: self.clone(),
            retry: Retry::default(),
        };
        let leased = LeasedFeed {
            connection: "ci-1".into(),
            feed: "runs".to_owned(),
            fence: 1,
            checkpoint: None,
            cursor: None,
            failures: 0,
        };
        at_once(puller.pull(leased)).unwrap();
    }

    fn act(self: &Arc<Self>) -> Result<(), ActionError> {
        let actions = Actions {
            connections: self.clone(),
            plugins: self.clone(),
            runs: self.clone(),
            ingest: self.clone(),
            clock: self.clone(),
        };
        at_once(actions.act(&"ci-1".into(), "rerun", json!({}), "ann", "key")).map(|_| ())
    }
}

/// Nothing here waits.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("a fake never waits"),
    }
}

#[test]
fn a_feed_that_is_withheld_rests_and_says_why() {
    let house = House::withholding(Some("pull runs"));
    house.pull();
    assert!(house.calls.lock().unwrap().is_empty());
    match &house.settled.lock().unwrap()[..] {
        [Pulled::Failed { error, next_at }] => {
            assert!(error.starts_with("policy.withheld") && error.contains("runs"), "{error}");
            assert!(*next_at > NOW.plus_secs(60));
        }
        other => unreachable!("{other:?}"),
    }
    house.withheld.lock().unwrap().clear();
    house.pull();
    assert_eq!(*house.calls.lock().unwrap(), ["pull runs"], "given back, it is pulled again");
    assert!(matches!(house.settled.lock().unwrap()[1], Pulled::Page { .. }));
}

#[test]
fn an_action_that_is_withheld_is_refused_before_anybody_is_asked() {
    let house = House::withholding(Some("act rerun"));
    let error = house.act().unwrap_err();
    assert!(matches!(error, ActionError::Withheld { .. }), "{error}");
    assert_eq!(error.kind(), Kind::Conflict);
    assert!(house.calls.lock().unwrap().is_empty());
    let house = House::withholding(Some("act cancel"));
    house.act().unwrap();
    assert_eq!(*house.calls.lock().unwrap(), ["act rerun"]);
}

impl Clock for House {
    fn now(&self) -> Timestamp {
        NOW
    }
}

#[async_trait]
impl ConnectionStore for House {
    async fn insert(&self, _: &Connection, _: &Credentials, _: &[String]) -> Result<Inserted, StoreError> {
        not_asked()
    }
    async fn update(&self, _: &Connection, _: Option<&Credentials>, _: Timestamp) -> Result<bool, StoreError> {
        not_asked()
    }
    async fn remove(&self, _: &ConnectionId) -> Result<bool, StoreError> {
        not_asked()
    }
    async fn connection(&self, id: &ConnectionId) -> Result<Option<Connection>, StoreError> {
        let withheld = self.withheld.lock().unwrap().iter().map(ToString::to_string).collect();
        Ok(Some(Connection {
            id: id.clone(),
            name: "CI".to_owned(),
            plugin: "ci".into(),
            digest: None,
            enabled: true,
            settings: Arc::new(json!({})),
            grants: Arc::new(Grants { withheld, ..Grants::default() }),
            created_at: NOW,
            updated_at: NOW,
        }))
    }
    async fn connections(&self, _: Option<&PluginId>, _: &PageOf) -> Result<Page<Connection>, StoreError> {
        not_asked()
    }
    async fn status(&self, _: &ConnectionId) -> Result<ConnectionStatus, StoreError> {
        not_asked()
    }
    async fn claim_check(&self, _: &ConnectionId, _: Timestamp, _: Timestamp) -> Result<bool, StoreError> {
        not_asked()
    }
    async fn checked(&self, _: &ConnectionId, _: &CheckOutcome) -> Result<(), StoreError> {
        not_asked()
    }
}

#[async_trait]
impl Plugins for House {
    fn installed(&self) -> Vec<InstalledPlugin> {
        Vec::new()
    }
    fn find(&self, _: &PluginId) -> Option<InstalledPlugin> {
        None
    }
    fn manifest(&self, _: &PluginId, _: Option<&str>) -> Option<Arc<Manifest>> {
        Some(Arc::new(manifest()))
    }
    fn wants(&self, _: &PluginId, _: Option<&str>) -> Option<Wants> {
        Some(Wants::of(&manifest(), &[]))
    }
    fn log(&self, _: &PluginId) -> Vec<LogLine> {
        Vec::new()
    }
    fn verify(&self, _: &CallTarget, _: &Credentials, _: &RawDelivery<'_>) -> Result<(), VerifyError> {
        Err(VerifyError::NotReceiving)
    }
    async fn receive(&self, _: &CallTarget, _: WebhookDelivery) -> Result<Called<Reception>, CallError> {
        Ok(called(Reception::default()))
    }
    async fn pull(
        &self,
        _: &CallTarget,
        feed: &str,
        _: Option<String>,
        _: PageRequest,
    ) -> Result<Called<PullBatch>, CallError> {
        self.calls.lock().unwrap().push(format!("pull {feed}"));
        Ok(called(PullBatch::default()))
    }
    async fn act(&self, _: &CallTarget, what: ActionInvocation) -> Result<Called<ActionOutcome>, CallError> {
        self.calls.lock().unwrap().push(format!("act {}", what.name));
        Ok(called(ActionOutcome { output: "{}".to_owned(), items: Vec::new() }))
    }
    async fn check(&self, _: &CallTarget) -> Result<Called<HealthReport>, CallError> {
        Ok(called(HealthReport { summary: String::new(), attrs: Vec::new() }))
    }
    fn forget(&self, _: &ConnectionId) {}
    fn regrant(&self, _: &ConnectionId, _: &Arc<Grants>) {}
}

#[async_trait]
impl FeedStore for House {
    async fn lease_feeds(&self, _: &Leasing) -> Result<Vec<LeasedFeed>, StoreError> {
        not_asked()
    }
    async fn settle_feed(&self, _: &LeasedFeed, _: Timestamp, how: Pulled) -> Result<Option<Applied>, StoreError> {
        self.settled.lock().unwrap().push(how);
        Ok(None)
    }
    async fn hurry(&self, _: &ConnectionId, _: Timestamp) -> Result<bool, StoreError> {
        not_asked()
    }
    async fn declare_feeds(&self, _: &ConnectionId, _: &[String], _: Timestamp) -> Result<(), StoreError> {
        not_asked()
    }
}

#[async_trait]
impl Ingest for House {
    async fn apply(&self, _: Effect) -> Result<Applied, StoreError> {
        Ok(Applied::default())
    }
}

#[async_trait]
impl RunStore for House {
    async fn runs(&self, _: &RunQuery) -> Result<Page<Run>, StoreError> {
        not_asked()
    }
    async fn run(&self, _: &RunId) -> Result<Option<RunDetail>, StoreError> {
        not_asked()
    }
    async fn pipelines(&self, _: Option<&str>, _: Timestamp) -> Result<Vec<PipelineSummary>, StoreError> {
        not_asked()
    }
    async fn flaky_jobs(&self, _: Option<&str>, _: Timestamp) -> Result<Vec<FlakyJob>, StoreError> {
        not_asked()
    }
    async fn overview(&self, _: Timestamp) -> Result<Overview, StoreError> {
        not_asked()
    }
}
