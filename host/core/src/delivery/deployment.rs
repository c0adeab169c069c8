//! A deployment: how observations of it add up.

use crate::fact::{Known, clean, clean_option, clean_url};
use crate::id::{ConnectionId, DeploymentId};
use crate::pipelines::derived_id;
use crate::time::Timestamp;
use opssight_items::{Deployment as Seen, DeploymentState};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Everything ever learnt about one deployment, as it is stored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DeploymentDoc {
    upstream_id: String,
    service: Known<String>,
    environment: Known<String>,
    production: Known<bool>,
    commit: Known<String>,
    reference: Known<String>,
    task: Known<String>,
    description: Known<String>,
    url: Known<String>,
    actor: Known<String>,
    run_upstream_id: Known<String>,
    created_at: Known<Timestamp>,
    /// Every state it was ever in, and when it was last said to enter it. States gather instead of replacing
    /// each other, so that their order of arrival does not matter.
    states: BTreeMap<DeploymentState, Timestamp>,
}

/// How a deployment came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Not over.
    Pending,
    /// Rolled out.
    Succeeded,
    /// Did not work.
    Failed,
    /// Replaced before anything was known of it.
    Superseded,
}

impl Outcome {
    /// The word in the store and on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Superseded => "superseded",
        }
    }
}

/// What is known now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    /// Our id.
    pub id: DeploymentId,
    /// Seen through.
    pub connection: ConnectionId,
    /// Upstream id.
    pub upstream_id: String,
    /// "owner/name".
    pub service: String,
    /// Where to; "default" while unknown.
    pub environment: String,
    /// Whether that is production.
    pub production: Option<bool>,
    /// Commit.
    pub commit: Option<String>,
    /// What it was asked for by.
    pub reference: Option<String>,
    /// Upstream's word for what is done.
    pub task: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// Its page upstream.
    pub url: Option<String>,
    /// Who asked.
    pub actor: Option<String>,
    /// Upstream id of the run that deploys.
    pub run_upstream_id: Option<String>,
    /// How it came out.
    pub outcome: Outcome,
    /// The newest state.
    pub state: Option<DeploymentState>,
    /// Asked for.
    pub created_at: Option<Timestamp>,
    /// Over.
    pub finished_at: Option<Timestamp>,
}

impl DeploymentId {
    /// The id follows from what it is, so that every order of arrival gives the same one.
    pub fn of(connection: &ConnectionId, upstream_id: &str) -> DeploymentId {
        DeploymentId(derived_id("dep", &[connection.as_str(), upstream_id]))
    }
}

impl DeploymentDoc {
    /// Take in one observation.
    pub fn learn(&mut self, seen: &Seen, at: Timestamp) {
        self.upstream_id.clone_from(&seen.id);
        self.service.learn(Some(clean(&seen.service)), at);
        self.environment.learn(clean_option(seen.environment.as_ref()), at);
        self.production.learn(seen.production, at);
        self.commit.learn(clean_option(seen.commit.as_ref()), at);
        self.reference.learn(clean_option(seen.reference.as_ref()), at);
        self.task.learn(clean_option(seen.task.as_ref()), at);
        self.description.learn(clean_option(seen.description.as_ref()), at);
        self.url.learn(clean_url(seen.url.as_ref()), at);
        self.actor.learn(clean_option(seen.actor.as_ref()), at);
        self.run_upstream_id.learn(clean_option(seen.run_id.as_ref()), at);
        self.created_at.learn(seen.created_at.map(Timestamp::from_millis), at);
        if let Some(state) = seen.state {
            let since = seen.state_at.map_or(at, Timestamp::from_millis);
            let known = self.states.entry(state).or_insert(since);
            *known = (*known).max(since);
        }
    }

    /// What is known now.
    pub fn view(&self, connection: &ConnectionId) -> Deployment {
        let (outcome, finished_at) = self.outcome();
        Deployment {
            id: DeploymentId::of(connection, &self.upstream_id),
            connection: connection.clone(),
            upstream_id: self.upstream_id.clone(),
            service: self.service.cloned().unwrap_or_default(),
            environment: self.environment.cloned().unwrap_or_else(|| "default".to_owned()),
            production: self.production.cloned(),
            commit: self.commit.cloned(),
            reference: self.reference.cloned(),
            task: self.task.cloned(),
            description: self.description.cloned(),
            url: self.url.cloned(),
            actor: self.actor.cloned(),
            run_upstream_id: self.run_upstream_id.cloned(),
            outcome,
            state: self.states.iter().max_by_key(|(state, at)| (**at, **state)).map(|(state, _)| *state),
            created_at: self.created_at.cloned(),
            finished_at,
        }
    }

    /// The last verdict counts: a deployment that failed and then succeeded on a second try succeeded.
    fn outcome(&self) -> (Outcome, Option<Timestamp>) {
        use DeploymentState::{Error, Failure, Inactive, Success};
        let verdict = self
            .states
            .iter()
            .filter(|(state, _)| matches!(state, Success | Failure | Error))
            .max_by_key(|(state, at)| (**at, **state));
        match verdict {
            Some((Success, at)) => (Outcome::Succeeded, Some(*at)),
            Some((_, at)) => (Outcome::Failed, Some(*at)),
            None => match self.states.get(&Inactive) {
                Some(at) => (Outcome::Superseded, Some(*at)),
                None => (Outcome::Pending, None),
            },
        }
    }
}

impl Deployment {
    /// The time by which lists are ordered.
    pub fn sort_at(&self) -> Timestamp {
        self.created_at.or(self.finished_at).unwrap_or_default()
    }

    /// Whether it says of itself that it takes an earlier one back.
    pub fn is_rollback(&self) -> bool {
        let says = |text: &Option<String>| {
            text.as_ref().is_some_and(|text| {
                let text = text.to_lowercase();
                text.contains("rollback") || text.contains("roll back") || text.starts_with("revert")
            })
        };
        says(&self.task) || says(&self.description)
    }

    /// CDEvents' word for what happened.
    pub fn event_type(&self) -> &'static str {
        match self.outcome {
            Outcome::Succeeded if self.is_rollback() => "dev.cdevents.service.rolledback.0.3.0",
            Outcome::Succeeded => "dev.cdevents.service.deployed.0.3.0",
            Outcome::Failed => "dev.opssight.deployment.failed.0.1.0",
            Outcome::Pending | Outcome::Superseded => "dev.opssight.deployment.updated.0.1.0",
        }
    }
}
