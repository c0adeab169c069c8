//! A place that is ready to be used: what can be done with every kind of place, in the same words.

use crate::credentials::RegistryCredentials;
use crate::files::Folder;
use crate::index::Listing;
use crate::package::Package;
use crate::place::Place;
use crate::reference::{Reference, Wanted};
use crate::registry::Registry;
use crate::{directory, mirror};
use opssight_core::plugins::catalogue::{CatalogueError, Found};
use semver::Version;
use std::path::PathBuf;
use std::time::Duration;

/// A place that packages can be fetched from and published to.
#[derive(Debug, Clone)]
pub struct Open {
    place: Place,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    Directory(PathBuf),
    Mirror(PathBuf),
    Registry(Box<Registry>),
}

/// How a publication went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Published {
    /// The version is new there.
    New,
    /// It was there with the same content.
    Unchanged,
}

/// A package that was copied from one place to another.
#[derive(Debug, Clone)]
pub struct Copied {
    /// Which.
    pub package: Package,
    /// Whether it was there before.
    pub published: Published,
}

impl Open {
    /// Ready to use; nothing is asked yet.
    pub fn new(place: &Place, credentials: &RegistryCredentials) -> Result<Self, CatalogueError> {
        Self::with_patience(place, credentials, crate::registry::PATIENCE)
    }

    /// The same with another patience: how long a registry may be silent before it counts as unreachable.
    pub fn with_patience(
        place: &Place,
        credentials: &RegistryCredentials,
        patience: Duration,
    ) -> Result<Self, CatalogueError> {
        let kind = match place {
            Place::Directory(path) => Kind::Directory(path.clone()),
            Place::Mirror(path) => Kind::Mirror(path.clone()),
            Place::Registry { host, prefix, plain } => {
                let login = credentials.find(host).cloned();
                Kind::Registry(Box::new(Registry::open(place, host, prefix, *plain, login, patience)?))
            }
        };
        Ok(Self { place: place.clone(), kind })
    }

    /// Which place it is.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Put a package there. A version that is there keeps its content.
    pub async fn publish(&self, package: &Package) -> Result<Published, CatalogueError> {
        match &self.kind {
            Kind::Directory(_) | Kind::Mirror(_) => {
                let package = package.clone();
                self.blocking(move |place| place.publish_to_folder(&package)).await
            }
            Kind::Registry(registry) => registry.publish(package).await,
        }
    }

    /// Get a package, and hold the place to what was asked for: digest, id and version must be those.
    pub async fn fetch(&self, reference: &Reference) -> Result<Package, CatalogueError> {
        let bytes = match &self.kind {
            Kind::Directory(_) | Kind::Mirror(_) => {
                let reference = reference.clone();
                self.blocking(move |place| place.fetch_from_folder(&reference)).await?
            }
            Kind::Registry(registry) => registry.fetch(reference).await?,
        };
        Package::fetched(bytes, &self.place, reference)
    }

    /// The versions of a plugin, newest first; none: it is not there.
    pub async fn versions(&self, id: &str) -> Result<Vec<Version>, CatalogueError> {
        let id = Reference::new(id, None).map_err(|error| CatalogueError::Request(error.to_string()))?.id;
        match &self.kind {
            Kind::Directory(_) | Kind::Mirror(_) => {
                self.blocking(move |place| Ok(place.listing()?.versions(&id))).await
            }
            Kind::Registry(registry) => registry.versions(&id).await,
        }
    }

    /// Plugins that hold every word of the query.
    pub async fn search(&self, query: &str, limit: usize) -> Result<Found, CatalogueError> {
        match &self.kind {
            Kind::Directory(_) | Kind::Mirror(_) => {
                let query = query.to_owned();
                self.blocking(move |place| Ok(place.listing()?.search(&query, limit))).await
            }
            Kind::Registry(registry) => registry.search(query, limit).await,
        }
    }

