//! Bytes to items. Pure: no clock, no settings, no network, so that everything here is tested on the machine that
//! one writes on, and a recorded delivery parses to the same items for ever.
//!
//! Reading is tolerant where being strict helps nobody: a field that is missing or null is a fact not known from
//! this observation. Only what an item is keyed by must be there; without it there is nothing to store, and the
//! failure names the event and the field. The same structs read what the REST API answers, where it has the same
//! objects.

pub(crate) mod changes;
mod checks;
pub(crate) mod deployments;
mod installations;
pub(crate) mod jobs;
mod pushes;
mod releases;
pub(crate) mod runs;
pub(crate) mod value;

use opssight_plugin::{Failure, Reception};
use serde::Deserialize;
use value::Text;

/// What reading a delivery needs to know beside its bytes.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// When the host accepted the delivery; stands in where the payload does not say when it was true.
    pub received_at: i64,
    /// The setting `production_environments`.
    pub production: ProductionEnvironments,
}

/// Which environments count as production, by name; `*` at the end stands for any ending.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(transparent)]
pub struct ProductionEnvironments(pub Vec<String>);

impl ProductionEnvironments {
    /// The setting decides where there is one; GitHub's own flag (true only for deployments that say so, and for
    /// an environment that is called "production") decides where there is none.
    fn decide(&self, environment: Option<&str>, flag: Option<bool>) -> Option<bool> {
        match environment {
            Some(environment) if !self.0.is_empty() => {
                Some(self.0.iter().any(|pattern| match pattern.strip_suffix('*') {
                    Some(prefix) => environment.starts_with(prefix),
                    None => environment == pattern,
                }))
            }
            _ => flag,
        }
    }
}

/// Whether an event can carry anything that is shown.
pub(crate) fn handles(event: &str) -> bool {
    const HANDLED: [&str; 12] = [
        "workflow_run",
        "workflow_job",
        "check_suite",
        "check_run",
        "deployment",
        "deployment_status",
        "pull_request",
        "pull_request_review",
        "push",
        "release",
        "installation",
        "installation_repositories",
    ];
    HANDLED.contains(&event)
}

/// Read one delivery: `event` is the header `x-github-event`.
pub fn delivery(event: &str, body: &[u8], context: &Context) -> Result<Reception, Failure> {
    match event {
        "workflow_run" => runs::delivery(body),
        "workflow_job" => jobs::delivery(body, context),
        "check_suite" => checks::suite(body, context),
        "check_run" => checks::run(body, context),
        "deployment" => deployments::created(body, context),
        "deployment_status" => deployments::status(body, context),
        "pull_request" => changes::change(body, context),
        "pull_request_review" => changes::review(body, context),
        "push" => pushes::delivery(body, context),
        "release" => releases::delivery(body, context),
        "ping" => installations::ping(body),
        "installation" => installations::installation(body, context),
        "installation_repositories" => installations::repositories(body, context),
        _ => {
            read::<serde::de::IgnoredAny>(event, body)?;
            Ok(Reception::note(format!("event {event} carries nothing that OpsSight shows")))
        }
    }
}

/// The repository that a delivery is about, as far as items need it.
#[derive(Debug, Deserialize)]
struct Repository<'a> {
    #[serde(borrow)]
    full_name: Option<Text<'a>>,
}

/// "owner/name" of the repository, which every item is keyed by.
fn service<'a>(event: &str, repository: Option<Repository<'a>>) -> Result<Text<'a>, Failure> {
    need(event, "repository.full_name", repository.and_then(|repository| repository.full_name))
}

fn read<'a, T: Deserialize<'a>>(event: &str, body: &'a [u8]) -> Result<T, Failure> {
    serde_json::from_slice(body).map_err(|error| {
        if error.is_data() {
            return bad_payload(event, &format!("does not look as GitHub documents it: {error}"));
        }
        let hint =
            if body.starts_with(b"payload=") { "; set the webhook's content type to application/json" } else { "" };
        Failure::unsupported("github.not-json", format!("the {event} delivery is not JSON: {error}{hint}"))
    })
}

/// Something that an item is keyed by.
fn need<T>(event: &str, field: &str, value: Option<T>) -> Result<T, Failure> {
    value.ok_or_else(|| bad_payload(event, &format!("has no {field}, and nothing can be stored without it")))
}

fn bad_payload(event: &str, problem: &str) -> Failure {
    Failure::unsupported("github.bad-payload", format!("the {event} payload {problem}"))
}

/// Trust GitHub's own words over ours only as far as they are there.
fn owned(text: Option<&Text<'_>>) -> Option<String> {
    text.filter(|text| !text.is_empty()).map(|text| text.as_ref().to_owned())
}
