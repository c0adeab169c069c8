//! What a person may ask GitHub to do. Each answers with what is different afterwards, as far as one more request tells.

use crate::client::{Client, read};
use crate::config::Settings;
use crate::parse::runs::Run;
use crate::parse::value::{List, Text};
use opssight_plugin::http::encode;
use opssight_plugin::{Failure, Invocation, Item, Outcome, log};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

const REQUESTS: u32 = 4;

#[derive(Deserialize)]
struct RunInput {
    service: String,
    run_id: String,
    #[serde(default)]
    debug: bool,
}

#[derive(Deserialize)]
struct DispatchInput {
    service: String,
    workflow: String,
    #[serde(rename = "ref")]
    reference: String,
    #[serde(default)]
    inputs: serde_json::Map<String, Value>,
}

#[derive(Deserialize)]
struct ReviewInput {
    service: String,
    run_id: String,
    decision: Decision,
    #[serde(default)]
    comment: String,
    #[serde(default)]
    environments: Vec<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Decision {
    Approve,
    Reject,
}

#[derive(Deserialize)]
struct Dispatched {
    workflow_run_id: Option<u64>,
    html_url: Option<String>,
}

#[derive(Deserialize)]
struct Pending<'a> {
    #[serde(borrow)]
    environment: Option<Environment<'a>>,
    current_user_can_approve: Option<bool>,
}

#[derive(Deserialize)]
struct Environment<'a> {
    id: Option<u64>,
    #[serde(borrow)]
    name: Option<Text<'a>>,
}

#[derive(Serialize)]
struct Review<'a> {
    environment_ids: Vec<u64>,
    state: &'a str,
    comment: &'a str,
}

pub(crate) fn run(invocation: &Invocation) -> Result<Outcome, Failure> {
    let client = Client::new(&Settings::read()?.base_url, REQUESTS);
    match invocation.name.as_str() {
        "rerun" => rerun(&client, &input(invocation)?, "rerun"),
        "rerun-failed-jobs" => rerun(&client, &input(invocation)?, "rerun-failed-jobs"),
        "cancel" => stop(&client, &input(invocation)?, "cancel"),
        "force-cancel" => stop(&client, &input(invocation)?, "force-cancel"),
        "dispatch" => dispatch(&client, &input(invocation)?),
        "review-deployment" => review(&client, &input(invocation)?, &invocation.actor),
        name => Err(Failure::unsupported("github.no-action", format!("there is no action called {name}"))),
    }
}

fn input<'a, T: Deserialize<'a>>(invocation: &'a Invocation) -> Result<T, Failure> {
    serde_json::from_str(&invocation.input).map_err(|error| {
        Failure::unsupported("github.bad-input", format!("the input of {} does not fit: {error}", invocation.name))
    })
}

fn rerun(client: &Client, input: &RunInput, what: &str) -> Result<Outcome, Failure> {
    let path = run_path(&input.service, &input.run_id);
    client.post(&format!("{path}/{what}"), &json!({ "enable_debug_logging": input.debug }))?;
    Ok(outcome(json!({ "run_id": input.run_id }), now(client, &input.service, &input.run_id)))
}

fn stop(client: &Client, input: &RunInput, what: &str) -> Result<Outcome, Failure> {
    let path = run_path(&input.service, &input.run_id);
    client.post_nothing(&format!("{path}/{what}"))?;
    Ok(outcome(json!({ "run_id": input.run_id }), now(client, &input.service, &input.run_id)))
}

fn dispatch(client: &Client, input: &DispatchInput) -> Result<Outcome, Failure> {
    let (service, workflow) = (&input.service, encode(&input.workflow));
    let path = format!("/repos/{service}/actions/workflows/{workflow}/dispatches");
    let body = json!({ "ref": input.reference, "inputs": input.inputs, "return_run_details": true });
    let response = client.post(&path, &body)?;
    // A server from before `return_run_details` answers 204 and does not say which run it started.
    if response.body.is_empty() {
        return Ok(outcome(json!({ "run_id": null }), None));
    }
    let dispatched: Dispatched = read(&path, &response)?;
    let run_id = dispatched.workflow_run_id.map(|id| id.to_string());
    let item = run_id.as_deref().and_then(|run_id| now(client, service, run_id));
    Ok(outcome(json!({ "run_id": run_id, "url": dispatched.html_url }), item))
}

fn review(client: &Client, input: &ReviewInput, actor: &str) -> Result<Outcome, Failure> {
    let path = format!("{}/pending_deployments", run_path(&input.service, &input.run_id));
    let response = client.get(&path)?;
    let pending: List<Pending<'_>> = read(&path, &response)?;
    let mut ids = Vec::new();
    let mut names = Vec::new();
    for waiting in &pending.0 {
        let Some(environment) = &waiting.environment else { continue };
        let name = environment.name.as_deref().unwrap_or_default();
        let wanted = input.environments.is_empty() || input.environments.iter().any(|wanted| wanted == name);
        if let Some(id) = environment.id
            && wanted
            && waiting.current_user_can_approve != Some(false)
        {
            ids.push(id);
            names.push(name.to_owned());
        }
    }
    if ids.is_empty() {
        return Err(Failure::not_found(
            "github.nothing-waits",
            format!("run {} of {} waits for no decision that this credential may make", input.run_id, input.service),
        ));
    }
    let state = match input.decision {
        Decision::Approve => "approved",
        Decision::Reject => "rejected",
    };
    // GitHub wants a comment; who asked belongs into its audit trail in any case.
    let comment = match input.comment.as_str() {
        "" => format!("{state} by {actor} through OpsSight"),
        comment => format!("{comment} ({actor} through OpsSight)"),
    };
    client.post(&path, &Review { environment_ids: ids, state, comment: &comment })?;
    let output = json!({ "run_id": input.run_id, "decision": state, "environments": names });
    Ok(outcome(output, now(client, &input.service, &input.run_id)))
}

fn run_path(service: &str, run_id: &str) -> String {
    format!("/repos/{service}/actions/runs/{}", encode(run_id))
}

/// The run as it is now. It was done already, so that not seeing it is no failure: a delivery or the next poll tells.
fn now(client: &Client, service: &str, run_id: &str) -> Option<Item> {
    let path = run_path(service, run_id);
    let item = client.get(&path).and_then(|response| {
        let run: Run<'_> = read(&path, &response)?;
        run.item("workflow_run", service)
    });
    item.inspect_err(|failure| log::info("the run cannot be read after the action", &[("because", &failure.message)]))
        .ok()
}

fn outcome(output: Value, item: Option<Item>) -> Outcome {
    Outcome { output: output.to_string(), items: item.into_iter().collect() }
}