    /// Copy packages to another place, as they are: they keep their digests and their seals.
    pub async fn copy(&self, to: &Self, references: &[Reference]) -> Result<Vec<Copied>, CatalogueError> {
        let mut copied = Vec::new();
        for reference in references {
            let package = self.fetch(reference).await?;
            let published = to.publish(&package).await?;
            copied.push(Copied { package, published });
        }
        Ok(copied)
    }

    fn listing(&self) -> Result<Listing, CatalogueError> {
        match &self.kind {
            Kind::Directory(path) => directory::list(&Folder::open(&self.place, path)?),
            Kind::Mirror(path) => mirror::list(&Folder::open(&self.place, path)?),
            Kind::Registry(_) => Ok(Listing::default()),
        }
    }

    fn publish_to_folder(&self, package: &Package) -> Result<Published, CatalogueError> {
        let (Kind::Directory(path) | Kind::Mirror(path)) = &self.kind else { return Ok(Published::Unchanged) };
        let folder = Folder::make(&self.place, path)?;
        let _lock = folder.lock()?;
        let listing = self.listing()?;
        if let Some(there) = listing.find(&package.manifest.id, &package.manifest.version) {
            if there.entry.digest == package.digest.as_str() {
                return Ok(Published::Unchanged);
            }
            let (wanted, place) = (package.title(), self.place.to_string());
            return Err(CatalogueError::Changed { wanted, place, there: there.entry.digest.clone() });
        }
        match &self.kind {
            Kind::Directory(_) => directory::write(&folder, package)?,
            _ => mirror::write(&folder, package)?,
        }
        Ok(Published::New)
    }

    fn fetch_from_folder(&self, reference: &Reference) -> Result<Vec<u8>, CatalogueError> {
        let (Kind::Directory(path) | Kind::Mirror(path)) = &self.kind else { return Ok(Vec::new()) };
        let folder = Folder::open(&self.place, path)?;
        let is_mirror = matches!(self.kind, Kind::Mirror(_));
        let found = match &reference.wanted {
            Wanted::Digest(digest) if is_mirror => mirror::read(&folder, digest)?,
            Wanted::Digest(digest) => directory::find(&folder, digest)?,
            wanted => {
                let listing = self.listing()?;
                let versions = listing.versions(&reference.id);
                let version = wanted.choose(&versions).ok_or_else(|| self.not_found(reference, &versions))?;
                let listed = listing.find(&reference.id, version);
                match listed {
                    // The index names the digest, and the bytes must have it.
                    Some(listed) if is_mirror => match crate::Digest::parse(&listed.entry.digest) {
                        Some(digest) => mirror::read(&folder, &digest)?,
                        None => None,
                    },
                    Some(listed) => directory::read(&folder, listed)?,
                    None => None,
                }
            }
        };
        found.ok_or_else(|| self.not_found(reference, &[]))
    }

    fn not_found(&self, reference: &Reference, versions: &[Version]) -> CatalogueError {
        not_found(&self.place, reference, versions)
    }

    /// Files are read on a thread that may wait.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, CatalogueError> + Send + 'static,
    ) -> Result<T, CatalogueError> {
        let place = self.clone();
        match tokio::task::spawn_blocking(move || work(&place)).await {
            Ok(done) => done,
            Err(error) => Err(CatalogueError::Unreachable {
                place: self.place.to_string(),
                why: format!("reading it failed: {error}"),
            }),
        }
    }
}

/// What is there instead is said, so that a typing error is seen.
pub(crate) fn not_found(place: &Place, reference: &Reference, versions: &[Version]) -> CatalogueError {
    const SHOWN: usize = 10;
    let why = match (&reference.wanted, versions) {
        (Wanted::Digest(_), _) => "no package there has this digest".to_owned(),
        (_, []) => "it has no plugin of this name".to_owned(),
        (_, versions) => {
            let shown: Vec<String> = versions.iter().take(SHOWN).map(ToString::to_string).collect();
            let more = if versions.len() > SHOWN { ", ..." } else { "" };
            format!("it has no such version; there are {}{more}", shown.join(", "))
        }
    };
    CatalogueError::NotFound { wanted: reference.to_string(), place: place.to_string(), why }
}
