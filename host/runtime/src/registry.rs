//! The plugin host: what is installed, and the way in for everybody else.

use crate::breakers::Breakers;
use crate::budget::GuestMemory;
use crate::cache::AotCache;
use crate::calls;
use crate::class::SizeClass;
use crate::config::RuntimeConfig;
use crate::context::Services;
use crate::egress::{self, Accounts, SystemResolver};
use crate::engine::{PluginEngine, PluginThreads};
use crate::errands::Runner;
use crate::evidence::{Evidence, Stage};
use crate::install::{self, InstallError};
use crate::jail::Workshop;
use crate::lanes::{Lane, Lanes};
use crate::lifecycle::Notices;
use crate::plugin::Plugin;
use crate::rate::Upstreams;
use crate::shelf::Shelf;
use crate::slots::Slots;
use crate::state::HostState;
use crate::warm::WarmInstances;
use crate::{imports, verify, wasi};
use async_trait::async_trait;
use opssight_core::id::{ConnectionId, PluginId};
use opssight_core::plugins::manifest::BudgetAsk;
use opssight_core::plugins::{
    ActionInvocation, ActionOutcome, CallError, CallTarget, Called, CredentialSource, Credentials, Grants,
    HealthReport, InstalledPlugin, LogLine, Manifest, PageRequest, PluginState, Plugins, PullBatch, RawDelivery,
    Reception, VerifyError, Wants, WebhookDelivery,
};
use opssight_core::time::Clock;
use std::path::PathBuf;
use std::sync::Arc;
use wasmtime::component::Linker;

