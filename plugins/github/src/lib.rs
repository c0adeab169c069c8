//! The GitHub plugin: pipelines, deployments, changes and releases of GitHub and GitHub Enterprise Server.
//!
//! [`parse`] turns bytes into items and is pure. The glue here is all that knows of being a component.

pub mod parse;

use opssight_plugin::{Delivery, Failure, Reception, Webhook, settings};

/// The component.
pub struct GitHub;

impl Webhook for GitHub {
    fn receive(delivery: Delivery) -> Result<Reception, Failure> {
        let event = delivery.header("x-github-event").ok_or_else(|| {
            Failure::unsupported("github.no-event", "the delivery has no X-GitHub-Event header: GitHub did not send it")
        })?;
        let production = match event {
            "deployment" | "deployment_status" => settings::get("production_environments")?.unwrap_or_default(),
            _ => parse::ProductionEnvironments::default(),
        };
        parse::delivery(event, &delivery.body, &parse::Context { received_at: delivery.received_at, production })
    }
}

opssight_plugin::export!(GitHub: webhook);
