//! Blobs in a bucket.

use super::BlobAccess;
use super::address::{Bucket, Vendor};
use super::check::{Found, found, given, to_its_end};
use super::meaning::Asked;
use super::upload::{PART, Upload};
use super::vendor;
use crate::Link;
use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{Error, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutPayload};
use opssight_core::blobs::{BlobError, BlobInfo, BlobName, BlobStore, Body, Folder, checked};
use std::sync::Arc;
use std::time::Duration;

/// The longest that something small may take, with everything that is tried again.
const PATIENCE: Duration = Duration::from_secs(30);
/// Written and removed again to see whether that is allowed. Beside the folders, where nobody lists it.
const PROBE: &str = "opssight-probe";

/// A bucket, or a place in one.
pub(super) struct RemoteBlobs {
    store: Arc<dyn ObjectStore>,
    vendor: Vendor,
    prefix: String,
    place: String,
    link: Arc<Link>,
}

impl RemoteBlobs {
    /// Nothing is asked yet.
    pub(super) fn open(bucket: &Bucket, access: &BlobAccess<'_>) -> Result<Self, BlobError> {
        let (vendor, place) = (bucket.vendor, bucket.to_string());
        let asked = Asked { vendor, place: &place, doing: "set up the client" };
        let store = vendor::client(bucket, access).map_err(|error| asked.meaning(&error))?;
        Ok(Self { store, vendor, prefix: bucket.prefix.clone(), place, link: Arc::clone(&access.link) })
    }

    fn asked(&self, doing: &'static str) -> Asked<'_> {
        Asked { vendor: self.vendor, place: &self.place, doing }
    }

    fn path(&self, name: &str) -> Path {
        Path::from(format!("{}/{name}", self.prefix))
    }

    /// Note how the place is, as far as an outcome says something about that.
    fn noted<T>(&self, outcome: Result<T, BlobError>) -> Result<T, BlobError> {
        note(&self.link, outcome)
    }

    /// In time, or not at all.
    async fn soon<T>(
        &self,
        doing: &'static str,
        answer: impl Future<Output = Result<T, BlobError>>,
    ) -> Result<T, BlobError> {
        let late = || Err(self.asked(doing).away("it does not answer in time"));
        tokio::time::timeout(PATIENCE, answer).await.unwrap_or_else(|_| late())
    }

    async fn read(&self, name: &BlobName) -> Result<Option<Body>, BlobError> {
        const DOING: &str = "read a blob";
        let path = self.path(&name.to_string());
        let asked = self.asked(DOING);
        let found = async {
            match self.store.get(&path).await {
                Ok(found) => Ok(Some(found)),
                Err(error) if Asked::is_not_found(&error) => Ok(None),
                Err(error) => Err(asked.meaning(&error)),
            }
        };
        let Some(found) = self.soon(DOING, found).await? else { return Ok(None) };
        let (vendor, place, link) = (self.vendor, self.place.clone(), Arc::clone(&self.link));
        let changed = BlobError::Changed { name: name.clone(), place: place.clone() };
        let body = found.into_stream().map_err(move |error| {
            let error = Asked { vendor, place: &place, doing: DOING }.meaning(&error);
            link.fails(&error.to_string());
            error
        });
        Ok(Some(checked(body.boxed(), name, || changed)))
    }

    async fn write(&self, name: &BlobName, mut body: Body, mode: PutMode) -> Result<(), BlobError> {
        const DOING: &str = "keep a blob";
        let asked = self.asked(DOING);
        let path = self.path(&name.to_string());
        let mut start: Vec<Bytes> = Vec::new();
        let mut size = 0;
        while let Some(piece) = body.try_next().await? {
            size += piece.len();
            start.push(piece);
            if size > PART {
                let upload = self.store.put_multipart(&path);
                let upload = self.soon(DOING, async { upload.await.map_err(|error| asked.meaning(&error)) }).await?;
                return Upload::new(upload).send(start, body, &asked).await;
            }
        }
        match self.store.put_opts(&path, PutPayload::from_iter(start), mode.into()).await {
            // Somebody else kept the same at the same moment.
            Ok(_) | Err(Error::AlreadyExists { .. }) => Ok(()),
            Err(error) => Err(asked.meaning(&error)),
        }
    }
}

/// Errors of what was asked for say nothing about the place.
fn note<T>(link: &Link, outcome: Result<T, BlobError>) -> Result<T, BlobError> {
    match &outcome {
        Ok(_) | Err(BlobError::Changed { .. } | BlobError::Given { .. }) => link.is_well(),
        Err(error) => link.fails(&error.to_string()),
    }
    outcome
}

#[async_trait]
impl BlobStore for RemoteBlobs {
    async fn put(&self, name: &BlobName, body: Body) -> Result<(), BlobError> {
        let body = given(body, name);
        let put = async {
            match found(self.read(name).await?).await? {
                Found::Whole => to_its_end(body).await,
                Found::Changed => self.write(name, body, PutMode::Overwrite).await,
                Found::Nothing => self.write(name, body, PutMode::Create).await,
            }
        };
        let kept = self.noted(put.await);
        if kept.is_ok() {
            self.link.moves(1);
        }
        kept
    }

    async fn get(&self, name: &BlobName) -> Result<Option<Body>, BlobError> {
        self.noted(self.read(name).await)
    }

    async fn remove(&self, name: &BlobName) -> Result<(), BlobError> {
        const DOING: &str = "remove a blob";
        let (path, asked) = (self.path(&name.to_string()), self.asked(DOING));
        let removed = async { gone(self.store.delete(&path).await).map_err(|error| asked.meaning(&error)) };
        self.noted(self.soon(DOING, removed).await)
    }

    fn list(&self, folder: Folder) -> BoxStream<'static, Result<BlobInfo, BlobError>> {
        let (vendor, place, link) = (self.vendor, self.place.clone(), Arc::clone(&self.link));
        let prefix = self.path(folder.path());
        let listed = self.store.list(Some(&prefix)).map_err(move |error| {
            let error = Asked { vendor, place: &place, doing: "list the blobs" }.meaning(&error);
            link.fails(&error.to_string());
            error
        });
        listed.try_filter_map(move |object| std::future::ready(Ok(info(&prefix, folder, &object)))).boxed()
    }

    async fn check(&self) -> Result<(), BlobError> {
        const DOING: &str = "list, write and remove blobs";
        let (path, asked) = (self.path(PROBE), self.asked(DOING));
        let checked = async {
            let first = self.store.list(Some(&self.path(Folder::Packages.path()))).next().await;
            first.transpose().map_err(|error| asked.meaning(&error))?;
            let written = self.store.put(&path, PutPayload::from_static(b"Removed at once.\n")).await;
            written.map_err(|error| asked.meaning(&error))?;
            gone(self.store.delete(&path).await).map_err(|error| asked.meaning(&error))
        };
        self.noted(self.soon(DOING, checked).await)
    }

    fn place(&self) -> &str {
        &self.place
    }
}

/// Not there is as good as removed.
fn gone(removed: Result<(), Error>) -> Result<(), Error> {
    match removed {
        Err(error) if Asked::is_not_found(&error) => Ok(()),
        removed => removed,
    }
}

/// An object of a folder as a blob, if it is one.
fn info(prefix: &Path, folder: Folder, object: &ObjectMeta) -> Option<BlobInfo> {
    let name = BlobName::read(folder, object.location.filename()?)?;
    let direct = prefix.clone().join(name.file()) == object.location;
    direct.then(|| BlobInfo { name, size: object.size, kept_at: object.last_modified.into() })
}
