//! A connection that is made, or changed, while its plugin is updated.

use crate::idle::{NoNews, not_called};
use async_trait::async_trait;
use opssight_core::connections::{
    CheckOutcome, Connection, ConnectionError, ConnectionStatus, ConnectionStore, Connections, Inserted, NewConnection,
    Patch,
};
use opssight_core::error::StoreError;
use opssight_core::events::{Bus, Listener, Topic};
use opssight_core::id::{ConnectionId, PluginId};
use opssight_core::page::{Page, PageOf};
use opssight_core::plugins::{
    ActionInvocation, ActionOutcome, CallError, CallTarget, Called, CredentialSource, Credentials, Grants,
    HealthReport, InstalledPlugin, LogLine, Manifest, PageRequest, PluginStats, Plugins, PullBatch, RawDelivery,
    Reception, VerifyError, Wants, WebhookDelivery,
};
use opssight_core::time::{Clock, Randomness, Timestamp};
use serde_json::json;
use std::collections::{BTreeMap, VecDeque};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

/// The digest of a version, or none.
type Answer = Option<&'static str>;

/// A house in which the runtime runs one version and the store says, each time it is asked, which one is kept as the
/// one that runs.
#[derive(Default)]
struct House {
    answers: Mutex<VecDeque<Answer>>,
    kept: Mutex<Option<(Connection, Vec<String>)>>,
}

const RUNS: &str = "sha256:1";

impl House {
    fn making(answers: &[Answer]) -> Arc<Self> {
        Arc::new(Self { answers: Mutex::new(answers.iter().copied().collect()), ..Self::default() })
    }

    fn desk(self: &Arc<Self>) -> Connections {
        Connections {
            store: self.clone(),
            plugins: self.clone(),
            credentials: self.clone(),
            bus: self.clone(),
            clock: self.clone(),
            random: self.clone(),
        }
    }

    fn make(self: &Arc<Self>, consent: Option<&str>) -> Result<Connection, ConnectionError> {
        let new = NewConnection {
            name: "CI".to_owned(),
            plugin: "ci".into(),
            settings: json!({}),
            credentials: Credentials::new(),
            grants: Grants::default(),
            consent: consent.map(str::to_owned),
        };
        at_once(self.desk().make(new)).map(|made| made.connection)
    }
}

fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("a fake never waits"),
    }
}

/// Each version has a feed of its own.
fn manifest(digest: Option<&str>) -> Manifest {
    let feed = digest.unwrap_or("sha256:none").replace("sha256:", "feed");
    serde_json::from_value(json!({
        "id": "ci", "version": "1.0.0", "contract": "1.0", "name": "CI", "publisher": "acme", "description": "d",
        "licence": "MIT",
        "feeds": [{ "name": feed, "title": "Runs", "every_secs": 60, "priority": "live" }],
    }))
    .unwrap()
}

#[test]
fn a_connection_ends_on_the_version_that_runs_when_it_is_kept() {
    // What the store says, one answer a try; and what is kept.
    let cases: [(&[Answer], Answer, &str); 5] = [
        (&[Some("sha256:1")], Some("sha256:1"), "feed1"),
        (&[Some("sha256:2"), Some("sha256:2")], Some("sha256:2"), "feed2"),
        (&[Some("sha256:2"), Some("sha256:3"), Some("sha256:3")], Some("sha256:3"), "feed3"),
        // It was revoked meanwhile: it runs what comes next, as its plugin's other connections do.
        (&[None], None, "feednone"),
        (&[None, Some("sha256:2"), Some("sha256:2")], Some("sha256:2"), "feed2"),
    ];
    for (answers, digest, feed) in cases {
        let house = House::making(answers);
        let made = house.make(None).unwrap();
        assert_eq!(made.digest.as_deref(), digest, "{answers:?}");
        let (kept, feeds) = house.kept.lock().unwrap().clone().unwrap();
        assert_eq!((kept, feeds), (made, vec![feed.to_owned()]), "{answers:?}");
    }
}

