//! The one WebAssembly engine: what it compiles, how it allocates, and the threads that drive it.

mod threads;
mod ticker;

pub(crate) use threads::PluginThreads;

use crate::budget::{MAX_MEMORIES, MAX_MEMORY_BYTES, MAX_TABLE_ELEMENTS, MAX_TABLES};
use crate::class::SizeClass;
use ticker::Ticker;
use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig, Strategy};
use wasmtime::{WasmBacktraceDetails, WasmFeatures};

/// An engine, and the ticker that lets it interrupt guests.
pub(crate) struct PluginEngine {
    pub(crate) engine: Engine,
    _ticker: Ticker,
}

impl PluginEngine {
    /// Start with a pool for `calls` instances at once and `kept` ones between calls, or without one where the address
    /// space does not allow it.
    ///
    /// The pool reserves about 4 GiB of addresses for each memory, because that is what lets compiled code go
    /// without bounds checks. Containers with an address limit and small machines refuse that; plugins then run
    /// from ordinary memory, several times slower to start but under the same limits.
    pub(crate) fn start(calls: u32, kept: u32) -> wasmtime::Result<Self> {
        let calls = calls.saturating_add(kept);
        let (engine, pooled) = match Engine::new(&config(Some(calls))) {
            Ok(engine) => (engine, true),
            Err(error) => {
                tracing::warn!(
                    error = format!("{error:#}"),
                    calls,
                    "no room for the instance pool: plugins run from ordinary memory and start slower"
                );
                (Engine::new(&config(None))?, false)
            }
        };
        metrics::gauge!("opssight_plugin_pool").set(if pooled { 1.0 } else { 0.0 });
        let ticker = Ticker::start(engine.clone())?;
        Ok(Self { engine, _ticker: ticker })
    }
}

/// The configuration, with a pool for so many instances or without one. What it says about the code holds in the host
/// and in the compile worker: they agree because both call this.
pub(crate) fn config(pool: Option<u32>) -> Config {
    let mut config = Config::new();
    config
        .strategy(Strategy::Cranelift)
        .cranelift_opt_level(OptLevel::Speed)
        .wasm_component_model(true)
        .epoch_interruption(true)
        // WASI 0.2 needs no concurrency within a component, and a call is 2.6 times cheaper without it.
        .concurrency_support(false)
        .memory_init_cow(true)
        // The gap between the two is all that a host function may use on a guest's stack.
        .max_wasm_stack(512 << 10)
        .async_stack_size(2 << 20)
        // What one call leaves on its stack is nothing that the next one could find.
        .async_stack_zeroing(true)
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        .wasm_features(unused_proposals(), false)
        .wasm_features(WasmFeatures::SIMD | WasmFeatures::BULK_MEMORY, true)
        // What carries a call from one memory of a component to another is made of it: a component of several parts,
        // as QuickJS guests are, cannot be compiled without.
        .wasm_features(WasmFeatures::MULTI_MEMORY, true);
    if let Some(calls) = pool {
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool_of(calls)));
    }
    config
}

/// What no plugin of ours needs cannot have a bug that matters.
fn unused_proposals() -> WasmFeatures {
    WasmFeatures::THREADS
        | WasmFeatures::SHARED_EVERYTHING_THREADS
        | WasmFeatures::MEMORY64
        | WasmFeatures::TAIL_CALL
        | WasmFeatures::EXCEPTIONS
        | WasmFeatures::GC
        | WasmFeatures::FUNCTION_REFERENCES
        | WasmFeatures::RELAXED_SIMD
        | WasmFeatures::STACK_SWITCHING
        | WasmFeatures::CUSTOM_PAGE_SIZES
        | WasmFeatures::WIDE_ARITHMETIC
}

/// Each place has room for the most that a plugin may have, so that none can take the place of another. That costs
/// addresses, of which there are plenty, and no memory.
fn pool_of(calls: u32) -> PoolingAllocationConfig {
    let instances = u32::try_from(SizeClass::Large.shape().instances).unwrap_or(u32::MAX);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(calls)
        .total_core_instances(calls.saturating_mul(instances))
        .max_core_instances_per_component(instances)
        .total_memories(calls.saturating_mul(MAX_MEMORIES))
        .max_memories_per_component(MAX_MEMORIES)
        .total_tables(calls.saturating_mul(MAX_TABLES))
        .max_tables_per_component(MAX_TABLES)
        .table_elements(MAX_TABLE_ELEMENTS)
        .total_stacks(calls)
        .async_stack_keep_resident(64 << 10)
        .max_memory_size(MAX_MEMORY_BYTES)
        // Keeping pages only pays together with PAGEMAP_SCAN, which finds the dirty ones without faulting.
        .linear_memory_keep_resident(if pagemap_scan() { 2 << 20 } else { 128 << 10 })
        .table_keep_resident(64 << 10)
        .pagemap_scan(Enabled::Auto)
        // What a burst leaves behind: so many slots stay warm, the others give their memory back.
        .max_unused_warm_slots(16);
    pool
}

fn pagemap_scan() -> bool {
    PoolingAllocationConfig::is_pagemap_scan_available()
}
