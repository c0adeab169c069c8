//! Releases.

use super::value::{Text, User, When, login};
use super::{Context, Repository, need, owned, read, service};
use opssight_plugin::items::Release as ReleaseItem;
use opssight_plugin::{Failure, Item, Reception};
use serde::Deserialize;

const EVENT: &str = "release";

#[derive(Deserialize)]
struct Payload<'a> {
    #[serde(borrow)]
    action: Option<Text<'a>>,
    #[serde(borrow)]
    release: Option<Release<'a>>,
    #[serde(borrow)]
    repository: Option<Repository<'a>>,
}

#[derive(Deserialize)]
struct Release<'a> {
    id: Option<u64>,
    #[serde(borrow)]
    tag_name: Option<Text<'a>>,
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(borrow)]
    html_url: Option<Text<'a>>,
    #[serde(borrow)]
    target_commitish: Option<Text<'a>>,
    #[serde(borrow)]
    author: Option<User<'a>>,
    prerelease: Option<bool>,
    draft: Option<bool>,
    #[serde(default)]
    created_at: When,
    #[serde(default)]
    updated_at: When,
    #[serde(default)]
    published_at: When,
}

pub(super) fn delivery(body: &[u8], context: &Context) -> Result<Reception, Failure> {
    let payload: Payload<'_> = read(EVENT, body)?;
    let release = need(EVENT, "release", payload.release)?;
    let id = need(EVENT, "release.id", release.id)?;
    let service = service(EVENT, payload.repository)?;
    let deleted = payload.action.as_deref() == Some("deleted");
    let item = ReleaseItem {
        id: id.to_string(),
        service: service.as_ref().to_owned(),
        tag: owned(release.tag_name.as_ref()).unwrap_or_default(),
        name: owned(release.name.as_ref()),
        url: owned(release.html_url.as_ref()),
        target: owned(release.target_commitish.as_ref()),
        author: login(release.author.as_ref()),
        prerelease: release.prerelease,
        draft: release.draft,
        deleted: deleted.then_some(true),
        created_at: release.created_at.0,
        published_at: release.published_at.0,
    };
    // Older servers have no `updated_at`, and nobody updates what is deleted: then the delivery itself is the news.
    let said = match payload.action.as_deref() {
        Some("deleted") => None,
        Some("edited" | "unpublished") => release.updated_at.0,
        _ => release.updated_at.max(release.published_at).max(release.created_at).0,
    };
    let title = item.name.clone().unwrap_or_else(|| item.tag.clone());
    let url = item.url.clone();
    Ok(Reception::of([Item::of(&item, id.to_string(), said.unwrap_or(context.received_at), title).maybe_url(url)]))
}