#[test]
fn who_agreed_to_one_version_gets_no_other() {
    let house = House::making(&[Some("sha256:2")]);
    match house.make(Some(RUNS)).unwrap_err() {
        ConnectionError::ConsentStale { agreed, active, .. } => {
            assert_eq!((agreed.as_str(), active.as_str()), (RUNS, "sha256:2"));
        }
        other => panic!("{other}"),
    }
    assert!(house.kept.lock().unwrap().is_none());
}

/// With no version in its place the connection would be for whatever is installed next.
#[test]
fn who_agreed_to_a_version_that_was_stopped_gets_none() {
    let house = House::making(&[None, None]);
    let error = house.make(Some(RUNS)).unwrap_err();
    assert!(matches!(error, ConnectionError::Conflict(why) if why.contains("was stopped")), "{error}");
    assert!(house.kept.lock().unwrap().is_none());
}

#[test]
fn a_plugin_that_never_stands_still_is_told_and_not_waited_for() {
    let house = House::making(&[Some("sha256:2"), Some("sha256:3"), Some("sha256:2"), Some("sha256:3")]);
    let error = house.make(None).unwrap_err();
    assert!(matches!(error, ConnectionError::Conflict(_)), "{error}");
    assert!(error.to_string().contains("try again"), "{error}");
}

/// A house with a connection, and what the store says of its version whenever it is changed.
fn changing(answers: &[Answer]) -> (Arc<House>, Connection) {
    let house = House::making(&[Some(RUNS)]);
    let made = house.make(None).unwrap();
    house.answers.lock().unwrap().extend(answers);
    (house, made)
}

#[test]
fn what_was_decided_about_the_version_before_is_looked_at_again() {
    let patches = [
        Patch { grants: Some(Grants::default()), ..Patch::default() },
        Patch { settings: Some(json!({})), name: Some("CD".to_owned()), ..Patch::default() },
    ];
    for patch in patches {
        for runs in [Some("sha256:2"), None] {
            // The plugin is updated, or stopped, between the judgement and the change.
            let (house, made) = changing(&[runs]);
            let error = at_once(house.desk().change(&made.id, patch.clone())).unwrap_err();
            assert!(matches!(error, ConnectionError::PluginChanged), "{patch:?} {runs:?}: {error}");
            let changed = at_once(house.desk().change(&made.id, patch.clone())).unwrap().connection;
            assert_eq!(changed.digest.as_deref(), runs, "{patch:?}");
        }
    }
}

#[test]
fn a_name_or_a_switch_is_changed_whatever_version_runs() {
    let patches =
        [Patch { name: Some("CD".to_owned()), ..Patch::default() }, Patch { enabled: Some(false), ..Patch::default() }];
    for patch in patches {
        for answers in [&[Some("sha256:2")][..], &[None], &[Some("sha256:2"), Some("sha256:3")]] {
            let (house, made) = changing(answers);
            let changed = at_once(house.desk().change(&made.id, patch.clone())).unwrap().connection;
            assert_eq!(changed.digest.as_deref(), answers[answers.len() - 1], "{patch:?} {answers:?}");
            assert_eq!(changed.name, patch.name.clone().unwrap_or(made.name), "{answers:?}");
            assert_eq!(changed.enabled, patch.enabled.unwrap_or(true), "{answers:?}");
            assert_eq!(house.kept.lock().unwrap().as_ref().unwrap().0, changed, "{answers:?}");
        }
    }
}

#[test]
fn a_change_of_what_never_stands_still_is_told_and_not_waited_for() {
    let (house, made) = changing(&[Some("sha256:2"), Some("sha256:3"), Some("sha256:2"), Some("sha256:3")]);
    let patch = Patch { enabled: Some(false), ..Patch::default() };
    let error = at_once(house.desk().change(&made.id, patch)).unwrap_err();
    assert!(matches!(error, ConnectionError::Conflict(why) if why.contains("try again")), "{error}");
    assert!(house.kept.lock().unwrap().as_ref().unwrap().0.enabled);
}

