//! `actions.run`: something is done upstream.

use super::{Export, convert};
use crate::bindings::exports::opssight::plugin::actions::{Guest, Invocation};
use crate::budget::Kind;
use crate::error::Fault;
use crate::plugin::Plugin;
use crate::state::HostState;
use opssight_core::plugins::{ActionInvocation, ActionOutcome, abilities};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use wasmtime::Store;
use wasmtime::component::Instance;

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Act(pub(crate) ActionInvocation);

impl Export for Act {
    const KIND: Kind = Kind::Actions;
    type Guest = Guest;
    type Answer = ActionOutcome;

    fn ability(&self) -> Option<String> {
        Some(abilities::action_key(&self.0.name))
    }

    fn load(plugin: &Plugin, store: &mut Store<HostState>, instance: &Instance) -> Result<Guest, Fault> {
        let indices = plugin.exports.actions.as_ref().ok_or(Fault::NotExported)?;
        indices.load(store, instance).map_err(Fault::Trap)
    }

    async fn call(self, store: &mut Store<HostState>, guest: &Guest) -> Result<ActionOutcome, Fault> {
        let ActionInvocation { name, input, idempotency_key, actor } = self.0;
        if store.data().call.plugin.manifest.action(&name).is_none() {
            return Err(Fault::NotDeclared("action", name));
        }
        let invocation = Invocation { name, input, idempotency_key, actor };
        let answer = guest.call_run(&mut *store, &invocation).await.map_err(Fault::Trap)?;
        let outcome = answer.map_err(Fault::Failure)?;
        convert::fits(outcome.output.len(), &store.data().call.budget)?;
        if serde_json::from_str::<IgnoredAny>(&outcome.output).is_err() {
            return Err(convert::invalid("the output of its action is not JSON".to_owned()));
        }
        Ok(ActionOutcome { items: convert::items(outcome.items, &store.data().call.budget)?, output: outcome.output })
    }
}
