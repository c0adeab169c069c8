//! `health.check`: can the connection work?

use super::{Export, convert};
use crate::bindings::exports::opssight::plugin::health::Guest;
use crate::budget::Kind;
use crate::error::Fault;
use crate::plugin::Plugin;
use crate::state::HostState;
use crate::text;
use opssight_core::plugins::HealthReport;
use serde::{Deserialize, Serialize};
use wasmtime::Store;
use wasmtime::component::Instance;

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Check;

impl Export for Check {
    const KIND: Kind = Kind::Health;
    type Guest = Guest;
    type Answer = HealthReport;

    fn load(plugin: &Plugin, store: &mut Store<HostState>, instance: &Instance) -> Result<Guest, Fault> {
        let indices = plugin.exports.health.as_ref().ok_or(Fault::NotExported)?;
        indices.load(store, instance).map_err(Fault::Trap)
    }

    async fn call(self, store: &mut Store<HostState>, guest: &Guest) -> Result<HealthReport, Fault> {
        let report = guest.call_check(&mut *store).await.map_err(Fault::Trap)?.map_err(Fault::Failure)?;
        Ok(HealthReport { summary: text::clean(&report.summary, 500), attrs: convert::attrs(report.attrs) })
    }
}
