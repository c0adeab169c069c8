//! `source.pull`: one page of one feed.

use super::{Export, convert};
use crate::bindings::exports::opssight::plugin::source::Guest;
use crate::budget::Kind;
use crate::error::Fault;
use crate::plugin::Plugin;
use crate::state::HostState;
use opssight_core::plugins::{PageRequest, PullBatch, abilities};
use serde::{Deserialize, Serialize};
use wasmtime::Store;
use wasmtime::component::Instance;

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Pull {
    pub(crate) feed: String,
    pub(crate) checkpoint: Option<String>,
    pub(crate) page: PageRequest,
}

impl Export for Pull {
    const KIND: Kind = Kind::Source;
    type Guest = Guest;
    type Answer = PullBatch;

    fn ability(&self) -> Option<String> {
        Some(abilities::feed_key(&self.feed))
    }

    fn load(plugin: &Plugin, store: &mut Store<HostState>, instance: &Instance) -> Result<Guest, Fault> {
        let indices = plugin.exports.source.as_ref().ok_or(Fault::NotExported)?;
        indices.load(store, instance).map_err(Fault::Trap)
    }

    async fn call(self, store: &mut Store<HostState>, guest: &Guest) -> Result<PullBatch, Fault> {
        if store.data().call.plugin.manifest.feed(&self.feed).is_none() {
            return Err(Fault::NotDeclared("feed", self.feed));
        }
        let page = convert::page(self.page);
        let answer = guest.call_pull(&mut *store, &self.feed, self.checkpoint.as_deref(), &page).await;
        let batch = answer.map_err(Fault::Trap)?.map_err(Fault::Failure)?;
        Ok(PullBatch {
            items: convert::items(batch.items, &store.data().call.budget)?,
            next: convert::cursor(batch.next)?,
            checkpoint: convert::cursor(batch.checkpoint)?,
        })
    }
}
