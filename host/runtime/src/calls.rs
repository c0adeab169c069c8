//! One call: a fresh instance on the plugin threads, within its budget, thrown away afterwards. Only those of
//! interpreters are kept for a while ([`crate::warm`]).

pub(crate) mod actions;
mod convert;
pub(crate) mod costs;
pub(crate) mod detector;
pub(crate) mod health;
pub(crate) mod inventory;
pub(crate) mod notifier;
pub(crate) mod source;
pub(crate) mod webhook;

use crate::breakers::{Ended, Tripped};
use crate::budget::{GivenUp, Kind, metered};
use crate::context::CallContext;
use crate::error::{self, Fault};
use crate::evidence;
use crate::imports::log;
use crate::lanes::{LIGHT, Lane};
use crate::plugin::Plugin;
use crate::registry::PluginHost;
use crate::state::{self, HostState};
use crate::warm::{Lived, WarmInstances};
use opssight_core::plugins::installs::Notice;
use opssight_core::plugins::{CallError, CallTarget, Called, FailureClass, FaultSource, StateWrite};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use wasmtime::component::Instance;
use wasmtime::{Engine, Store};

/// How long a call waits for its place. A lease on what it works on lasts longer than this and the call together.
const PATIENCE: Duration = Duration::from_secs(25);

/// One exported function, with what to call it with. Both that and the answer can be written down, see
/// [`crate::evidence`].
pub(crate) trait Export: Clone + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Which kind of call it is.
    const KIND: Kind;
    /// The function, found in an instance.
    type Guest: Send + Sync;
    /// What it gives, checked and in the words of the core.
    type Answer: Serialize + Send + 'static;

    /// How many bytes a copy of it takes, when that can be many.
    fn weight(&self) -> usize {
        0
    }

    /// The key of the ability that a connection can withhold to keep this call from being made.
    fn ability(&self) -> Option<String> {
        None
    }

    /// Find the function.
    fn load(plugin: &Plugin, store: &mut Store<HostState>, instance: &Instance) -> Result<Self::Guest, Fault>;

    /// Call it.
    fn call(
        self,
        store: &mut Store<HostState>,
        guest: &Self::Guest,
    ) -> impl Future<Output = Result<Self::Answer, Fault>> + Send;
}

/// Call a plugin for a connection.
pub(crate) async fn run<E: Export>(
    host: &PluginHost,
    target: &CallTarget,
    export: E,
) -> Result<Called<E::Answer>, CallError> {
    let plugin = host.shelf.resolve(target).map_err(|error| *error)?;
    if !target.grants.withheld.is_empty()
        && let Some(ability) = export.ability().filter(|ability| !target.grants.allow(ability))
    {
        return Err(error::withheld(&plugin, target, &ability));
    }
    if let Err(retry_after_ms) = host.breakers.admit(&target.connection, host.services.clock.now()) {
        return Err(error::breaker_open(&plugin, target, retry_after_ms));
    }
    let mut under_way = UnderWay { host, target, over: false };
    let outcome = admitted(host, plugin, target, export).await;
    under_way.over = true;
    note_end(host, target, outcome.as_ref().err());
    outcome
}

/// A call that the breaker admitted. Whoever asked may stop waiting for it at any time; the breaker must hear of that
/// as well, or it waits for ever for the end of the call that it let through to see whether the plugin works again.
struct UnderWay<'h> {
    host: &'h PluginHost,
    target: &'h CallTarget,
    over: bool,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if !self.over {
            let now = self.host.services.clock.now();
            self.host.breakers.ended(&self.target.connection, Ended::Unknown, now);
        }
    }
}

