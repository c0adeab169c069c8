//! Kiln, an imaginary CI server: the example in Rust. Its twins in TypeScript and Python pass the same cases.

mod account;
mod build;
mod client;
mod feed;

use build::Build;
use opssight_plugin::{
    Actions, Batch, Delivery, Failure, Health, Invocation, Outcome, PageRequest, Reception, Report, Source, Webhook,
};
use serde::Deserialize;
use serde_json::json;

/// The component.
pub struct Kiln;

/// What deliveries and answers wrap a build in.
#[derive(Deserialize)]
struct OneBuild {
    build: Build,
}

#[derive(Deserialize)]
struct Retry {
    run: String,
}

impl Health for Kiln {
    fn check() -> Result<Report, Failure> {
        Ok(Report::new(format!("signed in as {}", account::login()?)))
    }
}

impl Webhook for Kiln {
    fn receive(delivery: Delivery) -> Result<Reception, Failure> {
        let event = delivery
            .header("x-kiln-event")
            .ok_or_else(|| Failure::unsupported("kiln.no-event", "the delivery has no X-Kiln-Event header"))?;
        if !event.starts_with("build.") {
            return Ok(Reception::note(format!("event {event} carries nothing OpsSight shows")));
        }
        let OneBuild { build } = serde_json::from_slice(&delivery.body)
            .map_err(|error| Failure::upstream("kiln.no-build", format!("the delivery's body is no build: {error}")))?;
        Ok(Reception::of([build.item()?]))
    }
}

impl Source for Kiln {
    fn pull(feed: &str, checkpoint: Option<&str>, page: PageRequest) -> Result<Batch, Failure> {
        match feed {
            "builds" => feed::builds(checkpoint, &page),
            other => Err(Failure::unsupported("kiln.no-feed", format!("this plugin has no feed \"{other}\""))),
        }
    }
}

impl Actions for Kiln {
    fn run(invocation: Invocation) -> Result<Outcome, Failure> {
        if invocation.name != "retry" {
            let message = format!("this plugin has no action \"{}\"", invocation.name);
            return Err(Failure::unsupported("kiln.no-action", message));
        }
        let Retry { run } = serde_json::from_str(&invocation.input)
            .map_err(|error| Failure::internal("kiln.input", format!("the input does not fit: {error}")))?;
        let order = json!({ "key": invocation.idempotency_key, "actor": invocation.actor });
        let request = client::post(&format!("/builds/{run}/retry"))?.json(&order)?;
        let OneBuild { build } = client::ask(request)?.json()?;
        let item = build.item()?;
        Ok(Outcome { output: json!({ "build": item.id }).to_string(), items: vec![item] })
    }
}

opssight_plugin::export!(Kiln: health, webhook, source, actions);
