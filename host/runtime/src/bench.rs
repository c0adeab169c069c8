//! What a call costs, measured on the calling thread: the whole host with every limit on, and bare wasmtime with the
//! same engine configuration and the same bytes to compare it with. `cargo xtask bench` prints the table.
//!
//! Everything here blocks and makes its own single-threaded executor: call it from outside of any.

use crate::bindings::exports::opssight::plugin::{health, webhook};
use crate::budget::{self, Budget};
use crate::calls::{self, Export, health::Check, webhook::Receive};
use crate::context::CallContext;
use crate::engine;
use crate::error::{self, Fault};
use crate::plugin::Plugin;
use crate::registry::PluginHost;
use crate::state;
use opssight_core::plugins::{CallTarget, WebhookDelivery};
use std::sync::Arc;
use std::time::Duration;
use wasmtime::component::{Component, InstancePre, Linker};
use wasmtime::{Engine, Store};

/// CPU time of the calling thread, nanoseconds.
pub fn thread_cpu_ns() -> u64 {
    budget::thread_cpu_ns()
}

/// What to call.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Job {
    /// `health.check`, which in [`NOOP`] does nothing.
    Check,
    /// `webhook.receive`.
    Receive(WebhookDelivery),
}

/// A package whose `check` and `receive` answer with nothing at once: what is left is the price of a call.
pub const NOOP: &[u8] = include_bytes!("bench/noop.wasm");

/// Thread CPU time per call, nanoseconds; each entry is the mean of one batch of calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Samples(Vec<u64>);

impl Samples {
    /// The least.
    pub fn min(&self) -> u64 {
        self.percentile(0)
    }

    /// The middle.
    pub fn median(&self) -> u64 {
        self.percentile(50)
    }

    /// So many percent of the batches took at most this.
    pub fn percentile(&self, percent: usize) -> u64 {
        let last = self.0.len().saturating_sub(1);
        self.0.get((last * percent.min(100)).div_ceil(100)).copied().unwrap_or(0)
    }

    fn take(batches: usize, calls: u64, mut batch: impl FnMut() -> Result<(), Fault>) -> Result<Self, Fault> {
        // The first one warms caches and pool.
        batch()?;
        let mut samples = Vec::with_capacity(batches);
        for _ in 0..batches {
            let start = thread_cpu_ns();
            batch()?;
            samples.push(thread_cpu_ns().saturating_sub(start) / calls);
        }
        samples.sort_unstable();
        Ok(Self(samples))
    }
}

/// Calls per batch: enough that reading the clock does not count.
const FRESH: u64 = FRESH_CALLS as u64;
/// Calls of one batch of [`fresh`]; one more batch than asked for warms caches and pool.
pub const FRESH_CALLS: u32 = 16;
const WARM: u64 = 256;

/// A fresh instance for each call, as the host always makes them: context, store, every limit, instance, call,
/// checked answer, statistics, and all of it thrown away.
pub fn fresh(host: &PluginHost, target: &CallTarget, job: &Job, batches: usize) -> Result<Samples, String> {
    match job {
        Job::Check => fresh_export(host, target, || Check, batches),
        Job::Receive(delivery) => fresh_export(host, target, || Receive(delivery.clone()), batches),
    }
}

/// One instance for all calls: what the boundary costs without what is around it. The host does not run plugins so.
pub fn warm(host: &PluginHost, target: &CallTarget, job: &Job, batches: usize) -> Result<Samples, String> {
    match job {
        Job::Check => warm_export(host, target, || Check, batches),
        Job::Receive(delivery) => warm_export(host, target, || Receive(delivery.clone()), batches),
    }
}

/// A fresh instance for each call in wasmtime alone: the same engine configuration and bytes, no limits but the
/// epoch's, no imports that do anything, nothing counted.
pub fn bare_fresh(package: &[u8], job: &Job, batches: usize) -> Result<Samples, String> {
    Bare::new(package).and_then(|bare| bare.fresh(job, batches)).map_err(|error| format!("{error:#}"))
}

