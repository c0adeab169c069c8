//! Packages of plugins: in the data folder of this host, and, if several hosts share a place of blobs, there.
//!
//! The shared place has the word. What this host keeps near is what it goes on with while that is away, and what it brings
//! there when it finds that it is missing: so a host that ran alone brings its packages along when it begins to share.

use crate::Link;
use async_trait::async_trait;
use futures::TryStreamExt;
use opssight_core::blobs::{BlobError, BlobName, BlobStore, Folder, body_of, whole};
use opssight_core::plugins::installs::PackageStore;
use opssight_core::time::Timestamp;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

/// The packages of a host.
pub struct Packages {
    near: Arc<dyn BlobStore>,
    shared: Option<Shared>,
}

struct Shared {
    blobs: Arc<dyn BlobStore>,
    link: Arc<Link>,
    /// What is known to be there.
    seen: Mutex<BTreeSet<BlobName>>,
}

impl Packages {
    /// Of one host.
    pub fn near(near: Arc<dyn BlobStore>) -> Self {
        Self { near, shared: None }
    }

    /// Of several that share a place, whose link says how that is.
    pub fn shared(near: Arc<dyn BlobStore>, blobs: Arc<dyn BlobStore>, link: Arc<Link>) -> Self {
        Self { near, shared: Some(Shared { blobs, link, seen: Mutex::default() }) }
    }

    fn name(&self, digest: &str) -> Result<BlobName, BlobError> {
        BlobName::package(digest).ok_or_else(|| BlobError::Refused {
            doing: "name the package",
            place: self.near.place().to_owned(),
            said: "it is not named by a SHA-256 digest".to_owned(),
        })
    }
}

async fn read(blobs: &dyn BlobStore, name: &BlobName) -> Result<Option<Vec<u8>>, BlobError> {
    match blobs.get(name).await? {
        Some(body) => whole(body).await.map(Some),
        None => Ok(None),
    }
}

impl Shared {
    async fn put(&self, name: &BlobName, package: &[u8]) -> Result<(), BlobError> {
        self.blobs.put(name, body_of(package.to_vec())).await?;
        self.note(name);
        Ok(())
    }

    fn note(&self, name: &BlobName) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone());
    }

    fn forget(&self, name: &BlobName) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }

    /// Bring there what may be missing. If it cannot be brought now, this host goes on all the same.
    async fn bring(&self, name: &BlobName, package: &[u8]) {
        let is_seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner).contains(name);
        if is_seen || !self.link.is_up() {
            return;
        }
        if let Err(error) = self.put(name, package).await {
            tracing::debug!(blob = %name, error = %error, "a package was not brought to the place that hosts share");
        }
    }
}

#[async_trait]
impl PackageStore for Packages {
    async fn put(&self, digest: &str, package: &[u8]) -> Result<(), BlobError> {
        let name = self.name(digest)?;
        let Some(shared) = &self.shared else { return self.near.put(&name, body_of(package.to_vec())).await };
        shared.put(&name, package).await?;
        if let Err(error) = self.near.put(&name, body_of(package.to_vec())).await {
            tracing::warn!(blob = %name, error = %error, "a package is not kept near: without its place it cannot be loaded");
        }
        Ok(())
    }

    async fn get(&self, digest: &str) -> Result<Option<Vec<u8>>, BlobError> {
        let name = self.name(digest)?;
        let near = read(&*self.near, &name).await;
        let Some(shared) = &self.shared else { return near };
        if let Ok(Some(package)) = near {
            shared.bring(&name, &package).await;
            return Ok(Some(package));
        }
        let Some(package) = read(&*shared.blobs, &name).await? else { return near };
        shared.note(&name);
        if let Err(error) = self.near.put(&name, body_of(package.clone())).await {
            tracing::warn!(blob = %name, error = %error, "a package is not kept near: without its place it cannot be loaded");
        }
        Ok(Some(package))
    }

    async fn remove(&self, digest: &str) -> Result<(), BlobError> {
        let name = self.name(digest)?;
        self.near.remove(&name).await?;
        let Some(shared) = &self.shared else { return Ok(()) };
        shared.forget(&name);
        shared.blobs.remove(&name).await
    }

    async fn kept_before(&self, time: Timestamp) -> Result<Vec<String>, BlobError> {
        let mut old = BTreeSet::new();
        for blobs in [Some(&self.near), self.shared.as_ref().map(|shared| &shared.blobs)].into_iter().flatten() {
            let mut listed = blobs.list(Folder::Packages);
            while let Some(blob) = listed.try_next().await? {
                if blob.kept_at < time {
                    old.insert(blob.name.digest());
                }
            }
        }
        Ok(old.into_iter().collect())
    }
}
