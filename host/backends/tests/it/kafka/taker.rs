//! An inlet, and what it took: messages that say no id are named by where they stood.

use crate::connections::secret;
use crate::ports::{Ports, connection};
use async_trait::async_trait;
use opssight_backends::kafka::{InletOptions, InletStart, KafkaInlet, KafkaOptions, KafkaTopic};
use opssight_backends::{Link, SystemClock};
use opssight_core::connections::Inserted;
use opssight_core::hooks::{DeliveryQuery, Hooks};
use opssight_core::id::{ConnectionId, PluginId};
use opssight_core::page::PageOf;
use opssight_core::plugins::{
    ActionInvocation, ActionOutcome, CallError, CallTarget, Called, Credentials, Grants, HealthReport, InstalledPlugin,
    LogLine, Manifest, PageRequest, Plugins, PullBatch, RawDelivery, Reception, VerifyError, Wants, WebhookDelivery,
};
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// An inlet that runs, for a connection of its own in a group of its own.
pub(super) struct Taker {
    pub(super) link: Arc<Link>,
    connection: ConnectionId,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Taker {
    /// What it is called says whose connection and which group these are: the same name goes on where it was.
    pub(super) async fn start(
        ports: &Ports,
        options: &KafkaOptions,
        topic: &KafkaTopic,
        name: &str,
        start: InletStart,
    ) -> Self {
        let of = connection(name);
        let inserted = ports.connections.insert(&of, &secret("s"), &[]).await.unwrap();
        assert!(matches!(inserted, Inserted::Kept | Inserted::NameTaken), "{inserted:?}");
        let hooks = Hooks {
            inbox: ports.inbox.clone(),
            connections: ports.connections.clone(),
            plugins: Arc::new(Receiving),
            credentials: ports.credentials.clone(),
            bus: ports.bus.clone(),
            clock: Arc::new(SystemClock),
        };
        let inlet = InletOptions {
            topic: topic.clone(),
            group: group(topic, name),
            connection: of.id.clone(),
            body_limit: 1_000,
            start,
        };
        let (link, stop) = (Arc::new(Link::new(name)), CancellationToken::new());
        let inlet = KafkaInlet::new(options.clone(), inlet, hooks, link.clone());
        let task = tokio::spawn(inlet.run(stop.clone()));
        Self { link, connection: of.id, stop, task }
    }

    pub(super) async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }

    /// Where what it took stood, as `partition/offset`, once it took so many.
    pub(super) async fn took(&self, ports: &Ports, count: usize) -> BTreeSet<String> {
        // The broker of the tests takes up to half a minute for each member that joins a group.
        let deadline = Instant::now() + Duration::from_secs(120);
        loop {
            let mut query = DeliveryQuery { connection: Some(self.connection.clone()), ..DeliveryQuery::default() };
            query.page = PageOf { after: None, limit: 200 };
            let rows = ports.inbox.deliveries(&query).await.unwrap().items;
            if rows.len() >= count {
                return rows.iter().map(|row| stood(&row.upstream_id)).collect();
            }
            let name = self.link.name();
            assert!(Instant::now() < deadline, "{name} took {} of {count}: {:?}", rows.len(), self.link);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// The group of a taker.
pub(super) fn group(topic: &KafkaTopic, name: &str) -> String {
    format!("{}.{name}", topic.name)
}

/// `kafka:topic/0/7@1700000000000`: 0/7.
fn stood(id: &str) -> String {
    let place = id.split_once('/').unwrap_or_else(|| panic!("{id}")).1;
    place.split('@').next().unwrap().to_owned()
}

/// Takes deliveries, and is asked for nothing else.
struct Receiving;

fn not_asked() -> ! {
    panic!("a message that is taken asks for no such thing")
}

#[async_trait]
impl Plugins for Receiving {
    fn manifest(&self, _: &PluginId, _: Option<&str>) -> Option<Arc<Manifest>> {
        let verification =
            json!({ "scheme": "hmac-sha256", "header": "x-signature", "encoding": "hex", "input": "secret" });
        let manifest = json!({
            "id": "ci", "version": "1.0.0", "contract": "1.0", "name": "CI", "publisher": "acme", "description": "d",
            "licence": "MIT", "webhook": { "credential": "hook", "verification": verification, "headers": [] },
        });
        Some(Arc::new(serde_json::from_value(manifest).unwrap()))
    }
    fn installed(&self) -> Vec<InstalledPlugin> {
        not_asked()
    }
    fn find(&self, _: &PluginId) -> Option<InstalledPlugin> {
        not_asked()
    }
    fn wants(&self, _: &PluginId, _: Option<&str>) -> Option<Wants> {
        not_asked()
    }
    fn log(&self, _: &PluginId) -> Vec<LogLine> {
        not_asked()
    }
    fn verify(&self, _: &CallTarget, _: &Credentials, _: &RawDelivery<'_>) -> Result<(), VerifyError> {
        not_asked()
    }
    async fn receive(&self, _: &CallTarget, _: WebhookDelivery) -> Result<Called<Reception>, CallError> {
        not_asked()
    }
    async fn pull(
        &self,
        _: &CallTarget,
        _: &str,
        _: Option<String>,
        _: PageRequest,
    ) -> Result<Called<PullBatch>, CallError> {
        not_asked()
    }
    async fn act(&self, _: &CallTarget, _: ActionInvocation) -> Result<Called<ActionOutcome>, CallError> {
        not_asked()
    }
    async fn check(&self, _: &CallTarget) -> Result<Called<HealthReport>, CallError> {
        not_asked()
    }
    fn forget(&self, _: &ConnectionId) {}
    fn regrant(&self, _: &ConnectionId, _: &Arc<Grants>) {}
}
