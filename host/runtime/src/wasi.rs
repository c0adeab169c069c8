//! The part of WASI 0.2 that plugins get: streams, clocks, randomness, and a command line with nothing in it.
//! Files and sockets are not linked at all.

mod clocks;
mod random;
mod stdio;

pub(crate) use stdio::Printed;

use crate::state::HostState;
use opssight_core::plugins::LogLevel as Level;
use std::sync::Arc;
use stdio::Captured;
use wasmtime::component::{HasData, HasSelf, Linker, ResourceTable};
use wasmtime_wasi::cli::{WasiCli, WasiCliView};
use wasmtime_wasi::p2::bindings::{cli, clocks as wasi_clocks, io, random as wasi_random};
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder};

struct Io;

impl HasData for Io {
    type Data<'a> = &'a mut ResourceTable;
}

/// Link what [`crate::precheck`] lets a component import.
pub(crate) fn link(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    type S = HostState;
    type Own = HasSelf<S>;
    let l = linker;
    io::error::add_to_linker::<S, Io>(l, |state| &mut state.counted().table)?;
    io::poll::add_to_linker::<S, Io>(l, |state| &mut state.counted().table)?;
    io::streams::add_to_linker::<S, Io>(l, |state| &mut state.counted().table)?;
    wasi_clocks::wall_clock::add_to_linker::<S, Own>(l, |state| state.counted())?;
    wasi_clocks::monotonic_clock::add_to_linker::<S, Own>(l, |state| state.counted())?;
    wasi_random::random::add_to_linker::<S, Own>(l, |state| state.counted())?;
    wasi_random::insecure::add_to_linker::<S, Own>(l, |state| state.counted())?;
    wasi_random::insecure_seed::add_to_linker::<S, Own>(l, |state| state.counted())?;
    cli::exit::add_to_linker::<S, WasiCli>(l, |state| state.counted().cli())?;
    cli::environment::add_to_linker::<S, WasiCli>(l, |state| state.counted().cli())?;
    cli::stdin::add_to_linker::<S, WasiCli>(l, |state| state.counted().cli())?;
    cli::stdout::add_to_linker::<S, WasiCli>(l, |state| state.counted().cli())?;
    cli::stderr::add_to_linker::<S, WasiCli>(l, |state| state.counted().cli())?;
    cli::terminal_input::add_to_linker::<S, WasiCli>(l, |state| state.counted().cli())?;
    cli::terminal_output::add_to_linker::<S, WasiCli>(l, |state| state.counted().cli())?;
    cli::terminal_stdin::add_to_linker::<S, WasiCli>(l, |state| state.counted().cli())?;
    cli::terminal_stdout::add_to_linker::<S, WasiCli>(l, |state| state.counted().cli())?;
    cli::terminal_stderr::add_to_linker::<S, WasiCli>(l, |state| state.counted().cli())?;
    Ok(())
}

/// Nothing inherited: no variables, no arguments, no input; what is printed goes to the plugin's log.
pub(crate) fn context(printed: &Arc<Printed>) -> WasiCtx {
    WasiCtxBuilder::new()
        .stdout(Captured::new(Arc::clone(printed), Level::Debug))
        .stderr(Captured::new(Arc::clone(printed), Level::Warn))
        .build()
}
