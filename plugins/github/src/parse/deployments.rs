//! Deployments and their statuses, from deliveries and from `GET .../deployments` and `GET .../deployments/{id}/statuses`.

use super::value::{Text, User, When, login};
use super::{Context, Repository, need, owned, read, service};
use opssight_plugin::items::{Deployment as DeploymentItem, DeploymentState};
use opssight_plugin::{Failure, Item, Reception};
use serde::Deserialize;

#[derive(Deserialize)]
struct Payload<'a> {
    #[serde(borrow)]
    deployment: Option<Deployment<'a>>,
    #[serde(borrow)]
    deployment_status: Option<Status<'a>>,
    workflow_run: Option<WorkflowRun>,
    #[serde(borrow)]
    repository: Option<Repository<'a>>,
}

#[derive(Deserialize)]
struct WorkflowRun {
    id: Option<u64>,
}

/// What is asked to be deployed.
#[derive(Debug, Deserialize)]
pub(crate) struct Deployment<'a> {
    pub(crate) id: Option<u64>,
    #[serde(borrow)]
    environment: Option<Text<'a>>,
    production_environment: Option<bool>,
    #[serde(borrow)]
    sha: Option<Text<'a>>,
    #[serde(borrow, rename = "ref")]
    reference: Option<Text<'a>>,
    #[serde(borrow)]
    task: Option<Text<'a>>,
    #[serde(borrow)]
    description: Option<Text<'a>>,
    #[serde(borrow)]
    creator: Option<User<'a>>,
    #[serde(default)]
    pub(crate) created_at: When,
    #[serde(default)]
    pub(crate) updated_at: When,
}

/// What became of it at one moment.
#[derive(Debug, Deserialize)]
pub(crate) struct Status<'a> {
    #[serde(borrow)]
    state: Option<Text<'a>>,
    #[serde(borrow)]
    environment: Option<Text<'a>>,
    #[serde(borrow)]
    log_url: Option<Text<'a>>,
    #[serde(borrow)]
    target_url: Option<Text<'a>>,
    #[serde(borrow)]
    environment_url: Option<Text<'a>>,
    #[serde(default)]
    created_at: When,
}

pub(super) fn created(body: &[u8], context: &Context) -> Result<Reception, Failure> {
    const EVENT: &str = "deployment";
    let payload: Payload<'_> = read(EVENT, body)?;
    let deployment = need(EVENT, "deployment", payload.deployment)?;
    let service = service(EVENT, payload.repository)?;
    let run_id = payload.workflow_run.and_then(|run| run.id);
    Ok(Reception::of([deployment.item(EVENT, &service, run_id, context)?]))
}

pub(super) fn status(body: &[u8], context: &Context) -> Result<Reception, Failure> {
    const EVENT: &str = "deployment_status";
    let payload: Payload<'_> = read(EVENT, body)?;
    let deployment = need(EVENT, "deployment", payload.deployment)?;
    let id = need(EVENT, "deployment.id", deployment.id)?;
    let service = service(EVENT, payload.repository)?;
    let Some(status) = payload.deployment_status else {
        return Ok(Reception::note("this deployment_status carries no status"));
    };
    let run_id = payload.workflow_run.and_then(|run| run.id);
    let base = deployment.facts(id, &service, run_id, context);
    Ok(Reception::of([status.item(base, context)]))
}

impl Deployment<'_> {
    /// The deployment itself: GitHub has no status yet for what was only asked for, so that it is pending.
    pub(crate) fn item(
        &self,
        event: &str,
        service: &str,
        run_id: Option<u64>,
        context: &Context,
    ) -> Result<Item, Failure> {
        let id = need(event, "deployment.id", self.id)?;
        let mut facts = self.facts(id, service, run_id, context);
        facts.state = facts.created_at.map(|_| DeploymentState::Pending);
        facts.state_at = facts.created_at;
        let at = self.created_at.0.unwrap_or(context.received_at);
        Ok(item(&facts, at))
    }

    fn facts(&self, id: u64, service: &str, run_id: Option<u64>, context: &Context) -> DeploymentItem {
        DeploymentItem {
            id: id.to_string(),
            service: service.to_owned(),
            environment: owned(self.environment.as_ref()),
            production: context.production.decide(self.environment.as_deref(), self.production_environment),
            commit: owned(self.sha.as_ref()),
            reference: owned(self.reference.as_ref()),
            task: owned(self.task.as_ref()),
            description: owned(self.description.as_ref()),
            actor: login(self.creator.as_ref()),
            run_id: run_id.map(|id| id.to_string()),
            created_at: self.created_at.0,
            ..DeploymentItem::default()
        }
    }
}

impl Status<'_> {
    /// A status on top of what is known of its deployment; `facts` holds its id and service at least.
    pub(crate) fn item(&self, mut facts: DeploymentItem, context: &Context) -> Item {
        if facts.environment.is_none() {
            facts.environment = owned(self.environment.as_ref());
            facts.production = context.production.decide(self.environment.as_deref(), facts.production);
        }
        let urls = [&self.log_url, &self.target_url, &self.environment_url];
        facts.url = urls.into_iter().find_map(|url| owned(url.as_ref()));
        facts.state = self.state.as_ref().and_then(state);
        let at = self.created_at.0.unwrap_or(context.received_at);
        facts.state_at = facts.state.map(|_| at);
        item(&facts, at)
    }
}

fn item(facts: &DeploymentItem, at: i64) -> Item {
    let what = facts.reference.as_deref().or(facts.commit.as_deref()).unwrap_or(&facts.service);
    let title = match &facts.environment {
        Some(environment) => format!("{what} to {environment}"),
        None => what.to_owned(),
    };
    Item::of(facts, facts.id.clone(), at, title).maybe_url(facts.url.clone())
}

fn state(state: &Text<'_>) -> Option<DeploymentState> {
    match state.as_ref() {
        "pending" => Some(DeploymentState::Pending),
        "queued" => Some(DeploymentState::Queued),
        "waiting" => Some(DeploymentState::Waiting),
        "in_progress" => Some(DeploymentState::Running),
        "success" => Some(DeploymentState::Success),
        "failure" => Some(DeploymentState::Failure),
        "error" => Some(DeploymentState::Error),
        "inactive" => Some(DeploymentState::Inactive),
        _ => None,
    }
}
