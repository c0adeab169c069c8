//! Deciding about versions, switching calls on and off, and uninstalling.

use super::consent;
use super::install::same_digest;
use crate::Session;
use crate::client::Body;
use crate::error::CliError;
use opssight_api_types::Page;
use opssight_api_types::plugins::Plugin;
use opssight_api_types::plugins::changes::{Data, DropShadow, NewShadow, OfVersion, Rollback, UninstallQuery};
use opssight_api_types::plugins::installs::{Ability, AbilityChange};
use opssight_api_types::plugins::versions::Version;
use serde::Serialize;

pub(super) async fn approve(session: &mut Session, plugin: &str, agreed: Option<&str>) -> Result<(), CliError> {
    let waiting = waiting(session, plugin).await?;
    session.ui.tell(&format!(
        "{plugin} {} ({})\n{}",
        waiting.version,
        waiting.digest,
        news(session, plugin, &waiting).await?
    ));
    match agreed {
        Some(agreed) => drop(same_digest(agreed, &waiting.digest)?),
        None => consent::ask(&mut session.ui, "Agree to what is new, and update?", &waiting.digest).await?,
    }
    let body = OfVersion { digest: waiting.digest };
    change(session, plugin, "approve", &body, |plugin| format!("{} {} runs.", plugin.id, plugin.version)).await
}

pub(super) async fn reject(session: &mut Session, plugin: &str) -> Result<(), CliError> {
    let waiting = waiting(session, plugin).await?;
    let message = format!("Version {} is refused; it does not come back by itself.", waiting.version);
    change(session, plugin, "reject", &OfVersion { digest: waiting.digest }, |_| message).await
}

pub(super) async fn switch(session: &mut Session, plugin: &str, on: bool) -> Result<(), CliError> {
    let (verb, message) = if on {
        ("enable", "is called again; what waited is processed.")
    } else {
        ("disable", "is not called any more; deliveries are taken and wait.")
    };
    change(session, plugin, verb, &serde_json::json!({}), |plugin| format!("{} {message}", plugin.id)).await
}

pub(super) async fn roll_back(
    session: &mut Session,
    plugin: &str,
    to: Option<&str>,
    reason: String,
) -> Result<(), CliError> {
    let digest = match to {
        Some(to) => Some(find(session, plugin, to).await?.digest),
        None => None,
    };
    let body = Rollback { digest, reason };
    change(session, plugin, "rollback", &body, |plugin| format!("{} {} runs again.", plugin.id, plugin.version)).await
}

pub(super) async fn shadow(
    session: &mut Session,
    plugin: &str,
    version: &str,
    calls: u64,
    differences: u64,
) -> Result<(), CliError> {
    let version = find(session, plugin, version).await?;
    let message = format!("Version {} is compared with the active one for {calls} calls.", version.version);
    change(session, plugin, "shadow", &NewShadow { digest: version.digest, calls, differences }, |_| message).await
}

pub(super) async fn promote(session: &mut Session, plugin: &str) -> Result<(), CliError> {
    let body = OfVersion { digest: shadowing(session, plugin).await?.digest };
    change(session, plugin, "promote", &body, |plugin| format!("{} {} runs.", plugin.id, plugin.version)).await
}

pub(super) async fn drop_shadow(session: &mut Session, plugin: &str, reason: String) -> Result<(), CliError> {
    let body = DropShadow { digest: shadowing(session, plugin).await?.digest, reason };
    change(session, plugin, "drop", &body, |plugin| format!("{} has no shadow any more.", plugin.id)).await
}

pub(super) async fn uninstall(session: &mut Session, plugin: &str, data: Data) -> Result<(), CliError> {
    session.client.get::<Plugin>(&["plugins", plugin], &()).await?;
    let connections = match data {
        Data::Keep => "its connections are kept, and do nothing until it is installed again",
        Data::Remove => "its connections are removed with their credentials, state and deliveries",
    };
    session.ui.confirm(&format!("Uninstall {plugin} with all its versions? ({connections})")).await?;
    session.client.delete_with(&["plugins", plugin], &UninstallQuery { data }).await?;
    session.ui.done(None, plugin, &format!("Uninstalled {plugin}: {connections}."))
}

/// A version may have to be compiled before the answer.
async fn change(
    session: &mut Session,
    plugin: &str,
    verb: &str,
    body: &impl Serialize,
    message: impl FnOnce(&Plugin) -> String,
) -> Result<(), CliError> {
    let path = ["plugins", plugin, verb];
    let answer = session.client.post_slowly::<Plugin>(&path, &(), Body::json(body)?).await?;
    let message = message(&answer.value);
    session.ui.done(Some(&answer.tree), plugin, &message)
}

async fn versions(session: &Session, plugin: &str) -> Result<Vec<Version>, CliError> {
    Ok(session.client.get::<Page<Version>>(&["plugins", plugin, "versions"], &()).await?.value.items)
}

/// A kept version by its number, its digest or the beginning of it.
async fn find(session: &Session, plugin: &str, named: &str) -> Result<Version, CliError> {
    let mut found = versions(session, plugin).await?;
    let is_meant = |version: &Version| version.version == named || version.digest.starts_with(named);
    let kept: Vec<String> = found.iter().map(|version| version.version.clone()).collect();
    found.retain(is_meant);
    match found.len() {
        1 => found.pop().ok_or_else(|| CliError::Usage(format!("{plugin} has no version {named}"))),
        0 => Err(CliError::Usage(format!("{plugin} has no version {named} here; kept are {}", kept.join(", ")))),
        _ => Err(CliError::Usage(format!(
            "several versions of {plugin} are called {named}: name one by its digest, `opssight plugin versions {plugin}`"
        ))),
    }
}

async fn waiting(session: &Session, plugin: &str) -> Result<Version, CliError> {
    let waiting = in_state(session, plugin, "waiting").await?;
    waiting.ok_or_else(|| CliError::Failed(format!("no version of {plugin} waits for approval")))
}

async fn shadowing(session: &Session, plugin: &str) -> Result<Version, CliError> {
    let shadow = in_state(session, plugin, "shadow").await?;
    shadow.ok_or_else(|| CliError::Failed(format!("no version of {plugin} is compared with the active one")))
}

async fn in_state(session: &Session, plugin: &str, state: &str) -> Result<Option<Version>, CliError> {
    Ok(versions(session, plugin).await?.into_iter().find(|version| version.state == state))
}

/// What the version that waits can do and the active one cannot.
async fn news(session: &Session, plugin: &str, waiting: &Version) -> Result<String, CliError> {
    let active = in_state(session, plugin, "active").await?;
    let (from, before) = active.map_or_else(Default::default, |active| (active.version, active.abilities));
    let without = |some: &[Ability], others: &[Ability]| -> Vec<Ability> {
        let same = |a: &Ability, b: &Ability| (&a.key, &a.terms) == (&b.key, &b.terms);
        some.iter().filter(|ability| !others.iter().any(|other| same(other, ability))).cloned().collect()
    };
    let (added, removed) = (without(&waiting.abilities, &before), without(&before, &waiting.abilities));
    let raised = waiting.raised.clone();
    Ok(consent::changed(&AbilityChange { from, wider: true, added, removed, raised }))
}