async fn admitted<E: Export>(
    host: &PluginHost,
    plugin: Arc<Plugin>,
    target: &CallTarget,
    export: E,
) -> Result<Called<E::Answer>, CallError> {
    let ride = Arc::new(host.lanes.begin(&target.connection, E::KIND));
    let slot = tokio::time::timeout(PATIENCE, host.slots.take(&target.plugin, ride.lane)).await;
    let slot = Arc::new(slot.map_err(|_| error::busy(&plugin, target, PATIENCE))?);
    let call = Arc::new(CallContext::new(Arc::clone(&host.services), plugin, target.clone(), E::KIND));
    // The call runs in a task of its own, which would go on when this is dropped, with its place and its instance. An
    // action goes on all the same: what it has begun at the upstream is better ended than left half done.
    let _asked_for = (E::KIND != Kind::Actions).then(|| call.abandoned.clone().drop_guard());
    let engine = host.parts.engine.engine.clone();
    let warm = Arc::clone(&host.warm);
    let task = {
        let (call, slot) = (Arc::clone(&call), Arc::clone(&slot));
        async move {
            let _slot = slot;
            let _running = call.plugin.enter();
            let outcome = execute(&engine, Some(&warm), &call, export).await;
            finish(&call, outcome)
        }
    };
    let closing = || error::unavailable(&call.plugin, target, "host.closing", "the host is shutting down");
    let ended = match ride.lane {
        Lane::Heavy => host.threads.spawn(Lane::Heavy, task).ok_or_else(closing)?.await,
        Lane::Live => {
            let (call, ride) = (Arc::clone(&call), Arc::clone(&ride));
            let is_heavy = move || {
                let heavy = call.meter.cpu() > LIGHT;
                if heavy {
                    ride.is_heavy();
                    slot.move_to_heavy();
                }
                heavy
            };
            host.threads.spawn_live(task, is_heavy).ok_or_else(closing)?.await.flatten()
        }
    };
    ride.ended(call.meter.cpu());
    match ended {
        Ok(outcome) => outcome.map_err(|error| *error),
        // A panic of ours must stay an error of this one call.
        Err(panic) => {
            tracing::error!(plugin.id = call.plugin.manifest.id, %panic, "a plugin call ended in a panic of the host");
            finish(&call, Err(Fault::HostPanic)).map_err(|error| *error)
        }
    }
}

/// A plugin that keeps failing is left alone for a while.
fn note_end(host: &PluginHost, target: &CallTarget, error: Option<&CallError>) {
    let how = match error {
        None => Ended::Well,
        Some(error) if error.fault == FaultSource::Plugin => Ended::Fault,
        Some(error) if error.class == FailureClass::Unavailable => Ended::Unknown,
        Some(_) => Ended::Well,
    };
    let now = host.services.clock.now();
    let Some(tripped) = host.breakers.ended(&target.connection, how, now) else { return };
    let connection = target.connection.as_str();
    let (what, detail) = match tripped {
        Tripped::Opened(until) => {
            let secs = until.since(now) / 1_000_000;
            let why = error.map_or_else(String::new, |error| error.message.clone());
            ("breaker-opened", format!("connection {connection}: no calls for {secs} s, the last one failed: {why}"))
        }
        Tripped::Closed => ("breaker-closed", format!("connection {connection}: it works again")),
    };
    let plugin = target.plugin.as_str();
    tracing::warn!(plugin.id = plugin, connection.id = connection, "{what}: {detail}");
    metrics::counter!("opssight_plugin_breaker_total", "plugin" => plugin.to_owned(), "change" => what).increment(1);
    let digest = host.shelf.find(&target.plugin, target.digest.as_deref()).map(|plugin| plugin.digest.to_string());
    host.notices.tell(Notice {
        plugin: target.plugin.clone(),
        digest: digest.unwrap_or_default(),
        what: what.to_owned(),
        detail,
    });
}

type Outcome<A> = Result<(A, Vec<StateWrite>), Fault>;

/// Within the budget of wall time, whatever it waits for. Without `warm` the instance is always a fresh one.
pub(crate) async fn execute<E: Export>(
    engine: &Engine,
    warm: Option<&WarmInstances>,
    call: &Arc<CallContext>,
    export: E,
) -> Outcome<E::Answer> {
    call.tape.input(&export);
    let stopped = async {
        tokio::select! {
            () = call.plugin.until_stopped() => GivenUp::Stopped,
            () = call.abandoned.cancelled() => GivenUp::Abandoned,
        }
    };
    let outcome = match warm.filter(|_| call.plugin.class().keeps_instances()) {
        None => metered(&call.meter, stopped, in_store(engine, call, export)).await,
        Some(warm) => metered(&call.meter, stopped, Box::pin(in_kept_store(engine, warm, call, export))).await,
    };
    match outcome {
        Ok(outcome) => outcome,
        Err(GivenUp::Late(late)) => Err(Fault::Exhausted(late)),
        Err(GivenUp::Stopped) => Err(Fault::Stopped),
        Err(GivenUp::Abandoned) => Err(Fault::Abandoned),
    }
}

