//! Building the pieces and joining them; stopping them in the right order.

use crate::blobs;
use crate::cache::{self, Shared};
use crate::config::{Config, Role};
use crate::data;
use crate::edge::{self, Joints};
use crate::plugins;
use crate::readiness::PartsReadiness;
use crate::runtime::runtime;
use crate::series;
use crate::telemetry::Telemetry;
use crate::worker::{self, Line};
use anyhow::Context;
use opssight_api::{ApiConfig, App, Doors};
use opssight_backends::{Argon2Passwords, Link, Store, SystemClock, SystemRandomness};
use opssight_core::actions::Actions;
use opssight_core::connections::{ConnectionStore, Connections};
use opssight_core::events::{Bus, Relay, Start};
use opssight_core::feeds::{FeedStore, Puller};
use opssight_core::hooks::{Hooks, Inbox, Processor, Retry};
use opssight_core::identity::Identity;
use opssight_core::metrics::{LeftOut, Producer, SeriesStore};
use opssight_core::page::PageOf;
use opssight_core::plugins::catalogue::Catalogue;
use opssight_core::plugins::installs::{Installs, PluginRuntime};
use opssight_core::plugins::{CredentialSource, Plugins};
use opssight_core::time::{Clock, Randomness};
use opssight_runtime::PluginHost;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// A host that runs.
pub struct Running {
    /// Where it listens.
    pub url: String,
    /// The bootstrap admin's secret, if this start made it.
    pub admin_secret: Option<String>,
    workers: JoinSet<()>,
    api: tokio::task::JoinHandle<()>,
    stop_api: CancellationToken,
    stop_workers: CancellationToken,
    leaving: CancellationToken,
    leave: Duration,
    drain: Duration,
    store: Arc<Store>,
    series: Arc<dyn SeriesStore>,
}

/// Everything that the pieces share.
struct House {
    config: Config,
    store: Arc<Store>,
    /// Of connections, as calls use them. What is shown and changed is what the store holds.
    credentials: Arc<dyn CredentialSource>,
    plugins: Arc<dyn Plugins>,
    installs: Installs,
    catalogue: Option<Arc<dyn Catalogue>>,
    series: Arc<dyn SeriesStore>,
    bus: Arc<dyn Bus>,
    shared: Shared,
    blobs: Option<blobs::Shared>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Randomness>,
}

/// Start a host with the plugins that are installed and those of its folder, sandboxed.
pub async fn start(config: Config, telemetry: Telemetry) -> anyhow::Result<Running> {
    let (store, bus) = data::open(&config).await?;
    let credentials = data::credentials(&config, &store)?;
    let host = {
        let (mut runtime, store) = (runtime(&config)?, Arc::clone(&store));
        runtime.evidence = config.plugins.evidence.with(store.clone());
        PluginHost::open(runtime, Arc::clone(&credentials), store, Arc::new(SystemClock))?
    };
    start_with(config, telemetry, (store, credentials), bus, host.clone(), host).await
}

