//! {{name}}: tells people.

use opssight_plugin::{Failure, Health, Notification, Notifier, Receipt, Report, http, settings};
use serde_json::{Value, json};

/// The component.
struct Plugin;

const SEVERITY: [&str; 5] = ["information", "low", "medium", "high", "critical"];

impl Health for Plugin {
    fn check() -> Result<Report, Failure> {
        let me: Value = ask(http::get(url("/me")?))?.json()?;
        Ok(Report::new(format!("signed in as {}", me["login"].as_str().unwrap_or("nobody"))))
    }
}

impl Notifier for Plugin {
    fn send(target: &str, batch: Vec<Notification>) -> Vec<Result<Receipt, Failure>> {
        batch.iter().map(|notification| post(target, notification)).collect()
    }
}

opssight_plugin::export!(Plugin: health, notifier);

fn post(target: &str, notification: &Notification) -> Result<Receipt, Failure> {
    let severity = SEVERITY.get(usize::from(notification.severity)).copied().unwrap_or("information");
    let head = if notification.resolved { "resolved" } else { severity };
    let text = format!("[{head}] {}\n{}", notification.title, notification.body_md);
    let message = json!({ "channel": target, "thread": notification.group_key, "text": text.trim() });
    let request = http::post(url("/messages")?).header("idempotency-key", &notification.id).json(&message)?;
    let posted: Value = ask(request)?.json()?;
    Ok(Receipt { upstream_id: posted["id"].as_str().map(str::to_owned), attrs: Vec::new() })
}

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
