//! Where records are played: an engine, and around it nothing. There is no network, no store and no secret that a
//! replay could reach, whatever it asks for.

use super::develop::develop;
use super::keep::Evidence;
use super::replay::ReplayError;
use super::tape::Tape;
use crate::budget::{GuestMemory, Kind};
use crate::calls::{self, Export};
use crate::config::UpstreamConfig;
use crate::context::{CallContext, Services};
use crate::egress::{Accounts, Resolver};
use crate::plugin::Plugin;
use crate::rate::Upstreams;
use crate::{error, imports};
use async_trait::async_trait;
use opssight_core::error::StoreError;
use opssight_core::id::ConnectionId;
use opssight_core::plugins::evidence::{CallRecord, Outcome};
use opssight_core::plugins::{CallPriority, CallTarget, CredentialSource, Credentials, PluginState};
use opssight_core::time::{Clock, Timestamp};
use std::net::IpAddr;
use std::sync::Arc;
use wasmtime::Engine;

pub(crate) struct Stage {
    engine: Engine,
    nothing: Arc<Services>,
}

impl Stage {
    /// None: the system has no randomness.
    pub(crate) fn new(engine: Engine, memory: Arc<GuestMemory>) -> Option<Self> {
        let nothing = Services {
            credentials: Arc::new(Nothing),
            state: Arc::new(Nothing),
            clock: Arc::new(Nothing),
            resolver: Arc::new(Nothing),
            accounts: Accounts::default(),
            notices: Arc::default(),
            upstreams: Upstreams::new()?,
            upstream: UpstreamConfig::default(),
            roots: Arc::default(),
            evidence: Evidence::off(),
            memory,
        };
        Some(Self { engine, nothing: Arc::new(nothing) })
    }

    /// Make a recorded call again on a version, and record it. A kind of call adds its line here.
    pub(crate) async fn play(&self, plugin: Arc<Plugin>, record: Arc<CallRecord>) -> Result<CallRecord, ReplayError> {
        let kind = Kind::ALL.into_iter().find(|kind| kind.name() == record.kind);
        match kind.ok_or_else(|| ReplayError::Kind(record.kind.clone()))? {
            Kind::Webhook => self.play_as::<calls::webhook::Receive>(plugin, record).await,
            Kind::Source => self.play_as::<calls::source::Pull>(plugin, record).await,
            Kind::Actions => self.play_as::<calls::actions::Act>(plugin, record).await,
            Kind::Health => self.play_as::<calls::health::Check>(plugin, record).await,
            Kind::Notifier => self.play_as::<calls::notifier::Notify>(plugin, record).await,
            Kind::Costs => self.play_as::<calls::costs::Fetch>(plugin, record).await,
            Kind::Inventory => self.play_as::<calls::inventory::ListResources>(plugin, record).await,
            Kind::Detector => self.play_as::<calls::detector::Detect>(plugin, record).await,
        }
    }

    async fn play_as<E: Export>(
        &self,
        plugin: Arc<Plugin>,
        record: Arc<CallRecord>,
    ) -> Result<CallRecord, ReplayError> {
        record.replayable()?;
        let export: E = serde_json::from_value(record.input.clone()).map_err(ReplayError::Input)?;
        let target = CallTarget {
            connection: record.connection.clone(),
            plugin: record.plugin.clone(),
            digest: None,
            settings: Arc::new(record.settings.clone()),
            grants: Arc::new(record.grants.clone()),
            priority: CallPriority::Live,
        };
        let mut call = CallContext::new(Arc::clone(&self.nothing), plugin, target, E::KIND);
        call.tape = Tape::playing(record);
        let call = Arc::new(call);
        let _running = call.plugin.enter();
        let outcome = calls::execute(&self.engine, None, &call, export).await;
        imports::log::close(&call);
        let usage = call.usage();
        let outcome = match outcome {
            Ok((value, writes)) => Outcome::Answer { value: serde_json::to_value(value).unwrap_or_default(), writes },
            Err(fault) => Outcome::from(&error::call_error(&call, fault)),
        };
        develop(&call, outcome, usage).await.ok_or(ReplayError::Closing)
    }
}

/// Stands in for the world.
struct Nothing;

const WHY: &str = "a replay has no world around it";

#[async_trait]
impl CredentialSource for Nothing {
    async fn credentials(&self, _: &ConnectionId) -> Result<Credentials, StoreError> {
        Err(StoreError::new("read credentials", WHY))
    }
}

#[async_trait]
impl PluginState for Nothing {
    async fn get(&self, _: &ConnectionId, _: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Err(StoreError::new("read the plugin's state", WHY))
    }

    async fn keys(&self, _: &ConnectionId, _: &str, _: Option<&str>, _: u32) -> Result<Vec<String>, StoreError> {
        Err(StoreError::new("list the plugin's state", WHY))
    }

    async fn usage(&self, _: &ConnectionId) -> Result<(u64, u64), StoreError> {
        Err(StoreError::new("measure the plugin's state", WHY))
    }
}

impl Clock for Nothing {
    fn now(&self) -> Timestamp {
        Timestamp(0)
    }
}

#[async_trait]
impl Resolver for Nothing {
    async fn resolve(&self, _: &str) -> std::io::Result<Vec<IpAddr>> {
        Err(std::io::Error::other(WHY))
    }
}
