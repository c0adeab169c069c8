//! The GitHub plugin: pipelines, deployments, changes and releases of GitHub and GitHub Enterprise Server.
//!
//! [`parse`] turns bytes into items and is pure. `source` pulls, one file per feed; `actions` acts; `health` tells
//! whether the connection works; all three speak to GitHub through `client`. The glue here is all that knows of being
//! a component.

mod actions;
mod client;
mod config;
mod health;
pub mod parse;
mod source;

use opssight_plugin::{
    Actions, Batch, Delivery, Failure, Health, Invocation, Outcome, PageRequest, Reception, Report, Source, Webhook,
    settings,
};

/// The component.
pub struct GitHub;

impl Health for GitHub {
    fn check() -> Result<Report, Failure> {
        health::check()
    }
}

impl Source for GitHub {
    fn pull(feed: &str, checkpoint: Option<&str>, page: PageRequest) -> Result<Batch, Failure> {
        source::pull(feed, checkpoint, &page)
    }
}

impl Webhook for GitHub {
    fn receive(delivery: Delivery) -> Result<Reception, Failure> {
        let event = delivery.header("x-github-event").ok_or_else(|| {
            Failure::unsupported("github.no-event", "the delivery has no X-GitHub-Event header: GitHub did not send it")
        })?;
        // Only deployments depend on a setting; everything else is spared the call into the host.
        let production = match event {
            "deployment" | "deployment_status" => settings::get("production_environments")?.unwrap_or_default(),
            _ => parse::ProductionEnvironments::default(),
        };
        parse::delivery(event, &delivery.body, &parse::Context { received_at: delivery.received_at, production })
    }
}

impl Actions for GitHub {
    fn run(invocation: Invocation) -> Result<Outcome, Failure> {
        actions::run(&invocation)
    }
}

opssight_plugin::export!(GitHub: health, source, webhook, actions);
