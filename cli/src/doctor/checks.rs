//! The checks. Each answers with findings and none stops the others, except that what needs a token is skipped
//! without one.

use super::{Finding, Status};
use crate::Session;
use crate::client::Client;
use crate::error::CliError;
use crate::list;
use crate::ui::format;
use opssight_api_types::connections::{Connection, ConnectionQuery};
use opssight_api_types::deliveries::{Delivery, DeliveryQuery, DeliveryState};
use opssight_api_types::identity::Me;
use opssight_api_types::plugins::Plugin;
use opssight_api_types::system::{Health, Version};
use std::collections::BTreeMap;

const OWN_VERSION: &str = env!("CARGO_PKG_VERSION");

pub(super) struct Verdict {
    pub(super) findings: Vec<Finding>,
    /// False if the one thing to do first is to sign in.
    pub(super) signed_in: bool,
}

pub(super) async fn all(session: &Session) -> Verdict {
    let mut findings = Vec::new();
    if !readiness(session, &mut findings).await {
        return Verdict { findings, signed_in: true };
    }
    if !sign_in(session, &mut findings).await {
        let skipped = ["version", "plugins", "connections", "deliveries"];
        findings.extend(skipped.map(|check| finding(check, Status::Skipped, "needs a session", None)));
        return Verdict { findings, signed_in: false };
    }
    version(session, &mut findings).await;
    plugins(session, &mut findings).await;
    connections(session, &mut findings).await;
    deliveries(session, &mut findings).await;
    Verdict { findings, signed_in: true }
}

fn finding(check: &str, status: Status, detail: impl Into<String>, fix: Option<&str>) -> Finding {
    Finding { check: check.to_owned(), status, detail: detail.into(), fix: fix.map(str::to_owned) }
}

fn failed(check: &str, error: &CliError) -> Finding {
    finding(check, Status::Failing, error.to_string(), error.next_step().as_deref())
}

/// Whether the server is there, and what it says of its own parts. Answers whether it is worth asking more.
async fn readiness(session: &Session, findings: &mut Vec<Finding>) -> bool {
    let server = session.client.server().to_string();
    let health = match health(&session.client).await {
        Ok(health) => health,
        Err(error) => {
            findings.push(failed("server", &error));
            return false;
        }
    };
    findings.push(finding("server", Status::Ok, server, None));
    findings.extend(parts(health));
    true
}

pub(super) async fn health(client: &Client) -> Result<Health, CliError> {
    client.probe::<Health>("readyz").await.map(|(_, health)| health)
}

/// What a server says of its own parts.
pub(super) fn parts(health: Health) -> impl Iterator<Item = Finding> {
    health.checks.into_iter().map(|check| {
        let name = format!("server {}", check.name);
        match check.status.as_str() {
            "ok" => finding(&name, Status::Ok, check.detail, None),
            _ => finding(&name, Status::Failing, check.detail, Some("look at the server's log for the cause")),
        }
    })
}

async fn sign_in(session: &Session, findings: &mut Vec<Finding>) -> bool {
    let now = session.ui.now();
    match session.client.get::<Me>(&["me"], &()).await {
        Ok(me) => {
            let me = me.value;
            let ends = format::ago(me.expires_at, now);
            let detail = format!("{} ({}), the session ends {ends}", me.name, me.role);
            let soon = me.expires_at - now < chrono::Duration::days(1);
            let (status, fix) = if soon { (Status::Warning, Some("run `opssight login`")) } else { (Status::Ok, None) };
            findings.push(finding("sign-in", status, detail, fix));
            true
        }
        Err(error) => {
            findings.push(failed("sign-in", &error));
            error.exit_code() != 4
        }
    }
}

async fn version(session: &Session, findings: &mut Vec<Finding>) {
    findings.push(match session.client.get::<Version>(&["version"], &()).await {
        Err(error) => failed("version", &error),
        Ok(answer) if answer.value.version == OWN_VERSION => {
            let detail = format!("{OWN_VERSION}, plugin contract {}", answer.value.contract);
            finding("version", Status::Ok, detail, None)
        }
        Ok(answer) => {
            let detail = format!("the server is {}, this command is {OWN_VERSION}", answer.value.version);
            finding("version", Status::Warning, detail, Some("use the `opssight` of the server's version"))
        }
    });
}