/// Why the runtime does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RuntimeError {
    /// The WebAssembly engine.
    #[error("start the plugin engine: {0}")]
    Engine(String),
    /// The operating system's threads.
    #[error("start the plugin threads")]
    Threads(#[source] std::io::Error),
    /// The directory of compiled plugins.
    #[error("open the directory of compiled plugins below {}", .0.display())]
    Cache(PathBuf, #[source] std::io::Error),
    /// The operator's certificate authorities.
    #[error("read the certificate authorities that upstreams are checked against: {0}")]
    Certificates(String),
    /// The system's randomness.
    #[error("draw a key: the system has no randomness")]
    Randomness,
}

/// What it takes to make a plugin of a package.
pub(crate) struct Parts {
    pub(crate) engine: PluginEngine,
    pub(crate) linker: Linker<HostState>,
    pub(crate) cache: AotCache,
    pub(crate) workshop: Workshop,
    /// Larger plugins are not installed.
    pub(crate) largest: SizeClass,
    pub(crate) caps: BudgetAsk,
}

/// Runs plugins. One per process.
pub struct PluginHost {
    pub(crate) parts: Arc<Parts>,
    pub(crate) services: Arc<Services>,
    pub(crate) slots: Arc<Slots>,
    pub(crate) lanes: Arc<Lanes>,
    pub(crate) threads: PluginThreads,
    pub(crate) shelf: Shelf,
    pub(crate) breakers: Breakers,
    pub(crate) notices: Arc<Notices>,
    pub(crate) warm: Arc<WarmInstances>,
    /// Where recorded calls are made again.
    pub(crate) stage: Arc<Stage>,
}

impl PluginHost {
    /// Start engine and threads, and open the cache. No plugin is installed yet.
    pub fn open(
        config: RuntimeConfig,
        credentials: Arc<dyn CredentialSource>,
        state: Arc<dyn PluginState>,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, RuntimeError> {
        let calls = config.max_concurrent_calls.max(1);
        let engine = PluginEngine::start(calls, config.warm_instances)
            .map_err(|error| RuntimeError::Engine(format!("{error:#}")))?;
        let linker = linker(&engine).map_err(|error| RuntimeError::Engine(format!("{error:#}")))?;
        let cache = AotCache::open(&config.data_dir, config.aot_bytes)
            .map_err(|error| RuntimeError::Cache(config.data_dir.clone(), error))?;
        let workshop = Workshop::new(config.compiler, config.compile_cap);
        let resolver = config.resolver.unwrap_or_else(|| Arc::new(SystemResolver));
        let notices = Arc::<Notices>::default();
        let upstream = config.upstream;
        let threads = PluginThreads::start(config.threads).map_err(RuntimeError::Threads)?;
        let memory = Arc::new(GuestMemory::new(config.memory_bytes));
        let (evidence, work) = Evidence::new(&config.evidence, Arc::clone(&clock));
        // Putting a large record together takes its time, and nobody waits for it.
        let _ends_with_the_host = threads.spawn(Lane::Heavy, work);
        let errands = Runner::here();
        let services = Services {
            credentials: Arc::new(errands.asks(credentials)),
            state: Arc::new(errands.asks(state)),
            clock,
            resolver,
            accounts: Accounts::default(),
            notices: Arc::clone(&notices),
            upstreams: Upstreams::new().ok_or(RuntimeError::Randomness)?,
            roots: roots(upstream.ca_pem.as_deref())?,
            upstream,
            evidence,
            memory: Arc::clone(&memory),
        };
        let stage = Stage::new(engine.engine.clone(), Arc::clone(&memory)).ok_or(RuntimeError::Randomness)?;
        let warm = Arc::new(WarmInstances::new(config.warm_instances as usize));
        memory.sheds(Arc::downgrade(&warm));
        threads.spawn(Lane::Heavy, WarmInstances::drop_old(Arc::downgrade(&warm), Arc::clone(&services.clock)));
        Ok(Arc::new(Self {
            parts: Arc::new(Parts { engine, linker, cache, workshop, largest: config.largest, caps: config.caps }),
            services: Arc::new(services),
            slots: Arc::new(Slots::new(calls)),
            lanes: Arc::default(),
            threads,
            shelf: Shelf::default(),
            breakers: Breakers::default(),
            notices,
            warm,
            stage: Arc::new(stage),
        }))
    }

    /// Load a package and make it the active version, whoever vouches for it: for tests and benches. A host that
    /// people use goes through [`opssight_core::plugins::installs::Installs`], which judges it first.
    ///
    /// A package that is not in the cache is compiled, which takes seconds of CPU: call this from a thread that may
    /// block.
    pub fn install(&self, package: &[u8]) -> Result<InstalledPlugin, InstallError> {
        let plugin = Arc::new(install::prepare(&self.parts, package)?);
        let installed = plugin.installed();
        let digest = Arc::clone(&plugin.digest);
        if let Some(before) = self.shelf.put(plugin) {
            self.warm.drop_version(&before);
        }
        self.shelf.activate(&PluginId(installed.manifest.id.clone()), &digest);
        self.tidy_cache();
        Ok(installed)
    }

    /// After each change of what is loaded.
    pub(crate) fn tidy_cache(&self) {
        self.parts.cache.sweep(|digest| self.shelf.has(digest));
    }

    pub(crate) fn parts(&self) -> Arc<Parts> {
        Arc::clone(&self.parts)
    }

    /// The active version.
    pub(crate) fn plugin(&self, id: &PluginId) -> Option<Arc<Plugin>> {
        self.shelf.find(id, None)
    }
}

fn roots(pem: Option<&[u8]>) -> Result<Arc<[reqwest::Certificate]>, RuntimeError> {
    let Some(pem) = pem else { return Ok(Arc::default()) };
    match egress::certificates(pem) {
        Ok(roots) if roots.is_empty() => Err(RuntimeError::Certificates("there is no certificate in it".to_owned())),
        Ok(roots) => Ok(roots.into()),
        Err(error) => Err(RuntimeError::Certificates(error.to_string())),
    }
}

/// Everything that a component may import, once for all of them.
pub(crate) fn linker(engine: &PluginEngine) -> wasmtime::Result<Linker<HostState>> {
    let mut linker = Linker::new(&engine.engine);
    wasi::link(&mut linker)?;
    imports::link(&mut linker)?;
    Ok(linker)
}

#[async_trait]
impl Plugins for PluginHost {
    fn installed(&self) -> Vec<InstalledPlugin> {
        let mut installed: Vec<_> = self.shelf.active().iter().map(|plugin| plugin.installed()).collect();
        installed.sort_by(|a, b| a.manifest.id.cmp(&b.manifest.id));
        installed
    }

    fn find(&self, plugin: &PluginId) -> Option<InstalledPlugin> {
        self.plugin(plugin).map(|plugin| plugin.installed())
    }

    fn manifest(&self, plugin: &PluginId, digest: Option<&str>) -> Option<Arc<Manifest>> {
        self.shelf.find(plugin, digest).map(|plugin| Arc::clone(&plugin.manifest))
    }

    fn wants(&self, plugin: &PluginId, digest: Option<&str>) -> Option<Wants> {
        let version = self.shelf.find(plugin, digest)?.installed();
        Some(Wants::of(&version.manifest, &version.imports))
    }

    fn log(&self, plugin: &PluginId) -> Vec<LogLine> {
        self.plugin(plugin).map(|plugin| plugin.log()).unwrap_or_default()
    }

    fn verify(
        &self,
        target: &CallTarget,
        credentials: &Credentials,
        delivery: &RawDelivery<'_>,
    ) -> Result<(), VerifyError> {
        let manifest = self.manifest(&target.plugin, target.digest.as_deref()).ok_or(VerifyError::NotReceiving)?;
        let webhook = manifest.webhook.as_ref().ok_or(VerifyError::NotReceiving)?;
        verify::verify(webhook, credentials, delivery)
    }

    async fn receive(&self, target: &CallTarget, delivery: WebhookDelivery) -> Result<Called<Reception>, CallError> {
        calls::run(self, target, calls::webhook::Receive(delivery)).await
    }

    async fn pull(
        &self,
        target: &CallTarget,
        feed: &str,
        checkpoint: Option<String>,
        page: PageRequest,
    ) -> Result<Called<PullBatch>, CallError> {
        calls::run(self, target, calls::source::Pull { feed: feed.to_owned(), checkpoint, page }).await
    }

    async fn act(&self, target: &CallTarget, invocation: ActionInvocation) -> Result<Called<ActionOutcome>, CallError> {
        calls::run(self, target, calls::actions::Act(invocation)).await
    }

    async fn check(&self, target: &CallTarget) -> Result<Called<HealthReport>, CallError> {
        calls::run(self, target, calls::health::Check).await
    }

    fn forget(&self, connection: &ConnectionId) {
        self.services.accounts.forget(connection);
        self.breakers.forget(connection);
        self.lanes.forget(connection);
        self.warm.forget(connection);
    }

    fn regrant(&self, connection: &ConnectionId, grants: &Arc<Grants>) {
        self.services.accounts.regrant(connection, grants);
    }
}
