//! `notifier.send`: people are told, and each notification has its own answer.

use super::{Export, convert, run};
use crate::bindings::exports::opssight::plugin::notifier::{
    Guest, Notification as WitNotification, Receipt as WitReceipt,
};
use crate::bindings::opssight::plugin::types::Failure;
use crate::budget::Kind;
use crate::context::CallContext;
use crate::error::{self, Fault};
use crate::plugin::Plugin;
use crate::registry::PluginHost;
use crate::state::HostState;
use crate::text;
use async_trait::async_trait;
use opssight_core::plugins::kinds::{Notification, Notified, Notifier, Receipt};
use opssight_core::plugins::{CallError, CallTarget, Called};
use serde::{Deserialize, Serialize};
use wasmtime::Store;
use wasmtime::component::Instance;

const MAX_UPSTREAM_ID: usize = 512;

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Notify {
    pub(crate) channel: String,
    pub(crate) batch: Vec<Notification>,
}

impl Export for Notify {
    const KIND: Kind = Kind::Notifier;
    type Guest = Guest;
    type Answer = Vec<Notified>;

    fn weight(&self) -> usize {
        self.batch.iter().map(|one| one.title.len() + one.body_md.len() + convert::attrs_size(&one.attrs)).sum()
    }

    fn load(plugin: &Plugin, store: &mut Store<HostState>, instance: &Instance) -> Result<Guest, Fault> {
        let indices = plugin.exports.notifier.as_ref().ok_or(Fault::NotExported)?;
        indices.load(store, instance).map_err(Fault::Trap)
    }

    async fn call(self, store: &mut Store<HostState>, guest: &Guest) -> Result<Vec<Notified>, Fault> {
        let ids: Vec<String> = self.batch.iter().map(|notification| notification.id.clone()).collect();
        let batch: Vec<WitNotification> = self.batch.into_iter().map(outgoing).collect();
        let answers = guest.call_send(&mut *store, &self.channel, &batch).await.map_err(Fault::Trap)?;
        // One that is missing may have been sent or not, and one too many belongs to nobody: nothing can be believed.
        if answers.len() != ids.len() {
            let (given, wanted) = (answers.len(), ids.len());
            return Err(convert::invalid(format!("it gave {given} receipts for {wanted} notifications")));
        }
        let call = &store.data().call;
        convert::few_enough("receipts", answers.len(), &call.budget)?;
        convert::fits(answers.iter().map(size).sum(), &call.budget)?;
        Ok(ids.into_iter().zip(answers).map(|(id, answer)| notified(call, id, answer)).collect())
    }
}

fn outgoing(notification: Notification) -> WitNotification {
    let Notification { id, title, body_md, severity, at, url, group_key, resolved, attrs } = notification;
    let (severity, at) = (severity.level(), at.millis());
    WitNotification { id, title, body_md, severity, at, url, group_key, resolved, attrs }
}

/// The answer at a notification's place is the answer for it, whatever stands in it.
fn notified(call: &CallContext, id: String, answer: Result<WitReceipt, Failure>) -> Notified {
    let clean = |text: &str, max| text::clean(&call.secrets.scrub(text), max);
    let outcome = match answer {
        Ok(receipt) => Ok(Receipt {
            upstream_id: receipt.upstream_id.map(|id| clean(&id, MAX_UPSTREAM_ID)),
            attrs: convert::attrs(receipt.attrs)
                .into_iter()
                .map(|(name, value)| (name, clean(&value, 1_000)))
                .collect(),
        }),
        Err(failure) => Err(error::notify_failure(call, failure)),
    };
    Notified { id, outcome }
}

fn size(answer: &Result<WitReceipt, Failure>) -> usize {
    match answer {
        Ok(receipt) => receipt.upstream_id.as_ref().map_or(0, String::len) + convert::attrs_size(&receipt.attrs),
        Err(failure) => failure.code.len() + failure.message.len() + convert::attrs_size(&failure.attrs),
    }
}

#[async_trait]
impl Notifier for PluginHost {
    async fn notify(
        &self,
        target: &CallTarget,
        channel: &str,
        batch: Vec<Notification>,
    ) -> Result<Called<Vec<Notified>>, CallError> {
        run(self, target, Notify { channel: channel.to_owned(), batch }).await
    }
}
