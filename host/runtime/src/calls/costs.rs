//! `costs.fetch`: one page of a bill.

use super::{Export, convert, run};
use crate::bindings::exports::opssight::plugin::costs::{CostPage as WitPage, Guest};
use crate::budget::Kind;
use crate::error::Fault;
use crate::plugin::Plugin;
use crate::registry::PluginHost;
use crate::state::HostState;
use async_trait::async_trait;
use opssight_core::plugins::kinds::{CostColumns, CostPage, CostRequest, CostSource};
use opssight_core::plugins::{CallError, CallTarget, Called};
use serde::{Deserialize, Serialize};
use wasmtime::Store;
use wasmtime::component::Instance;

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Fetch(pub(crate) CostRequest);

impl Export for Fetch {
    const KIND: Kind = Kind::Costs;
    type Guest = Guest;
    type Answer = CostPage;

    fn load(plugin: &Plugin, store: &mut Store<HostState>, instance: &Instance) -> Result<Guest, Fault> {
        let indices = plugin.exports.costs.as_ref().ok_or(Fault::NotExported)?;
        indices.load(store, instance).map_err(Fault::Trap)
    }

    async fn call(self, store: &mut Store<HostState>, guest: &Guest) -> Result<CostPage, Fault> {
        let CostRequest { start_at, end_at, granularity, page } = self.0;
        let page = convert::page(page);
        let (start_at, end_at) = (start_at.millis(), end_at.millis());
        let answer = guest.call_fetch(&mut *store, start_at, end_at, granularity.name(), &page).await;
        let page = answer.map_err(Fault::Trap)?.map_err(Fault::Failure)?;
        let budget = &store.data().call.budget;
        convert::few_enough("rows", page.billed_nanos.len(), budget)?;
        convert::fits(size(&page), budget)?;
        CostPage::new(CostColumns {
            currency: page.currency,
            columns: page.columns,
            text: page.text,
            billed_nanos: page.billed_nanos,
            effective_nanos: page.effective_nanos,
            start_at: page.start_at,
            end_at: page.end_at,
            tags: page.tags,
            next: convert::cursor(page.next)?,
        })
        .map_err(convert::malformed)
    }
}

fn size(page: &WitPage) -> usize {
    let text: usize = page.text.iter().flatten().map(String::len).sum();
    let tags: usize = page.tags.iter().map(|tags| convert::attrs_size(tags)).sum();
    let numbers = [page.billed_nanos.len(), page.effective_nanos.len(), page.start_at.len(), page.end_at.len()];
    text + tags + numbers.iter().sum::<usize>() * size_of::<i64>()
}

#[async_trait]
impl CostSource for PluginHost {
    async fn fetch_costs(&self, target: &CallTarget, request: CostRequest) -> Result<Called<CostPage>, CallError> {
        run(self, target, Fetch(request)).await
    }
}