fn not_asked<T>() -> Result<T, StoreError> {
    Err(StoreError::new("do what no rule here asks for", "a fake"))
}

#[async_trait]
impl ConnectionStore for House {
    async fn insert(&self, new: &Connection, _: &Credentials, feeds: &[String]) -> Result<Inserted, StoreError> {
        let runs = self.answers.lock().unwrap().pop_front().flatten();
        if new.digest.as_deref() != runs {
            return Ok(Inserted::OtherVersion(runs.map(str::to_owned)));
        }
        *self.kept.lock().unwrap() = Some((new.clone(), feeds.to_vec()));
        Ok(Inserted::Kept)
    }
    async fn update(&self, new: &Connection, _: Option<&Credentials>, was: Timestamp) -> Result<bool, StoreError> {
        let mut kept = self.kept.lock().unwrap();
        let Some((kept, _)) = kept.as_mut() else { return Ok(false) };
        if let Some(runs) = self.answers.lock().unwrap().pop_front() {
            kept.digest = runs.map(Into::into);
        }
        if kept.updated_at != was || kept.digest != new.digest {
            return Ok(false);
        }
        *kept = new.clone();
        Ok(true)
    }
    async fn remove(&self, _: &ConnectionId) -> Result<bool, StoreError> {
        not_asked()
    }
    async fn connection(&self, _: &ConnectionId) -> Result<Option<Connection>, StoreError> {
        Ok(self.kept.lock().unwrap().as_ref().map(|(kept, _)| kept.clone()))
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
impl CredentialSource for House {
    async fn credentials(&self, _: &ConnectionId) -> Result<Credentials, StoreError> {
        Ok(Credentials::new())
    }
}

impl Clock for House {
    fn now(&self) -> Timestamp {
        Timestamp(1_763_800_000_000_000)
    }
}

impl Randomness for House {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

impl Bus for House {
    fn wake(&self, _: Topic) {}
    fn listen(&self, _: Topic) -> Box<dyn Listener> {
        Box::new(NoNews)
    }
}

#[async_trait]
impl Plugins for House {
    fn installed(&self) -> Vec<InstalledPlugin> {
        Vec::new()
    }
    fn find(&self, _: &PluginId) -> Option<InstalledPlugin> {
        Some(InstalledPlugin {
            manifest: Arc::new(manifest(Some(RUNS))),
            digest: RUNS.to_owned(),
            size: 1,
            imports: Vec::new(),
            exports: Vec::new(),
            budgets: BTreeMap::new(),
            stats: PluginStats::default(),
        })
    }
    fn manifest(&self, _: &PluginId, digest: Option<&str>) -> Option<Arc<Manifest>> {
        Some(Arc::new(manifest(digest)))
    }
    fn wants(&self, _: &PluginId, digest: Option<&str>) -> Option<Wants> {
        Some(Wants::of(&manifest(digest), &[]))
    }
    fn log(&self, _: &PluginId) -> Vec<LogLine> {
        Vec::new()
    }
    fn verify(&self, _: &CallTarget, _: &Credentials, _: &RawDelivery<'_>) -> Result<(), VerifyError> {
        Err(VerifyError::NotReceiving)
    }
    async fn receive(&self, target: &CallTarget, _: WebhookDelivery) -> Result<Called<Reception>, CallError> {
        Err(not_called(target))
    }
    async fn pull(
        &self,
        target: &CallTarget,
        _: &str,
        _: Option<String>,
        _: PageRequest,
    ) -> Result<Called<PullBatch>, CallError> {
        Err(not_called(target))
    }
    async fn act(&self, target: &CallTarget, _: ActionInvocation) -> Result<Called<ActionOutcome>, CallError> {
        Err(not_called(target))
    }
    async fn check(&self, target: &CallTarget) -> Result<Called<HealthReport>, CallError> {
        Err(not_called(target))
    }
    fn forget(&self, _: &ConnectionId) {}
    fn regrant(&self, _: &ConnectionId, _: &Arc<Grants>) {}
}
