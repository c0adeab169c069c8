//! `webhook.receive`: a verified delivery becomes items.

use super::{Export, convert};
use crate::bindings::exports::opssight::plugin::webhook::{Delivery, Guest};
use crate::budget::Kind;
use crate::error::Fault;
use crate::plugin::Plugin;
use crate::state::HostState;
use crate::text;
use opssight_core::plugins::{Reception, WebhookDelivery, abilities};
use serde::{Deserialize, Serialize};
use wasmtime::Store;
use wasmtime::component::Instance;

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Receive(pub(crate) WebhookDelivery);

impl Export for Receive {
    const KIND: Kind = Kind::Webhook;
    type Guest = Guest;
    type Answer = Reception;

    fn weight(&self) -> usize {
        self.0.body.len()
    }

    fn ability(&self) -> Option<String> {
        Some(abilities::RECEIVE.to_owned())
    }

    fn load(plugin: &Plugin, store: &mut Store<HostState>, instance: &Instance) -> Result<Guest, Fault> {
        let indices = plugin.exports.webhook.as_ref().ok_or(Fault::NotExported)?;
        indices.load(store, instance).map_err(Fault::Trap)
    }

    async fn call(self, store: &mut Store<HostState>, guest: &Guest) -> Result<Reception, Fault> {
        let delivery =
            Delivery { headers: self.0.headers, body: self.0.body, received_at: self.0.received_at.millis() };
        let answer = guest.call_receive(&mut *store, &delivery).await.map_err(Fault::Trap)?;
        let reception = answer.map_err(Fault::Failure)?;
        Ok(Reception {
            items: convert::items(reception.items, &store.data().call.budget)?,
            note: reception.note.map(|note| text::clean(&note, 500)),
        })
    }
}