async fn in_store<E: Export>(engine: &Engine, call: &Arc<CallContext>, export: E) -> Outcome<E::Answer> {
    let mut store = state::store(engine, Arc::clone(call));
    let outcome = match instantiate::<E>(&mut store, &call.plugin).await {
        Ok(guest) => export.call(&mut store, &guest).await,
        Err(fault) => Err(fault),
    };
    ended(&mut store, outcome)
}

/// The same with an instance that may have served before, and may serve again. Whenever this is not polled to its end
/// (a timeout, a panic), the store goes with it.
async fn in_kept_store<E: Export>(
    engine: &Engine,
    warm: &WarmInstances,
    call: &Arc<CallContext>,
    export: E,
) -> Outcome<E::Answer> {
    let mut lived = match warm.take(call) {
        Some(lived) => lived,
        None => {
            let mut store = state::store(engine, Arc::clone(call));
            match call.plugin.pre.instantiate_async(&mut store).await {
                Ok(instance) => Lived::new(store, instance),
                Err(trap) => return ended(&mut store, Err(Fault::Trap(trap))),
            }
        }
    };
    let outcome = match E::load(&call.plugin, &mut lived.store, &lived.instance) {
        Ok(guest) => export.call(&mut lived.store, &guest).await,
        Err(fault) => Err(fault),
    };
    let outcome = ended(&mut lived.store, outcome);
    if outcome.as_ref().err().is_none_or(Fault::leaves_the_instance_well) {
        warm.put(lived);
    }
    outcome
}

fn ended<A>(store: &mut Store<HostState>, outcome: Result<A, Fault>) -> Outcome<A> {
    match outcome {
        Ok(answer) => {
            store.data().within_host_calls().map_err(Fault::Exhausted)?;
            Ok((answer, std::mem::take(&mut store.data_mut().overlay).into_writes()))
        }
        // A guest that was refused memory dies of something else a moment later: the refusal is the reason.
        Err(Fault::Trap(trap)) => Err(store.data().denied.map_or(Fault::Trap(trap), Fault::Exhausted)),
        Err(fault) => Err(fault),
    }
}

/// A fresh instance, and the function in it.
pub(crate) async fn instantiate<E: Export>(store: &mut Store<HostState>, plugin: &Plugin) -> Result<E::Guest, Fault> {
    let instance = plugin.pre.instantiate_async(&mut *store).await.map_err(Fault::Trap)?;
    E::load(plugin, store, &instance)
}

/// Count it, and put a failure in words.
pub(crate) fn finish<T: Serialize>(
    call: &Arc<CallContext>,
    outcome: Result<(T, Vec<StateWrite>), Fault>,
) -> Result<Called<T>, Box<CallError>> {
    log::close(call);
    let usage = call.usage();
    let denied = call.denied.load(std::sync::atomic::Ordering::Relaxed);
    let meters = call.plugin.meters(call.kind);
    meters.cpu_seconds.record(Duration::from_micros(usage.cpu_us));
    meters.wall_seconds.record(Duration::from_micros(usage.wall_us));
    match outcome {
        Ok((value, state)) => {
            meters.ok.increment(1);
            call.plugin.stats.record(call, &usage, denied, None);
            evidence::settle(call, Ok((&value, &state)), usage);
            Ok(Called { value, state, usage })
        }
        Err(fault) => {
            let error = error::call_error(call, fault);
            metrics::counter!(
                "opssight_plugin_calls_total",
                "plugin" => call.plugin.manifest.id.clone(),
                "export" => call.kind.name(),
                "outcome" => error.class.name(),
                "fault" => error.fault.name(),
            )
            .increment(1);
            call.plugin.stats.record(call, &usage, denied, Some(&error));
            evidence::settle::<T>(call, Err(&error), usage);
            Err(Box::new(error))
        }
    }
}