/// Start a host on a store with a caller of plugins of the caller's choice: how the benches run one without a sandbox.
pub async fn start_with(
    config: Config,
    telemetry: Telemetry,
    (store, credentials): (Arc<Store>, Arc<dyn CredentialSource>),
    bus: Arc<dyn Bus>,
    plugins: Arc<dyn Plugins>,
    runtime: Arc<dyn PluginRuntime>,
) -> anyhow::Result<Running> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let shared = cache::open(&config, &store).await?;
    let blobs = blobs::open(&config, &store).await?;
    let installs = plugins::desk(&config, &store, &bus, blobs.as_ref(), &plugins, runtime)?;
    plugins::load(&installs, &config).await?;
    let random = Arc::new(SystemRandomness);
    let catalogue = match config.plugins.catalogues.as_slice() {
        [] => None,
        _ => Some(crate::catalogues::open(&config.plugins).context("open the catalogues")?),
    };
    let series = series::open(&config, &clock).await?;
    let house = House {
        store: Arc::clone(&store),
        credentials,
        plugins,
        installs,
        catalogue,
        series,
        bus,
        shared,
        blobs,
        clock,
        random,
        config,
    };
    // What was leased by processes that are gone.
    let released = store.release_all().await?;
    if released > 0 {
        tracing::info!(deliveries = released, "took back deliveries that were being processed at the last stop");
    }
    house.declare_feeds().await?;
    let identity = Identity {
        store: house.shared.sessions(&store).await?,
        keys: store.clone(),
        people: store.clone(),
        passwords: Arc::new(Argon2Passwords::default()),
        attempts: store.clone(),
        clock: Arc::clone(&house.clock),
        random: Arc::clone(&house.random),
    };
    let admin_secret = identity.bootstrap().await?;
    let listen = house.config.server.listen;
    let listener = tokio::net::TcpListener::bind(listen).await.map_err(|error| {
        let what = cannot_listen(listen, &error);
        anyhow::Error::new(error).context(what)
    })?;
    let url = format!("http://{}", listener.local_addr()?);
    let stop_workers = CancellationToken::new();
    let mut workers = house.workers(&stop_workers);
    for vault in house.config.secrets.vaults()? {
        workers.spawn(vault.keep_token(stop_workers.clone()));
    }
    let hooks = house.hooks();
    let joints = Joints { config: &house.config, store: &house.store, bus: &house.bus, hooks: &hooks };
    let mut lines = edge::start(&joints, &mut workers, &stop_workers)?;
    lines.extend(house.tell_metrics(&mut workers, &stop_workers));
    let lines_to = lines.iter().map(|line| &line.link);
    let links = lines_to.chain(house.blobs.iter().map(|blobs| &blobs.link)).map(Arc::clone).collect();
    workers.spawn(worker::count_links(lines, stop_workers.clone()));
    let stop_api = CancellationToken::new();
    let leaving = CancellationToken::new();
    let app = Arc::new(house.app(identity, telemetry, (links, leaving.clone())));
    let api = tokio::spawn(opssight_api::serve(listener, app, stop_api.clone().cancelled_owned()));
    tracing::info!(url, roles = house.config.server.roles.words(), "OpsSight is ready");
    Ok(Running {
        url,
        admin_secret,
        workers,
        api,
        stop_api,
        stop_workers,
        leaving,
        leave: Duration::from_secs(house.config.server.leave_secs),
        drain: Duration::from_secs(house.config.server.drain_secs),
        store,
        series: house.series,
    })
}

/// What keeps a host from an address, and how to mend it.
pub(crate) fn cannot_listen(listen: SocketAddr, error: &std::io::Error) -> String {
    let how = match error.kind() {
        ErrorKind::AddrInUse => "is another program using it? `--listen` chooses another",
        ErrorKind::AddrNotAvailable => "this machine has no such address; `--listen` chooses another",
        ErrorKind::PermissionDenied => "ports below 1024 are not for everybody; `--listen` chooses another",
        _ => "`--listen` chooses another",
    };
    format!("listen on {listen}: {how}")
}

impl House {
    /// Plugins change while the host is stopped: each connection's feeds are what its plugin declares now.
    async fn declare_feeds(&self) -> anyhow::Result<()> {
        let mut page = PageOf { after: None, limit: 200 };
        loop {
            let found = self.store.connections(None, &page).await?;
            for connection in &found.items {
                if let Some(manifest) = self.plugins.manifest(&connection.plugin, connection.digest.as_deref()) {
                    let feeds: Vec<String> = manifest.feeds.iter().map(|feed| feed.name.clone()).collect();
                    self.store.declare_feeds(&connection.id, &feeds, self.clock.now()).await?;
                }
            }
            match found.next {
                Some(next) => page.after = Some(next),
                None => return Ok(()),
            }
        }
    }

