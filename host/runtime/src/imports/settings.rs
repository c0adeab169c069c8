//! `opssight:plugin/settings`: the validated settings of the connection, as JSON.

use crate::bindings::opssight::plugin::settings::Host;
use crate::state::HostState;

impl Host for HostState {
    fn get(&mut self, key: String) -> wasmtime::Result<Option<String>> {
        Ok(self.call.target.settings.get(&key).map(ToString::to_string))
    }

    fn all(&mut self) -> wasmtime::Result<String> {
        Ok(self.call.target.settings.to_string())
    }
}
