//! What a store holds: one call, its limits and its overlay of state writes. Gone when the call is over, or made ready
//! for the next one if the instance is kept ([`crate::warm`]).

use crate::budget::{Exhausted, MAX_HANDLES, MAX_HEADER_BYTES, MAX_RESOURCES};
use crate::context::CallContext;
use crate::error::Stopped;
use crate::imports::http::HttpHooks;
use crate::imports::state::Overlay;
use crate::wasi::{self, Printed};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use wasmtime::component::ResourceTable;
use wasmtime::{Engine, Store, UpdateDeadline};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

/// The data of a store.
pub(crate) struct HostState {
    pub(crate) call: Arc<CallContext>,
    pub(crate) table: ResourceTable,
    pub(crate) overlay: Overlay,
    /// Memory granted so far, over all memories.
    pub(crate) memory_bytes: usize,
    /// Host functions called so far.
    host_calls: u32,
    /// The growth that was refused last.
    pub(crate) denied: Option<Exhausted>,
    /// Made when a guest first asks for it: most calls never look at clock, randomness or standard output, and
    /// seeding three random generators would be a tenth of a short call.
    wasi: Option<Box<Wasi>>,
    http: WasiHttpCtx,
    hooks: HttpHooks,
}

struct Wasi {
    ctx: WasiCtx,
    printed: Arc<Printed>,
}

impl HostState {
    fn new(call: Arc<CallContext>) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(MAX_RESOURCES);
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(MAX_HEADER_BYTES);
        Self {
            hooks: HttpHooks::new(Arc::clone(&call)),
            call,
            table,
            overlay: Overlay::default(),
            memory_bytes: 0,
            host_calls: 0,
            denied: None,
            wasi: None,
            http,
        }
    }

    /// The way in of every host function: one more call. Whatever looks this cheap cannot also refuse, so the next
    /// tick, the end of the call and our own functions do.
    pub(crate) fn counted(&mut self) -> &mut Self {
        self.host_calls = self.host_calls.saturating_add(1);
        self
    }

    /// Whether the call may still call host functions.
    pub(crate) fn within_host_calls(&self) -> Result<(), Exhausted> {
        let limit = self.call.budget.host_calls;
        if self.host_calls > limit { Err(Exhausted::HostCalls(limit)) } else { Ok(()) }
    }

    /// From here on everything is done for this call, and counted for it.
    pub(crate) fn serve(&mut self, call: Arc<CallContext>) {
        call.memory_peak.fetch_max(self.memory_bytes as u64, Ordering::Relaxed);
        self.overlay = Overlay::default();
        self.denied = None;
        self.host_calls = 0;
        self.hooks = HttpHooks::new(Arc::clone(&call));
        if let Some(wasi) = &self.wasi {
            wasi.printed.serve(Arc::clone(&call));
        }
        self.call = call;
    }
}

impl Drop for HostState {
    fn drop(&mut self) {
        self.call.services.memory.give(&self.call.plugin, self.memory_bytes);
    }
}

/// A store for one call, with every limit set.
pub(crate) fn store(engine: &Engine, call: Arc<CallContext>) -> Store<HostState> {
    let hostcall_bytes = call.budget.hostcall_bytes;
    let mut store = Store::new(engine, HostState::new(call));
    store.limiter(|state| state);
    store.set_hostcall_fuel(hostcall_bytes);
    store.set_max_component_handles(MAX_HANDLES);
    // A tick only asks; the clocks decide. Between two ticks the call steps back, so that calls share their threads.
    store.epoch_deadline_callback(|context| {
        let call = &context.data().call;
        if call.plugin.stopped().is_some() {
            return Err(Stopped.into());
        }
        context.data().within_host_calls()?;
        call.meter.check()?;
        call.meter.step_back();
        Ok(UpdateDeadline::Yield(1))
    });
    store.set_epoch_deadline(1);
    store
}

impl WasiView for HostState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let call = &self.call;
        let wasi = self.wasi.get_or_insert_with(|| {
            let printed = Arc::new(Printed::new(Arc::clone(call)));
            Box::new(Wasi { ctx: wasi::context(&printed), printed })
        });
        WasiCtxView { ctx: &mut wasi.ctx, table: &mut self.table }
    }
}

impl WasiHttpView for HostState {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        self.counted();
        WasiHttpCtxView { hooks: &mut self.hooks, table: &mut self.table, ctx: &mut self.http }
    }
}
