//! `inventory.list-resources`: one page of what is running.

use super::{Export, convert, run};
use crate::bindings::exports::opssight::plugin::inventory::Guest;
use crate::budget::Kind;
use crate::error::Fault;
use crate::plugin::Plugin;
use crate::registry::PluginHost;
use crate::state::HostState;
use async_trait::async_trait;
use opssight_core::plugins::kinds::{Inventory, InventoryPage};
use opssight_core::plugins::{CallError, CallTarget, Called, PageRequest};
use serde::{Deserialize, Serialize};
use wasmtime::Store;
use wasmtime::component::Instance;

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct ListResources {
    pub(crate) scope: String,
    pub(crate) page: PageRequest,
}

impl Export for ListResources {
    const KIND: Kind = Kind::Inventory;
    type Guest = Guest;
    type Answer = InventoryPage;

    fn load(plugin: &Plugin, store: &mut Store<HostState>, instance: &Instance) -> Result<Guest, Fault> {
        let indices = plugin.exports.inventory.as_ref().ok_or(Fault::NotExported)?;
        indices.load(store, instance).map_err(Fault::Trap)
    }

    async fn call(self, store: &mut Store<HostState>, guest: &Guest) -> Result<InventoryPage, Fault> {
        let answer = guest.call_list_resources(&mut *store, &self.scope, &convert::page(self.page)).await;
        let page = answer.map_err(Fault::Trap)?.map_err(Fault::Failure)?;
        Ok(InventoryPage {
            resources: convert::items(page.resources, &store.data().call.budget)?,
            next: convert::cursor(page.next)?,
        })
    }
}

#[async_trait]
impl Inventory for PluginHost {
    async fn list_resources(
        &self,
        target: &CallTarget,
        scope: &str,
        page: PageRequest,
    ) -> Result<Called<InventoryPage>, CallError> {
        run(self, target, ListResources { scope: scope.to_owned(), page }).await
    }
}
