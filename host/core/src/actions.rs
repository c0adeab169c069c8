//! Acting on an upstream: what may be asked, whether the input is right, and what it changed.

use crate::connections::ConnectionStore;
use crate::error::{Kind, StoreError};
use crate::id::{ConnectionId, RunId};
use crate::ingest::{self, Effect, Ingest};
use crate::items::ItemError;
use crate::pipelines::{Run, RunStore};
use crate::plugins::manifest::{ActionSpec, Manifest, misfits};
use crate::plugins::{ActionInvocation, CallError, CallPriority, FailureClass, Plugins, abilities};
use crate::time::Clock;
use opssight_items::RunState;
use std::sync::Arc;

/// Why an action did not happen, or may have happened without us knowing all of it.
#[derive(Debug, thiserror::Error)]
pub enum ActionError {
    /// No such connection.
    #[error("find the connection `{0}`")]
    NoConnection(ConnectionId),
    /// No such run.
    #[error("find the run `{0}`")]
    NoRun(RunId),
    /// The plugin cannot do that.
    #[error("find the action `{action}`: the plugin {plugin} offers {offered:?}")]
    NoAction {
        /// What was asked.
        action: String,
        /// Of whom.
        plugin: String,
        /// What could be asked.
        offered: Vec<String>,
    },
    /// The connection does not let the plugin do it.
    #[error(
        "do `{action}`: the connection `{connection}` withholds it from its plugin; give it in the connection's grants"
    )]
    Withheld {
        /// What was asked.
        action: String,
        /// Through which connection.
        connection: ConnectionId,
    },
    /// The input is not what the action's schema says.
    #[error("accept the action's input: {}", .0.iter().map(|(at, problem)| format!("{at}: {problem}")).collect::<Vec<_>>().join("; "))]
    Input(Vec<(String, String)>),
    /// The plugin failed.
    #[error("act")]
    Call(#[source] Box<CallError>),
    /// The plugin acted, and then said something that we do not believe.
    #[error("read what the plugin answered (the action itself was carried out)")]
    Answer(#[from] ItemError),
    /// The store failed.
    #[error("keep what the action changed")]
    Store(#[from] StoreError),
}

impl ActionError {
    /// The neutral kind.
    pub fn kind(&self) -> Kind {
        match self {
            Self::NoConnection(_) | Self::NoRun(_) | Self::NoAction { .. } => Kind::NotFound,
            Self::Withheld { .. } => Kind::Conflict,
            Self::Input(_) => Kind::Invalid,
            Self::Call(error) => match error.class {
                FailureClass::NotFound => Kind::NotFound,
                FailureClass::RateLimited => Kind::TooMany,
                FailureClass::Config | FailureClass::Unsupported => Kind::Conflict,
                FailureClass::Unavailable => Kind::Unavailable,
                FailureClass::Auth | FailureClass::Upstream => Kind::Upstream,
                FailureClass::Internal | FailureClass::Trap | FailureClass::Budget => Kind::Internal,
            },
            Self::Answer(_) => Kind::Internal,
            Self::Store(_) => Kind::Unavailable,
        }
    }
}

/// What acting brought.
#[derive(Debug, Clone)]
pub struct Acted {
    /// The plugin's answer.
    pub output: serde_json::Value,
    /// Items taken in at once.
    pub items: u32,
}

/// The desk for actions.
#[derive(Clone)]
pub struct Actions {
    /// Through which connections.
    pub connections: Arc<dyn ConnectionStore>,
    /// Who acts.
    pub plugins: Arc<dyn Plugins>,
    /// Where runs are looked up.
    pub runs: Arc<dyn RunStore>,
    /// Where what changed is kept.
    pub ingest: Arc<dyn Ingest>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl Actions {
    /// Carry out an action through a connection. `key` is stable over retries of one request.
    pub async fn act(
        &self,
        id: &ConnectionId,
        action: &str,
        input: serde_json::Value,
        actor: &str,
        key: &str,
    ) -> Result<Acted, ActionError> {
        let connection = self.connections.connection(id).await?.ok_or_else(|| ActionError::NoConnection(id.clone()))?;
        let manifest = self.plugins.manifest(&connection.plugin, connection.digest.as_deref());
        let offered: Vec<String> = manifest
            .as_ref()
            .map(|manifest| manifest.actions.iter().map(|action| action.name.clone()).collect())
            .unwrap_or_default();
        let spec = manifest.as_ref().and_then(|manifest| manifest.action(action)).ok_or_else(|| {
            ActionError::NoAction { action: action.to_owned(), plugin: connection.plugin.to_string(), offered }
        })?;
        if !connection.grants.allow(&abilities::action_key(action)) {
            return Err(ActionError::Withheld { action: action.to_owned(), connection: id.clone() });
        }
        let problems = input_problems(spec, &input);
        if !problems.is_empty() {
            return Err(ActionError::Input(problems));
        }
        let invocation = ActionInvocation {
            name: action.to_owned(),
            input: input.to_string(),
            idempotency_key: key.to_owned(),
            actor: actor.to_owned(),
        };
        let called = self
            .plugins
            .act(&connection.target(CallPriority::Interactive), invocation)
            .await
            .map_err(|error| ActionError::Call(Box::new(error)))?;
        let items = ingest::decode(&called.value.items)?;
        let effect = Effect { connection: connection.id.clone(), items, state: called.state, now: self.clock.now() };
        let applied = self.ingest.apply(effect).await?;
        let output = serde_json::from_str(&called.value.output)
            .unwrap_or_else(|_| serde_json::Value::String(crate::fact::clean(&called.value.output)));
        Ok(Acted { output, items: applied.items })
    }

    /// Carry out an action on a run: the run's identity goes into the input.
    pub async fn act_on_run(
        &self,
        id: &RunId,
        action: &str,
        extra: serde_json::Value,
        actor: &str,
        key: &str,
    ) -> Result<Acted, ActionError> {
        let detail = self.runs.run(id).await?.ok_or_else(|| ActionError::NoRun(id.clone()))?;
        let mut input = extra.as_object().cloned().unwrap_or_default();
        input.insert("service".to_owned(), detail.run.service.clone().into());
        input.insert("run_id".to_owned(), detail.run.upstream_id.clone().into());
        self.act(&detail.run.connection, action, serde_json::Value::Object(input), actor, key).await
    }
}

fn input_problems(spec: &ActionSpec, input: &serde_json::Value) -> Vec<(String, String)> {
    misfits(&spec.input, input).into_iter().map(|(at, problem)| (format!("/input{at}"), problem)).collect()
}

/// Which of a plugin's actions make sense for a run now: those about runs that need no more than the run's identity.
/// What stops a run is for one that is not over; what runs it again, for one that is.
pub fn for_run<'a>(manifest: &'a Manifest, run: &'a Run) -> impl Iterator<Item = &'a ActionSpec> {
    manifest.actions.iter().filter(|action| action.subject == "run" && needs_only_the_run(action)).filter(|action| {
        let stops = action.name.contains("cancel");
        stops == (run.state != RunState::Finished)
    })
}

/// An action that asks for more (which environments, a comment) needs a form of its own.
fn needs_only_the_run(action: &ActionSpec) -> bool {
    let required = action.input.get("required").and_then(|required| required.as_array());
    required.is_none_or(|required| required.iter().all(|name| name == "service" || name == "run_id"))
}
