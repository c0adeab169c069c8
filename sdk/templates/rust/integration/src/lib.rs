//! {{name}}: its builds, by webhook and by pull.

use opssight_plugin::items::{PipelineRun, RunResult, RunState};
use opssight_plugin::{
    Actions, Batch, Delivery, Failure, Health, Invocation, Item, Outcome, PageRequest, Reception, Report, Source,
    Webhook, http, settings, time,
};
use serde::Deserialize;
use serde_json::{Value, json};

/// The component.
struct Plugin;

/// A build as the server tells of it.
#[derive(Deserialize)]
struct Build {
    id: u64,
    project: String,
    status: String,
    branch: Option<String>,
    commit: Option<String>,
    created: Option<String>,
    started: Option<String>,
    finished: Option<String>,
}

#[derive(Deserialize)]
struct Builds {
    builds: Vec<Build>,
    next: Option<String>,
}

impl Health for Plugin {
    fn check() -> Result<Report, Failure> {
        let me: Value = ask(http::get(url("/me")?))?.json()?;
        Ok(Report::new(format!("signed in as {}", me["login"].as_str().unwrap_or("nobody"))))
    }
}

impl Webhook for Plugin {
    fn receive(delivery: Delivery) -> Result<Reception, Failure> {
        let event = delivery.header("x-event").unwrap_or_default();
        if event != "build" {
            return Ok(Reception::note(format!("event {event} carries nothing to show")));
        }
        let build: Build = serde_json::from_slice(&delivery.body).map_err(|error| {
            Failure::upstream("{{id}}.no-build", format!("the delivery's body is no build: {error}"))
        })?;
        Ok(Reception::of([run(build)?]))
    }
}

impl Source for Plugin {
    fn pull(feed: &str, checkpoint: Option<&str>, page: PageRequest) -> Result<Batch, Failure> {
        if feed != "builds" {
            return Err(Failure::unsupported("{{id}}.no-feed", format!("this plugin has no feed \"{feed}\"")));
        }
        let after = checkpoint.unwrap_or("0");
        let mut address = url(&format!("/builds?after={}&limit={}", http::encode(after), page.limit))?;
        if let Some(cursor) = &page.cursor {
            address.push_str(&format!("&page={}", http::encode(cursor)));
        }
        let Builds { builds, next } = ask(http::get(address))?.json()?;
        // The checkpoint moves only with the last page: until then `after` must stay what it was.
        let last = builds.last().map(|build| build.id.to_string());
        let checkpoint = if next.is_some() { None } else { last.or(checkpoint.map(str::to_owned)) };
        Ok(Batch { items: builds.into_iter().map(run).collect::<Result<_, _>>()?, next, checkpoint })
    }
}

impl Actions for Plugin {
    fn run(invocation: Invocation) -> Result<Outcome, Failure> {
        if invocation.name != "retry" {
            let message = format!("this plugin has no action \"{}\"", invocation.name);
            return Err(Failure::unsupported("{{id}}.no-action", message));
        }
        let input: Value = serde_json::from_str(&invocation.input)
            .map_err(|error| Failure::internal("{{id}}.input", format!("the input is no JSON: {error}")))?;
        let build = input["run"].as_str().unwrap_or_default();
        let request = http::post(url(&format!("/builds/{build}/retry"))?);
        let started: Value = ask(request.json(&json!({ "key": invocation.idempotency_key }))?)?.json()?;
        Ok(Outcome { output: json!({ "build": started["id"].to_string() }).to_string(), items: Vec::new() })
    }
}

opssight_plugin::export!(Plugin: health, webhook, source, actions);

fn url(path: &str) -> Result<String, Failure> {
    let base: Option<String> = settings::get("base_url")?;
    base.map(|base| format!("{base}{path}")).ok_or_else(|| Failure::config("{{id}}.address", "the address is not set"))
}

/// Ask the server. The host attaches the credential; an answer that is no success becomes a failure of its class.
fn ask(request: http::Request) -> Result<http::Response, Failure> {
    let what = request.describe();
    let answer = request.send()?;
    if answer.is_success() {
        return Ok(answer);
    }
    let said = format!("{what}: the server answered {}", answer.status);
    Err(match answer.status {
        401 | 403 => Failure::auth("{{id}}.unauthorised", format!("{said}: renew the token")),
        404 => Failure::not_found("{{id}}.not-found", said),
        429 => {
            let seconds = answer.header("retry-after").and_then(|text| text.parse().ok()).unwrap_or(60_u64);
            Failure::rate_limited("{{id}}.rate-limited", said).retry_after(seconds.saturating_mul(1000))
        }
        _ => Failure::upstream("{{id}}.status", said),
    })
}

fn run(build: Build) -> Result<Item, Failure> {
    let (state, result) = match build.status.as_str() {
        "queued" => (RunState::Queued, None),
        "running" => (RunState::Running, None),
        "passed" => (RunState::Finished, Some(RunResult::Success)),
        "failed" => (RunState::Finished, Some(RunResult::Failure)),
        other => return Err(Failure::upstream("{{id}}.status", format!("a build is \"{other}\""))),
    };
    let at = |text: &Option<String>| text.as_deref().and_then(time::parse);
    let payload = PipelineRun {
        id: build.id.to_string(),
        attempt: 1,
        state: Some(state),
        result,
        branch: build.branch,
        commit: build.commit,
        created_at: at(&build.created),
        started_at: at(&build.started),
        finished_at: at(&build.finished),
        service: build.project,
        ..PipelineRun::default()
    };
    let known = payload.finished_at.or(payload.started_at).or(payload.created_at);
    let known = known
        .ok_or_else(|| Failure::upstream("{{id}}.time", format!("build {} has no time", payload.id)))?;
    let title = format!("#{} of {}", payload.id, payload.service);
    Ok(Item::of(&payload, payload.id.clone(), known, title))
}
