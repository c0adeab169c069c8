//! What a folder holds, as a list.

use crate::package::matches;
use crate::reference::Wanted;
use opssight_core::plugins::catalogue::{CatalogueEntry, Found};
use semver::Version;
use std::collections::BTreeMap;

/// Packages of a place.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    pub(crate) packages: Vec<Listed>,
    /// In words, what could not be read.
    pub(crate) problems: Vec<String>,
}

/// One package of a place.
#[derive(Debug, Clone)]
pub(crate) struct Listed {
    pub(crate) entry: CatalogueEntry,
    /// Where its bytes are; empty where they are found by their digest.
    pub(crate) file: String,
}

impl Listing {
    /// Of each plugin the newest that the query finds.
    pub(crate) fn search(self, query: &str, limit: usize) -> Found {
        let mut newest: BTreeMap<String, Vec<CatalogueEntry>> = BTreeMap::new();
        for listed in self.packages {
            newest.entry(listed.entry.id.clone()).or_default().push(listed.entry);
        }
        let entries = newest.into_values().filter_map(|entries| {
            let chosen = Wanted::Newest.choose(entries.iter().map(|entry| &entry.version))?.clone();
            entries.into_iter().find(|entry| entry.version == chosen)
        });
        let entries = entries.filter(|entry| matches(entry, query)).take(limit).collect();
        Found { entries, problems: self.problems }
    }

    /// Versions of a plugin, newest first.
    pub(crate) fn versions(&self, id: &str) -> Vec<Version> {
        let of_it = self.packages.iter().filter(|listed| listed.entry.id == id);
        let mut versions: Vec<Version> = of_it.map(|listed| listed.entry.version.clone()).collect();
        versions.sort();
        versions.dedup();
        versions.reverse();
        versions
    }

    /// One version of a plugin.
    pub(crate) fn find(&self, id: &str, version: &Version) -> Option<&Listed> {
        self.packages.iter().find(|listed| listed.entry.id == id && listed.entry.version == *version)
    }
}