    fn workers(&self, stop: &CancellationToken) -> JoinSet<()> {
        let mut workers = JoinSet::new();
        // In each process: whatever it calls plugins for, it calls those that are installed now.
        let rule = self.config.plugins.update.rule();
        workers.spawn(worker::watch_installs(self.installs.clone(), Arc::clone(&self.bus), rule, stop.clone()));
        // In each process as well: each notes times by the clock of its own machine.
        let lease = Duration::from_secs(u64::from(self.config.worker.lease_secs));
        workers.spawn(worker::watch_clock(self.store.clone(), Arc::clone(&self.clock), lease, stop.clone()));
        if let Some(blobs::Shared { blobs, link }) = &self.blobs {
            workers.spawn(worker::watch_blobs(Arc::clone(blobs), Arc::clone(link), stop.clone()));
        }
        if self.has(Role::Worker) {
            self.run_plugins(&mut workers, stop);
        }
        workers
    }

    fn has(&self, role: Role) -> bool {
        self.config.server.roles.has(role)
    }

    fn run_plugins(&self, workers: &mut JoinSet<()>, stop: &CancellationToken) {
        let worker = &self.config.worker;
        let lease = Duration::from_secs(u64::from(worker.lease_secs));
        let processor = Processor {
            inbox: self.store.clone(),
            connections: self.store.clone(),
            plugins: Arc::clone(&self.plugins),
            clock: Arc::clone(&self.clock),
            retry: Retry::default(),
        };
        let puller = Puller {
            feeds: self.store.clone(),
            connections: self.store.clone(),
            plugins: Arc::clone(&self.plugins),
            clock: Arc::clone(&self.clock),
            retry: Retry::default(),
        };
        let bus = || Arc::clone(&self.bus);
        workers.spawn(worker::process_deliveries(processor, bus(), worker.deliveries, lease, stop.clone()));
        workers.spawn(worker::pull_feeds(puller, bus(), worker.feeds, lease, stop.clone()));
        workers.spawn(worker::keep_ledger(self.store.clone(), bus(), stop.clone()));
        workers.spawn(worker::purge_old(
            self.store.clone(),
            Arc::clone(&self.clock),
            self.config.retention.clone(),
            self.relays(),
            stop.clone(),
        ));
        let every = Duration::from_secs(u64::from(worker.check_secs));
        workers.spawn(worker::check_connections(self.connections(), every, stop.clone()));
        workers.spawn(worker::sweep_packages(self.installs.clone(), stop.clone()));
    }

    /// The relays of the event log that are in use.
    fn relays(&self) -> Vec<String> {
        let all = [(edge::KAFKA, edge::publishes(&self.config)), (series::RELAY, series::are_kept(&self.config))];
        all.into_iter().filter(|(_, in_use)| *in_use).map(|(name, _)| name.to_owned()).collect()
    }

    /// Start telling what pipelines do as points, if there is a place for them; the line over which that goes.
    fn tell_metrics(&self, workers: &mut JoinSet<()>, stop: &CancellationToken) -> Option<Line> {
        if !series::are_kept(&self.config) || !self.has(Role::Metrics) {
            return None;
        }
        let producer = Producer {
            runs: self.store.clone(),
            metrics: Arc::clone(&self.series),
            clock: Arc::clone(&self.clock),
            kept_secs: self.config.metrics.kept_secs(),
            left_out: Arc::new(|LeftOut { points, why }| {
                tracing::warn!(points, why, "points too old, or refused for good, were left out");
            }),
        };
        let relay = Relay {
            name: series::RELAY.to_owned(),
            log: self.store.clone(),
            relays: self.store.clone(),
            sink: Arc::new(producer),
            start: Start::Oldest,
        };
        let link = Arc::new(Link::new("metrics"));
        let line = Line { link: Arc::clone(&link), relay: Some(relay.clone()) };
        workers.spawn(worker::relay_events(relay, Arc::clone(&self.bus), link, stop.clone()));
        Some(line)
    }