async fn plugins(session: &Session, findings: &mut Vec<Finding>) {
    let plugins = match list::all::<Plugin>(session, &["plugins"], &()).await {
        Ok(plugins) => plugins,
        Err(error) => return findings.push(failed("plugins", &error)),
    };
    if plugins.is_empty() {
        let fix = "install one: see the server's `plugins` settings";
        findings.push(finding("plugins", Status::Warning, "none is installed", Some(fix)));
    }
    findings.extend(plugins.iter().map(plugin));
}

fn plugin(plugin: &Plugin) -> Finding {
    let name = format!("plugin {}", plugin.id);
    let stats = &plugin.stats;
    let faults: u64 = stats.failures.values().sum();
    if faults == 0 {
        return finding(&name, Status::Ok, format!("{}, {} calls", plugin.version, stats.calls), None);
    }
    let by_fault: Vec<_> = stats.failures.iter().map(|(fault, count)| format!("{count} {fault}")).collect();
    let mut detail = format!("{faults} of {} calls failed ({})", stats.calls, by_fault.join(", "));
    if let Some(error) = &stats.last_error {
        detail.push_str(&format!("; last: {error}"));
    }
    finding(&name, Status::Warning, detail, Some(&format!("`opssight plugin inspect {}` shows more", plugin.id)))
}

async fn connections(session: &Session, findings: &mut Vec<Finding>) {
    let query = ConnectionQuery::default();
    let connections = match list::all::<Connection>(session, &["connections"], &query).await {
        Ok(connections) => connections,
        Err(error) => return findings.push(failed("connections", &error)),
    };
    if connections.is_empty() {
        let fix = "add one: `opssight connections add --help`";
        findings.push(finding("connections", Status::Warning, "there are none yet: nothing comes in", Some(fix)));
    }
    findings.extend(connections.iter().map(connection));
}

fn connection(connection: &Connection) -> Finding {
    let name = format!("connection {}", connection.name);
    let status = &connection.status;
    let says = status.summary.clone().unwrap_or_default();
    if !connection.enabled {
        return finding(&name, Status::Skipped, "off", None);
    }
    if status.health == "failing" {
        let fix = format!("mend it, then run `opssight connections check {}`", connection.name);
        return finding(&name, Status::Failing, says, Some(&fix));
    }
    let errors: Vec<_> =
        status.feeds.iter().filter_map(|feed| Some(format!("{}: {}", feed.name, feed.error.as_ref()?))).collect();
    if !errors.is_empty() {
        let fix = format!("`opssight connections show {}` shows more", connection.name);
        return finding(&name, Status::Warning, format!("feeds are failing: {}", errors.join("; ")), Some(&fix));
    }
    match status.health.as_str() {
        "ok" => finding(&name, Status::Ok, says, None),
        _ => {
            let fix = format!("run `opssight connections check {}`", connection.name);
            finding(&name, Status::Warning, "not checked yet", Some(&fix))
        }
    }
}

async fn deliveries(session: &Session, findings: &mut Vec<Finding>) {
    let query = DeliveryQuery { state: Some(DeliveryState::Failed), ..DeliveryQuery::default() };
    let failed_ones = match list::all::<Delivery>(session, &["deliveries"], &query).await {
        Ok(failed) => failed,
        Err(error) => return findings.push(failed("deliveries", &error)),
    };
    if failed_ones.is_empty() {
        return findings.push(finding("deliveries", Status::Ok, "none has failed", None));
    }
    let mut by_code: BTreeMap<&str, u32> = BTreeMap::new();
    for error in failed_ones.iter().filter_map(|delivery| delivery.error.as_ref()) {
        *by_code.entry(&error.code).or_default() += 1;
    }
    let codes: Vec<_> = by_code.iter().map(|(code, count)| format!("{count} {code}")).collect();
    let detail = format!("{} failed for good ({})", failed_ones.len(), codes.join(", "));
    let fix =
        "`opssight deliveries list --state failed` shows why; once mended, `opssight deliveries replay --all-failed`";
    findings.push(finding("deliveries", Status::Failing, detail, Some(fix)));
}
