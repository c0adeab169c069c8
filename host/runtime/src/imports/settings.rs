//! `opssight:plugin/settings`: the validated settings of the connection, as JSON. A connection that withholds them has none.

use crate::bindings::opssight::plugin::settings::Host;
use crate::state::HostState;

impl Host for HostState {
    fn get(&mut self, key: String) -> wasmtime::Result<Option<String>> {
        self.within_host_calls()?;
        if !self.call.gives("settings") {
            return Ok(None);
        }
        Ok(self.call.target.settings.get(&key).map(ToString::to_string))
    }

    fn all(&mut self) -> wasmtime::Result<String> {
        self.within_host_calls()?;
        if !self.call.gives("settings") {
            return Ok("{}".to_owned());
        }
        Ok(self.call.target.settings.to_string())
    }
}
