//! What a plugin may ask of the host, one interface per file.

pub(crate) mod http;
pub(crate) mod log;
mod reveal;
mod settings;
pub(crate) mod state;

use crate::bindings::opssight::plugin;
use crate::bindings::opssight::plugin::types::{Failure, FailureClass};
use crate::state::HostState;
use wasmtime::component::{HasSelf, Linker};

/// Link everything that this version offers. What is not linked here is refused by [`crate::precheck`] in words.
pub(crate) fn link(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    type Own = HasSelf<HostState>;
    plugin::types::add_to_linker::<_, Own>(linker, HostState::counted)?;
    plugin::log::add_to_linker::<_, Own>(linker, HostState::counted)?;
    plugin::settings::add_to_linker::<_, Own>(linker, HostState::counted)?;
    plugin::state::add_to_linker::<_, Own>(linker, HostState::counted)?;
    plugin::reveal::add_to_linker::<_, Own>(linker, HostState::counted)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(linker)
}

impl plugin::types::Host for HostState {}

/// What a plugin hears when its connection withholds an interface from it.
fn withheld(interface: &str) -> Failure {
    Failure {
        class: FailureClass::Config,
        code: "policy.withheld".to_owned(),
        message: format!("the connection does not let its plugin use {interface}"),
        retry_after_ms: None,
        attrs: Vec::new(),
    }
}
