//! Which repositories there are: those that the settings name, or all that the credential can see.

use super::{Feed, Pull, Step};
use crate::client::{is_refused, read};
use crate::parse::value::{List, Text};
use opssight_plugin::items::Repository;
use opssight_plugin::{Failure, Item, log, state};
use serde::{Deserialize, Serialize};

/// An app's installation has a list of its own; a token sees what its owner sees.
const OF_INSTALLATION: &str = "/installation/repositories?per_page=100";
const OF_USER: &str = "/user/repos?per_page=100&sort=full_name&affiliation=owner,collaborator,organization_member";
/// State keys that hold the names found, a page each, so that no value grows with the organisation.
const NAMES: &str = "repositories/";

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Repositories {
    /// Those that the settings name: the last one asked for.
    last: Option<String>,
    /// All that the credential can see: the page to ask for.
    page: Option<String>,
    /// How many pages have come.
    pages: u32,
}

#[derive(Deserialize)]
struct Listed<'a> {
    id: Option<u64>,
    #[serde(borrow)]
    full_name: Option<Text<'a>>,
    #[serde(borrow)]
    html_url: Option<Text<'a>>,
    #[serde(borrow)]
    default_branch: Option<Text<'a>>,
    archived: Option<bool>,
    private: Option<bool>,
}

#[derive(Deserialize)]
struct OfInstallation<'a> {
    #[serde(borrow, default)]
    repositories: List<Listed<'a>>,
}

/// The names to visit, sorted. When they were never listed, that is done first, as far as this call allows.
pub(super) fn known(pull: &mut Pull) -> Result<Vec<String>, Failure> {
    if !pull.settings.repositories.is_empty() {
        return Ok(sorted(pull.settings.repositories.clone()));
    }
    let mut names = stored()?;
    if names.is_empty() {
        let mut feed = Repositories::default();
        while pull.has_room() && feed.step(pull)? == Step::More {}
        names = stored()?;
    }
    Ok(sorted(names))
}

fn stored() -> Result<Vec<String>, Failure> {
    let mut names = Vec::new();
    for key in keys()? {
        names.extend(state::get::<Vec<String>>(&key)?.unwrap_or_default());
    }
    Ok(names)
}

fn keys() -> Result<Vec<String>, Failure> {
    Ok(state::keys(NAMES, None, 1000)?.0)
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort();
    names.dedup();
    names
}

impl Feed for Repositories {
    fn step(&mut self, pull: &mut Pull) -> Result<Step, Failure> {
        if pull.settings.repositories.is_empty() { self.list(pull) } else { self.visit(pull) }
    }
}

impl Repositories {
    fn visit(&mut self, pull: &mut Pull) -> Result<Step, Failure> {
        let Some(name) = pull.repository_after(self.last.as_deref())? else {
            *self = Self::default();
            return Ok(Step::Done);
        };
        let path = format!("/repos/{name}");
        match pull.client.get(&path) {
            Ok(response) => {
                let listed: Listed<'_> = read(&path, &response)?;
                pull.items.extend(listed.item(pull.now_ms));
            }
            Err(failure) if is_refused(&failure) => {
                log::warn("a repository of the settings is left out", &[("because", &failure.message)]);
            }
            Err(failure) => return Err(failure),
        }
        self.last = Some(name);
        Ok(Step::More)
    }

    fn list(&mut self, pull: &mut Pull) -> Result<Step, Failure> {
        let (path, response) = match &self.page {
            Some(page) => (page.clone(), pull.client.get(page)?),
            None => match pull.client.get(OF_INSTALLATION) {
                Ok(response) => (OF_INSTALLATION.to_owned(), response),
                // Not an app's token.
                Err(failure) if is_refused(&failure) => (OF_USER.to_owned(), pull.client.get(OF_USER)?),
                Err(failure) => return Err(failure),
            },
        };
        // Later pages of one list come under other paths, so that the answer says which list it is.
        let listed = if response.body.trim_ascii_start().starts_with(b"{") {
            read::<OfInstallation<'_>>(&path, &response)?.repositories
        } else {
            read::<List<Listed<'_>>>(&path, &response)?
        };
        let active = listed.0.iter().filter(|listed| listed.archived != Some(true));
        let names: Vec<&str> = active.filter_map(|listed| listed.full_name.as_deref()).collect();
        state::set(&key(self.pages), &names)?;
        pull.items.extend(listed.0.iter().filter_map(|listed| listed.item(pull.now_ms)));
        self.pages += 1;
        self.page = pull.client.next(&response);
        if self.page.is_some() {
            return Ok(Step::More);
        }
        for surplus in keys()?.iter().filter(|known| **known >= key(self.pages)) {
            state::delete(surplus)?;
        }
        *self = Self::default();
        Ok(Step::Done)
    }
}

fn key(page: u32) -> String {
    format!("{NAMES}{page:05}")
}

impl Listed<'_> {
    fn item(&self, now_ms: i64) -> Option<Item> {
        let service = self.full_name.as_deref()?.to_owned();
        let url = self.html_url.as_deref().map(str::to_owned);
        let repository = Repository {
            service: service.clone(),
            id: self.id.map(|id| id.to_string()),
            url: url.clone(),
            default_branch: self.default_branch.as_deref().map(str::to_owned),
            archived: self.archived,
            private: self.private,
            removed: Some(false),
        };
        Some(Item::of(&repository, service.clone(), now_ms, service).maybe_url(url))
    }
}
