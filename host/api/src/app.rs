//! What the API is given to work with. The composition root fills this in; nothing here makes an adapter.

use async_trait::async_trait;
use metrics_exporter_prometheus::PrometheusHandle;
use opssight_core::actions::Actions;
use opssight_core::connections::Connections;
use opssight_core::delivery::DeliveryStore;
use opssight_core::events::{Bus, EventLog};
use opssight_core::feeds::FeedStore;
use opssight_core::hooks::{Hooks, Inbox};
use opssight_core::identity::Identity;
use opssight_core::limits::RateLimiter;
use opssight_core::metrics::SeriesStore;
use opssight_core::pipelines::RunStore;
use opssight_core::plugins::Plugins;
use opssight_core::plugins::catalogue::Catalogue;
use opssight_core::plugins::evidence::EvidenceStore;
use opssight_core::plugins::installs::Installs;
use opssight_core::time::{Clock, Randomness};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

/// Every port and service that a handler may use.
pub struct App {
    /// The door for deliveries.
    pub hooks: Hooks,
    /// The delivery log.
    pub inbox: Arc<dyn Inbox>,
    /// Wake-ups.
    pub bus: Arc<dyn Bus>,
    /// Connections, with their store.
    pub connections: Connections,
    /// What is pulled.
    pub feeds: Arc<dyn FeedStore>,
    /// Runs.
    pub runs: Arc<dyn RunStore>,
    /// Deployments, changes and the ledger.
    pub delivery: Arc<dyn DeliveryStore>,
    /// The event log.
    pub events: Arc<dyn EventLog>,
    /// The desk for actions.
    pub actions: Actions,
    /// Who may ask.
    pub identity: Identity,
    /// What is installed.
    pub plugins: Arc<dyn Plugins>,
    /// The desk where plugins are installed.
    pub installs: Installs,
    /// What can be installed; none where no places are configured.
    pub catalogue: Option<Arc<dyn Catalogue>>,
    /// Recorded calls of plugins.
    pub evidence: Arc<dyn EvidenceStore>,
    /// How often, for all hosts that share it.
    pub rates: Arc<dyn RateLimiter>,
    /// What was measured.
    pub series: Arc<dyn SeriesStore>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// New ids.
    pub random: Arc<dyn Randomness>,
    /// Limits and addresses.
    pub config: ApiConfig,
    /// Whether the host can do its work.
    pub readiness: Arc<dyn Readiness>,
    /// What `/metrics` shows.
    pub metrics: PrometheusHandle,
    /// The host's version, as `opssight --version` says it.
    pub version: String,
}

/// Limits and addresses of the API.
#[derive(Debug, Clone)]
pub struct ApiConfig {
    /// Largest body of a delivery, bytes.
    pub body_limit: u64,
    /// Memory that bodies on their way in may take together, bytes; beyond it deliveries are asked to come again.
    pub bodies_in_flight: u64,
    /// Which doors are open.
    pub doors: Doors,
    /// Deliveries per second and connection.
    pub hook_rate_per_second: NonZeroU32,
    /// Deliveries that may come at once after a quiet time, per connection.
    pub hook_burst: NonZeroU32,
    /// Address that people and upstreams reach this host by, behind a proxy: "https://ops.example.com".
    pub public_url: Option<url::Url>,
    /// Give the session cookie only over https. On wherever the public address is https.
    pub secure_cookie: bool,
    /// Live streams at once.
    pub live_streams: usize,
    /// Connections at once.
    pub sockets: usize,
    /// How long requests may still take once the host is told to stop.
    pub drain: Duration,
}

impl Default for ApiConfig {
    fn default() -> Self {
        Self {
            body_limit: 25 << 20,
            bodies_in_flight: 256 << 20,
            doors: Doors::default(),
            hook_rate_per_second: NonZeroU32::new(200).unwrap_or(NonZeroU32::MIN),
            hook_burst: NonZeroU32::new(2000).unwrap_or(NonZeroU32::MIN),
            public_url: None,
            secure_cookie: false,
            live_streams: 1000,
            sockets: 8192,
            drain: Duration::from_secs(20),
        }
    }
}

/// What this process answers to. Its health, its version and its figures are always there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Doors {
    /// The dashboard and the API.
    pub api: bool,
    /// Deliveries.
    pub hooks: bool,
}

impl Default for Doors {
    fn default() -> Self {
        Self { api: true, hooks: true }
    }
}

/// Whether the parts of this host can do their work.
#[async_trait]
pub trait Readiness: Send + Sync {
    /// Each part by name: a figure, or what is wrong. Cheap: it is asked every few seconds.
    async fn checks(&self) -> Vec<(String, Result<String, String>)>;
}
