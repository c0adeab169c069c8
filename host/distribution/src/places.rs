//! Several places, asked in order: what a host knows as its catalogue.

use crate::open::Open;
use crate::package::Package;
use crate::reference::{Reference, Wanted};
use async_trait::async_trait;
use futures::future::join_all;
use opssight_core::plugins::catalogue::{Catalogue, CatalogueError, CatalogueVersion, Found};
use semver::Version;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

/// Places in the order in which they are asked.
#[derive(Debug, Clone, Default)]
pub struct Places {
    places: Vec<Open>,
    newest: Arc<Mutex<Newest>>,
}

/// The newest version that a place has offered of a plugin, by place and id. An old index, put back in its place, is as
/// well-formed as it ever was: that it is old shows only to those who remember what came after it.
type Newest = BTreeMap<(String, String), Version>;

impl Places {
    /// These, in this order.
    pub fn new(places: Vec<Open>) -> Self {
        Self { places, newest: Arc::default() }
    }

    /// Which places they are.
    pub fn list(&self) -> &[Open] {
        &self.places
    }

    /// The package that is meant, and where it was found.
    ///
    /// The first place that knows a plugin speaks for it: a later one cannot slip in a newer version of the same name,
    /// and none is asked in place of one that does not answer. What is named by its digest may come from anywhere.
    /// Whoever wants the newest does not get less than the place has offered before: an old version is to be named.
    pub async fn find(&self, reference: &Reference) -> Result<(Package, &Open), CatalogueError> {
        let mut missing = None;
        for place in self.some()? {
            match place.fetch(reference).await {
                Ok(package) => {
                    let now = &package.manifest.version;
                    let before = self.offered_before(place, &reference.id, now);
                    return match before.filter(|_| matches!(reference.wanted, Wanted::Newest)) {
                        Some(before) => Err(went_back(place, &reference.id, &before, now)),
                        None => Ok((package, place)),
                    };
                }
                Err(error @ CatalogueError::NotFound { .. }) => {
                    let by_digest = matches!(reference.wanted, Wanted::Digest(_));
                    if !by_digest && !place.versions(&reference.id).await?.is_empty() {
                        return Err(error);
                    }
                    missing.get_or_insert(error);
                }
                Err(error) => return Err(error),
            }
        }
        Err(missing.unwrap_or_else(none))
    }

    fn some(&self) -> Result<&[Open], CatalogueError> {
        if self.places.is_empty() { Err(none()) } else { Ok(&self.places) }
    }

    /// What the place has offered before, where that is newer. What it offers now is remembered.
    fn offered_before(&self, place: &Open, id: &str, now: &Version) -> Option<Version> {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        let known = newest.entry((place.place().to_string(), id.to_owned())).or_insert_with(|| now.clone());
        if *known > *now {
            return Some(known.clone());
        }
        known.clone_from(now);
        None
    }
}

fn went_back(place: &Open, id: &str, before: &Version, now: &Version) -> CatalogueError {
    let (before, now) = (before.to_string(), now.to_string());
    CatalogueError::WentBack { id: id.to_owned(), place: place.place().to_string(), before, now }
}

fn none() -> CatalogueError {
    CatalogueError::Request(
        "look for plugins: this host has no catalogue, name places in plugins.catalogues".to_owned(),
    )
}

#[async_trait]
impl Catalogue for Places {
    async fn search(&self, query: &str, limit: usize) -> Result<Found, CatalogueError> {
        let places = self.some()?;
        let answers = join_all(places.iter().map(|place| place.search(query, limit))).await;
        let (mut found, mut seen, mut failed) = (Found::default(), BTreeSet::new(), Vec::new());
        for (place, answer) in places.iter().zip(answers) {
            match answer {
                Ok(answer) => {
                    found.problems.extend(answer.problems);
                    found.problems.extend(answer.entries.iter().filter_map(|entry| {
                        let before = self.offered_before(place, &entry.id, &entry.version)?;
                        Some(format!("failed to {}", went_back(place, &entry.id, &before, &entry.version)))
                    }));
                    found.entries.extend(answer.entries.into_iter().filter(|entry| seen.insert(entry.id.clone())));
                }
                Err(error) => failed.push(error),
            }
        }
        if failed.len() == places.len()
            && let Some(first) = failed.first()
        {
            return Err(first.clone());
        }
        found.problems.extend(failed.iter().map(|error| format!("failed to {error}")));
        found.entries.sort_by(|a, b| a.id.cmp(&b.id));
        found.entries.truncate(limit);
        Ok(found)
    }

    async fn versions(&self, id: &str) -> Result<Vec<CatalogueVersion>, CatalogueError> {
        for place in self.some()? {
            let versions = place.versions(id).await?;
            if !versions.is_empty() {
                let there = |version| CatalogueVersion { version, place: place.place().to_string() };
                return Ok(versions.into_iter().map(there).collect());
            }
        }
        Ok(Vec::new())
    }

    async fn fetch(&self, id: &str, version: Option<&str>) -> Result<(Vec<u8>, String), CatalogueError> {
        let reference = Reference::new(id, version).map_err(|error| CatalogueError::Request(error.to_string()))?;
        let (package, place) = self.find(&reference).await?;
        let exactly = format!("{}/{id}@{}", place.place(), package.digest);
        Ok((package.bytes.to_vec(), exactly))
    }
}