/// One instance for all calls in wasmtime alone.
pub fn bare_warm(package: &[u8], job: &Job, batches: usize) -> Result<Samples, String> {
    Bare::new(package).and_then(|bare| bare.warm(job, batches)).map_err(|error| format!("{error:#}"))
}

fn fresh_export<E: Export>(
    host: &PluginHost,
    target: &CallTarget,
    export: impl Fn() -> E,
    batches: usize,
) -> Result<Samples, String> {
    let plugin = host.plugin(&target.plugin).ok_or("the plugin is not installed")?;
    let executor = executor().ok_or("cannot make an executor")?;
    let context =
        || Arc::new(CallContext::new(Arc::clone(&host.services), Arc::clone(&plugin), target.clone(), E::KIND));
    let samples = Samples::take(batches, FRESH, || {
        for _ in 0..FRESH {
            let call = context();
            let outcome = executor.block_on(calls::execute(&host.parts.engine.engine, None, &call, export()));
            calls::finish(&call, outcome).map_err(|error| Fault::Invalid(error.to_string()))?;
        }
        Ok(())
    });
    samples.map_err(|fault| error::call_error(&context(), fault).to_string())
}

fn warm_export<E: Export>(
    host: &PluginHost,
    target: &CallTarget,
    export: impl Fn() -> E,
    batches: usize,
) -> Result<Samples, String> {
    let plugin = host.plugin(&target.plugin).ok_or("the plugin is not installed")?;
    let executor = executor().ok_or("cannot make an executor")?;
    // One call's time must do for all of them.
    let call = unhurried::<E>(host, &plugin, target);
    let samples = executor.block_on(async {
        let mut store = state::store(&host.parts.engine.engine, Arc::clone(&call));
        let guest = calls::instantiate::<E>(&mut store, &plugin).await?;
        let mut samples = Vec::with_capacity(batches);
        for _ in 0..=batches {
            let start = thread_cpu_ns();
            for _ in 0..WARM {
                export().call(&mut store, &guest).await?;
            }
            samples.push(thread_cpu_ns().saturating_sub(start) / WARM);
        }
        samples.remove(0);
        samples.sort_unstable();
        Ok(Samples(samples))
    });
    samples.map_err(|fault| error::call_error(&call, fault).to_string())
}

/// Resident memory of so many live instances, bytes: (of each when it was made, of each after its first call). The host
/// must allow as many calls at once. It keeps none alive itself; this is what a call holds while it waits.
pub fn live(host: &PluginHost, target: &CallTarget, job: &Job, count: u64) -> Result<(u64, u64), String> {
    match job {
        Job::Check => live_export(host, target, || Check, count),
        Job::Receive(delivery) => live_export(host, target, || Receive(delivery.clone()), count),
    }
}

fn live_export<E: Export>(
    host: &PluginHost,
    target: &CallTarget,
    export: impl Fn() -> E,
    count: u64,
) -> Result<(u64, u64), String> {
    let plugin = host.plugin(&target.plugin).ok_or("the plugin is not installed")?;
    let executor = executor().ok_or("cannot make an executor")?;
    // They all live on this thread, whose CPU time is that of all of them.
    let context = || unhurried::<E>(host, &plugin, target);
    let outcome = executor.block_on(async {
        let before = resident_bytes();
        let mut live = Vec::new();
        for _ in 0..count {
            let mut store = state::store(&host.parts.engine.engine, context());
            let guest = calls::instantiate::<E>(&mut store, &plugin).await?;
            live.push((store, guest));
        }
        let idle = resident_bytes();
        for (store, guest) in &mut live {
            export().call(store, guest).await?;
        }
        let called = resident_bytes();
        Ok((idle.saturating_sub(before) / count.max(1), called.saturating_sub(before) / count.max(1)))
    });
    outcome.map_err(|fault| error::call_error(&context(), fault).to_string())
}

