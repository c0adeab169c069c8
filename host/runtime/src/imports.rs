//! What a plugin may ask of the host, one interface per file.

pub(crate) mod http;
pub(crate) mod log;
mod settings;
pub(crate) mod state;

use crate::bindings::opssight::plugin;
use crate::state::HostState;
use wasmtime::component::{HasSelf, Linker};

/// Link everything that this version offers. What is not linked here is refused by [`crate::precheck`] in words.
pub(crate) fn link(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    type Own = HasSelf<HostState>;
    plugin::types::add_to_linker::<_, Own>(linker, |state| state)?;
    plugin::log::add_to_linker::<_, Own>(linker, |state| state)?;
    plugin::settings::add_to_linker::<_, Own>(linker, |state| state)?;
    plugin::state::add_to_linker::<_, Own>(linker, |state| state)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(linker)
}

impl plugin::types::Host for HostState {}
