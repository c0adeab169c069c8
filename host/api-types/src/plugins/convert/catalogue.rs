//! From the core's catalogue.

use crate::plugins::catalogue::{CatalogueEntry, CatalogueVersion};
use opssight_core::plugins::catalogue as core;

impl CatalogueEntry {
    /// An entry, beside the version that runs here.
    pub fn of(entry: core::CatalogueEntry, installed: Option<String>) -> Self {
        Self {
            id: entry.id,
            version: entry.version.to_string(),
            digest: entry.digest,
            name: entry.name,
            publisher: entry.publisher,
            key: entry.key.map(|key| key.0),
            description: entry.description,
            licence: entry.licence,
            kinds: entry.kinds,
            size: entry.size,
            place: entry.place,
            installed,
        }
    }
}

impl From<core::CatalogueVersion> for CatalogueVersion {
    fn from(version: core::CatalogueVersion) -> Self {
        Self { version: version.version.to_string(), place: version.place }
    }
}