/// A call with every limit but those of time.
fn unhurried<E: Export>(host: &PluginHost, plugin: &Arc<Plugin>, target: &CallTarget) -> Arc<CallContext> {
    let hour = Duration::from_secs(3_600);
    let budget = Budget { cpu: hour, wall: hour, ..plugin.budget(E::KIND) };
    let mut call = CallContext::new(Arc::clone(&host.services), Arc::clone(plugin), target.clone(), E::KIND);
    call.grant(budget);
    Arc::new(call)
}

fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = statm.split_whitespace().nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
    pages.saturating_mul(rustix::param::page_size() as u64)
}

fn executor() -> Option<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().ok()
}

/// wasmtime and nothing around it.
struct Bare {
    engine: Engine,
    pre: InstancePre<()>,
    check: Option<health::GuestIndices>,
    receive: Option<webhook::GuestIndices>,
    executor: tokio::runtime::Runtime,
}

enum BareGuest {
    Check(health::Guest),
    Receive(webhook::Guest, webhook::Delivery),
}

impl Bare {
    fn new(package: &[u8]) -> wasmtime::Result<Self> {
        let engine = Engine::new(&engine::config(Some(64)))?;
        let component = Component::new(&engine, package)?;
        let mut linker = Linker::new(&engine);
        linker.define_unknown_imports_as_traps(&component)?;
        let pre = linker.instantiate_pre(&component)?;
        let executor = executor().ok_or_else(|| wasmtime::format_err!("cannot make an executor"))?;
        // A package need not export both.
        let check = health::GuestIndices::new(&pre).ok();
        let receive = webhook::GuestIndices::new(&pre).ok();
        Ok(Self { engine, pre, check, receive, executor })
    }

    fn fresh(&self, job: &Job, batches: usize) -> wasmtime::Result<Samples> {
        let samples = Samples::take(batches, FRESH, || {
            for _ in 0..FRESH {
                self.executor.block_on(self.once(job)).map_err(Fault::Trap)?;
            }
            Ok(())
        });
        samples.map_err(|fault| wasmtime::format_err!("{fault:?}"))
    }

    fn warm(&self, job: &Job, batches: usize) -> wasmtime::Result<Samples> {
        self.executor.block_on(async {
            let (mut store, guest) = self.instance(job).await?;
            let mut samples = Vec::with_capacity(batches);
            for _ in 0..=batches {
                let start = thread_cpu_ns();
                for _ in 0..WARM {
                    guest.call(&mut store).await?;
                }
                samples.push(thread_cpu_ns().saturating_sub(start) / WARM);
            }
            samples.remove(0);
            samples.sort_unstable();
            Ok(Samples(samples))
        })
    }

    async fn once(&self, job: &Job) -> wasmtime::Result<()> {
        let (mut store, guest) = self.instance(job).await?;
        guest.call(&mut store).await
    }

    async fn instance(&self, job: &Job) -> wasmtime::Result<(Store<()>, BareGuest)> {
        let mut store = Store::new(&self.engine, ());
        store.set_epoch_deadline(u64::MAX / 2);
        let instance = self.pre.instantiate_async(&mut store).await?;
        let guest = match job {
            Job::Check => {
                let indices = self.check.as_ref().ok_or_else(|| wasmtime::format_err!("it exports no health"))?;
                BareGuest::Check(indices.load(&mut store, &instance)?)
            }
            Job::Receive(delivery) => {
                let indices = self.receive.as_ref().ok_or_else(|| wasmtime::format_err!("it exports no webhook"))?;
                let delivery = webhook::Delivery {
                    headers: delivery.headers.clone(),
                    body: delivery.body.clone(),
                    received_at: delivery.received_at.millis(),
                };
                BareGuest::Receive(indices.load(&mut store, &instance)?, delivery)
            }
        };
        Ok((store, guest))
    }
}

impl BareGuest {
    async fn call(&self, store: &mut Store<()>) -> wasmtime::Result<()> {
        match self {
            Self::Check(guest) => drop(guest.call_check(store).await?),
            Self::Receive(guest, delivery) => drop(guest.call_receive(store, delivery).await?),
        }
        Ok(())
    }
}
