//! The peer without a sandbox: the GitHub plugin's parser linked into the host, behind the same port.

use async_trait::async_trait;
use opssight_core::id::{ConnectionId, PluginId};
use opssight_core::plugins::{
    ActionInvocation, ActionOutcome, CallError, CallTarget, CallUsage, Called, Credentials, FailureClass, FaultSource,
    Grants, HealthReport, InstalledPlugin, LogLine, Manifest, PageRequest, Plugins, PullBatch, RawDelivery, RawItem,
    Reception, VerifyError, Wants, WebhookDelivery,
};
use opssight_core::time::Timestamp;
use opssight_plugin_github::parse::{self, Context};
use opssight_runtime::PluginHost;
use std::sync::Arc;

/// Everything is the real host's but the parsing of deliveries.
pub(crate) struct Native(pub(crate) Arc<PluginHost>);

/// What the plugin does, in process.
pub(crate) fn receive(delivery: &WebhookDelivery) -> Result<Reception, String> {
    let event = delivery.headers.iter().find(|(name, _)| name == "x-github-event").map_or("", |(_, value)| value);
    let context = Context { received_at: delivery.received_at.millis(), ..Context::default() };
    let reception = parse::delivery(event, &delivery.body, &context).map_err(|failure| failure.message)?;
    let items = reception.items.into_iter().map(|item| RawItem {
        id: item.id,
        kind: item.kind,
        at: Timestamp::from_millis(item.at),
        title: item.title,
        url: item.url,
        attrs: item.attrs,
        payload: item.payload,
    });
    Ok(Reception { items: items.collect(), note: reception.note })
}

#[async_trait]
impl Plugins for Native {
    fn installed(&self) -> Vec<InstalledPlugin> {
        self.0.installed()
    }

    fn find(&self, plugin: &PluginId) -> Option<InstalledPlugin> {
        self.0.find(plugin)
    }

    fn manifest(&self, plugin: &PluginId, digest: Option<&str>) -> Option<Arc<Manifest>> {
        self.0.manifest(plugin, digest)
    }

    fn wants(&self, plugin: &PluginId, digest: Option<&str>) -> Option<Wants> {
        self.0.wants(plugin, digest)
    }

    fn log(&self, plugin: &PluginId) -> Vec<LogLine> {
        self.0.log(plugin)
    }

    fn verify(
        &self,
        target: &CallTarget,
        credentials: &Credentials,
        delivery: &RawDelivery<'_>,
    ) -> Result<(), VerifyError> {
        self.0.verify(target, credentials, delivery)
    }

    async fn receive(&self, target: &CallTarget, delivery: WebhookDelivery) -> Result<Called<Reception>, CallError> {
        match receive(&delivery) {
            Ok(value) => Ok(Called { value, state: Vec::new(), usage: CallUsage::default() }),
            Err(message) => Err(CallError {
                plugin: target.plugin.clone(),
                version: String::new(),
                connection: target.connection.clone(),
                fault: FaultSource::Plugin,
                class: FailureClass::Internal,
                code: "native".to_owned(),
                message,
                retry_after_ms: None,
            }),
        }
    }

    async fn pull(
        &self,
        target: &CallTarget,
        feed: &str,
        checkpoint: Option<String>,
        page: PageRequest,
    ) -> Result<Called<PullBatch>, CallError> {
        self.0.pull(target, feed, checkpoint, page).await
    }

    async fn act(&self, target: &CallTarget, invocation: ActionInvocation) -> Result<Called<ActionOutcome>, CallError> {
        self.0.act(target, invocation).await
    }

    async fn check(&self, target: &CallTarget) -> Result<Called<HealthReport>, CallError> {
        self.0.check(target).await
    }

    fn forget(&self, connection: &ConnectionId) {
        self.0.forget(connection);
    }

    fn regrant(&self, connection: &ConnectionId, grants: &Arc<Grants>) {
        self.0.regrant(connection, grants);
    }
}
