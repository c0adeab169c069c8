//! Notifications as JSON to one address: the reference for notifiers.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::indexing_slicing))]

mod answer;
mod message;

use opssight_plugin::{Failure, FailureClass, Health, Notification, Notifier, Receipt, Report, http, settings, time};
use serde::Deserialize;
use std::time::Duration;

/// The plugin.
pub struct Webhook;

/// What the operator chose.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
struct Settings {
    url: String,
    timeout_secs: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { url: String::new(), timeout_secs: 10 }
    }
}

impl Health for Webhook {
    /// There is nothing to ask a receiver but whether it takes a post.
    fn check() -> Result<Report, Failure> {
        let settings: Settings = settings::all()?;
        let now = time::now_ms();
        let receipt = post(&settings, &format!("ping_{now}"), &message::ping(now))?;
        let status = receipt.attrs.into_iter().map(|(_, status)| status).next().unwrap_or_default();
        Ok(Report::new(format!("the receiver takes posts (HTTP {status})")))
    }
}

impl Notifier for Webhook {
    fn send(target: &str, batch: Vec<Notification>) -> Vec<Result<Receipt, Failure>> {
        let settings: Settings = match settings::all() {
            Ok(settings) => settings,
            Err(failure) => return batch.iter().map(|_| Err(failure.clone())).collect(),
        };
        // What keeps one from being taken keeps the others as well: a receiver in trouble is not asked fifty times.
        let mut stopped: Option<Failure> = None;
        let mut answers = Vec::with_capacity(batch.len());
        for notification in &batch {
            let answer = match &stopped {
                Some(failure) => Err(failure.clone()),
                None => post(&settings, &notification.id, &message::of(notification, target)),
            };
            if let Err(failure) = &answer
                && concerns_all(failure.class)
            {
                stopped = Some(failure.clone());
            }
            answers.push(answer);
        }
        answers
    }
}

fn concerns_all(class: FailureClass) -> bool {
    matches!(class, FailureClass::Config | FailureClass::Auth | FailureClass::RateLimited | FailureClass::Upstream)
}

fn post(settings: &Settings, id: &str, message: &message::Message) -> Result<Receipt, Failure> {
    let request = http::post(&settings.url)
        .header("webhook-id", id)
        .header("webhook-timestamp", (time::now_ms() / 1000).to_string())
        .header("idempotency-key", id)
        .header("accept", "application/json")
        .timeout(Duration::from_secs(settings.timeout_secs.clamp(1, 30)))
        .max_body(64 << 10)
        .json(message)?;
    answer::read(&request.send()?)
}

opssight_plugin::export!(Webhook: health, notifier);
