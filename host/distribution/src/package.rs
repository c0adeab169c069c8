//! A package in hand: its bytes, and what they say about themselves.

use crate::digest::Digest;
use crate::place::Place;
use crate::reference::{Reference, Wanted};
use opssight_core::fact::clean;
use opssight_core::plugins::Manifest;
use opssight_core::plugins::catalogue::{CatalogueEntry, CatalogueError};
use opssight_core::plugins::trust::Signature;
use opssight_package::Surface;
use std::sync::Arc;

/// A package whose seal fits its bytes, if it has one, and whose manifest can be read.
#[derive(Debug, Clone)]
pub struct Package {
    /// As it is stored and sent.
    pub bytes: Arc<[u8]>,
    /// Of these bytes.
    pub digest: Digest,
    /// Who signed it.
    pub signature: Option<Signature>,
    /// What it declares.
    pub manifest: Manifest,
    /// What goes in and out of it.
    pub surface: Surface,
}

impl Package {
    /// Read one. The text says why bytes are none.
    pub fn read(bytes: impl Into<Arc<[u8]>>) -> Result<Self, String> {
        let bytes = bytes.into();
        // The seal first: what was changed after it was signed is not even parsed.
        let signature = opssight_package::seal(&bytes).map_err(|error| error.to_string())?;
        let manifest = opssight_package::manifest(&bytes).map_err(|error| error.to_string())?;
        let surface = opssight_package::surface(&bytes).map_err(|error| error.to_string())?;
        if let Some(signature) = signature.as_ref().filter(|signature| signature.publisher != manifest.publisher) {
            let (sealed, declared) = (&signature.publisher, &manifest.publisher);
            return Err(format!("it is sealed for {sealed}, but its manifest says that {declared} publishes it"));
        }
        Ok(Self { digest: Digest::of(&bytes), bytes, signature, manifest, surface })
    }

    /// Read what a place gave for a reference, and hold the place to it.
    pub(crate) fn fetched(bytes: Vec<u8>, place: &Place, reference: &Reference) -> Result<Self, CatalogueError> {
        let (wanted, place) = (reference.to_string(), place.to_string());
        if let Wanted::Digest(expected) = &reference.wanted {
            let given = Digest::of(&bytes);
            if given != *expected {
                let (expected, given) = (expected.to_string(), given.to_string());
                return Err(CatalogueError::OtherDigest { wanted, place, expected, given });
            }
        }
        let not_it = |why: String| CatalogueError::NotThePlugin { wanted: wanted.clone(), place: place.clone(), why };
        let package = Self::read(bytes).map_err(not_it)?;
        let (id, version) = (&package.manifest.id, &package.manifest.version);
        let is_it = *id == reference.id
            && match &reference.wanted {
                Wanted::Newest | Wanted::Digest(_) => true,
                Wanted::Version(wanted) => wanted == version,
                Wanted::Fitting(requirement) => requirement.matches(version),
            };
        if is_it { Ok(package) } else { Err(not_it(format!("what it gives is {id} {version}"))) }
    }

    /// "github 1.2.0".
    pub fn title(&self) -> String {
        format!("{} {}", self.manifest.id, self.manifest.version)
    }

    /// As a place lists it.
    pub fn entry(&self, place: &Place) -> CatalogueEntry {
        CatalogueEntry {
            id: self.manifest.id.clone(),
            version: self.manifest.version.clone(),
            digest: self.digest.to_string(),
            name: self.manifest.name.clone(),
            publisher: self.manifest.publisher.clone(),
            key: self.signature.as_ref().map(|signature| signature.key.clone()),
            description: self.manifest.description.clone(),
            licence: self.manifest.licence.clone(),
            kinds: self.surface.kinds(),
            size: self.bytes.len() as u64,
            place: place.to_string(),
        }
    }
}

/// Whether an entry holds every word of a query.
pub(crate) fn matches(entry: &CatalogueEntry, query: &str) -> bool {
    let text = [&entry.id, &entry.name, &entry.publisher, &entry.description, &entry.kinds.join(" ")]
        .map(|text| text.to_lowercase())
        .join("\n");
    query.to_lowercase().split_whitespace().all(|word| text.contains(word))
}

/// What a place's own listing says, made fit to be shown and used. None: it is not an entry of a plugin.
pub(crate) fn tidy(entry: CatalogueEntry, place: &Place) -> Option<CatalogueEntry> {
    use opssight_core::plugins::manifest::is_plain_name;
    let is_key =
        |key: &str| key.strip_prefix("ed25519:").is_some_and(|key| hex::decode(key).is_ok_and(|k| k.len() == 32));
    (is_plain_name(&entry.id) && is_plain_name(&entry.publisher) && Digest::parse(&entry.digest).is_some()).then(|| {
        CatalogueEntry {
            name: clean(&entry.name),
            description: clean(&entry.description),
            licence: clean(&entry.licence),
            kinds: entry.kinds.iter().take(16).map(|kind| clean(kind)).collect(),
            key: entry.key.filter(|key| is_key(key.as_str())),
            place: place.to_string(),
            ..entry
        }
    })
}
