//! What the connection can see: installations of the GitHub App, their repositories, and the ping of a new webhook.

use super::value::{List, Text, User};
use super::{Context, owned, read};
use opssight_plugin::items::Repository as RepositoryItem;
use opssight_plugin::{Failure, Item, Reception};
use serde::Deserialize;

#[derive(Deserialize)]
struct Payload<'a> {
    #[serde(borrow)]
    action: Option<Text<'a>>,
    #[serde(borrow)]
    installation: Option<Installation<'a>>,
    #[serde(borrow, default)]
    repositories: List<Listed<'a>>,
    #[serde(borrow, default)]
    repositories_added: List<Listed<'a>>,
    #[serde(borrow, default)]
    repositories_removed: List<Listed<'a>>,
}

#[derive(Deserialize)]
struct Installation<'a> {
    #[serde(borrow)]
    account: Option<User<'a>>,
}

#[derive(Deserialize)]
struct Listed<'a> {
    id: Option<u64>,
    #[serde(borrow)]
    full_name: Option<Text<'a>>,
    private: Option<bool>,
}

#[derive(Deserialize)]
struct Ping<'a> {
    #[serde(borrow)]
    hook: Option<Hook<'a>>,
}

#[derive(Deserialize)]
struct Hook<'a> {
    #[serde(borrow, default)]
    events: List<Text<'a>>,
}

pub(super) fn ping(body: &[u8]) -> Result<Reception, Failure> {
    let payload: Ping<'_> = read("ping", body)?;
    let events: Vec<&str> = payload.hook.iter().flat_map(|hook| &hook.events.0).map(AsRef::as_ref).collect();
    Ok(Reception::note(match events.as_slice() {
        [] => "GitHub reaches this connection; the webhook names no events yet".to_owned(),
        ["*"] => "GitHub reaches this connection and will deliver every event".to_owned(),
        events => format!("GitHub reaches this connection and will deliver: {}", events.join(", ")),
    }))
}

pub(super) fn installation(body: &[u8], context: &Context) -> Result<Reception, Failure> {
    let payload: Payload<'_> = read("installation", body)?;
    let removed = payload.action.as_deref() == Some("deleted");
    let items: Vec<Item> = payload.repositories.0.iter().filter_map(|listed| listed.item(removed, context)).collect();
    if items.is_empty() {
        let account =
            payload.installation.and_then(|installation| installation.account).and_then(|account| account.login);
        return Ok(Reception::note(format!(
            "installation on {}: {}, naming no repositories",
            account.as_deref().unwrap_or("an unnamed account"),
            payload.action.as_deref().unwrap_or("changed"),
        )));
    }
    Ok(Reception::of(items))
}

pub(super) fn repositories(body: &[u8], context: &Context) -> Result<Reception, Failure> {
    let payload: Payload<'_> = read("installation_repositories", body)?;
    let added = payload.repositories_added.0.iter().filter_map(|listed| listed.item(false, context));
    let removed = payload.repositories_removed.0.iter().filter_map(|listed| listed.item(true, context));
    let items: Vec<Item> = added.chain(removed).collect();
    if items.is_empty() {
        return Ok(Reception::note("the installation's repositories changed, but none is named"));
    }
    Ok(Reception::of(items))
}

impl Listed<'_> {
    fn item(&self, removed: bool, context: &Context) -> Option<Item> {
        let repository = RepositoryItem {
            service: owned(self.full_name.as_ref())?,
            id: self.id.map(|id| id.to_string()),
            private: self.private,
            removed: Some(removed),
            ..RepositoryItem::default()
        };
        let service = repository.service.clone();
        Some(Item::of(&repository, service.clone(), context.received_at, service))
    }
}