    fn connections(&self) -> Connections {
        Connections {
            store: self.store.clone(),
            plugins: Arc::clone(&self.plugins),
            credentials: self.store.clone(),
            bus: Arc::clone(&self.bus),
            clock: Arc::clone(&self.clock),
            random: Arc::clone(&self.random),
        }
    }

    fn hooks(&self) -> Hooks {
        Hooks {
            inbox: self.store.clone(),
            connections: self.store.clone(),
            plugins: Arc::clone(&self.plugins),
            credentials: Arc::clone(&self.credentials),
            bus: Arc::clone(&self.bus),
            clock: Arc::clone(&self.clock),
        }
    }

    fn app(
        &self,
        identity: Identity,
        telemetry: Telemetry,
        (links, leaving): (Vec<Arc<Link>>, CancellationToken),
    ) -> App {
        let actions = Actions {
            connections: self.store.clone(),
            plugins: Arc::clone(&self.plugins),
            runs: self.store.clone(),
            ingest: self.store.clone(),
            clock: Arc::clone(&self.clock),
        };
        App {
            hooks: self.hooks(),
            inbox: self.store.clone(),
            bus: Arc::clone(&self.bus),
            connections: self.connections(),
            feeds: self.store.clone(),
            runs: self.store.clone(),
            delivery: self.store.clone(),
            events: self.store.clone(),
            actions,
            identity,
            plugins: Arc::clone(&self.plugins),
            installs: self.installs.clone(),
            catalogue: self.catalogue.clone(),
            evidence: self.store.clone(),
            rates: Arc::clone(&self.shared.rates),
            series: Arc::clone(&self.series),
            clock: Arc::clone(&self.clock),
            random: Arc::clone(&self.random),
            config: self.api_config(),
            readiness: Arc::new(PartsReadiness {
                store: self.store.clone(),
                plugins: Arc::clone(&self.plugins),
                redis: self.shared.redis.clone(),
                links,
                roles: self.config.server.roles.words(),
                leaving,
            }),
            metrics: telemetry.metrics,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    fn api_config(&self) -> ApiConfig {
        let public_url = self.config.server.public_url.clone();
        ApiConfig {
            body_limit: self.config.hooks.body_limit,
            doors: Doors { api: self.has(Role::Api), hooks: self.has(Role::Ingest) },
            hook_rate_per_second: self.config.hooks.rate_per_second,
            hook_burst: self.config.hooks.burst,
            secure_cookie: public_url.as_ref().is_some_and(|url| url.scheme() == "https"),
            public_url,
            drain: Duration::from_secs(self.config.server.drain_secs),
            ..ApiConfig::default()
        }
    }
}

impl Running {
    /// Returns when a part of the host ended that should not have.
    pub async fn failed(&self) {
        loop {
            if self.api.is_finished() {
                tracing::error!("the API ended by itself");
                return;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    /// Say that no requests should be sent here any more, and go on answering them for as long as whoever sends them may
    /// take to notice.
    pub async fn leave(&self) {
        self.leaving.cancel();
        if !self.leave.is_zero() {
            tracing::info!(
                secs = self.leave.as_secs(),
                "leaving: requests are still taken, and none should be sent here"
            );
            tokio::time::sleep(self.leave).await;
        }
    }

    /// Stop: no new requests, then no new work, then wait for what runs, then close the store.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        self.stop_api.cancel();
        self.stop_workers.cancel();
        let drained = tokio::time::timeout(self.drain, async {
            while self.workers.join_next().await.is_some() {}
            (&mut self.api).await
        })
        .await;
        let api = match drained {
            Ok(api) => api,
            Err(_) => {
                // What is still running is leased: it is done again after the next start.
                tracing::warn!("not everything finished in time; it will be done again after the next start");
                self.workers.abort_all();
                self.api.abort();
                Ok(())
            }
        };
        self.series.close().await;
        self.store.close().await;
        api.context("serve the API")
    }
}
