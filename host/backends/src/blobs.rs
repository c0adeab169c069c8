//! Places of blobs: a folder, or a bucket of S3, Azure Blob Storage or Google Cloud Storage.

mod address;
mod check;
mod folder;
mod meaning;
mod remote;
mod upload;
mod vendor;

pub use address::{BlobAddress, BlobAddressError};
pub use folder::FolderBlobs;

use crate::Link;
use opssight_core::blobs::{BlobError, BlobStore};
use remote::RemoteBlobs;
use std::sync::Arc;

/// How a place is reached.
pub struct BlobAccess<'a> {
    /// The environment, from which what proves who asks is read as the vendors' own tools do.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
    /// Certificate authorities (PEM) that are believed beside the system's own.
    pub ca_pem: Option<Vec<u8>>,
    /// Told whether the place works.
    pub link: Arc<Link>,
}

/// Set up the place of an address. Nothing is asked of it yet.
pub fn open_blobs(address: &BlobAddress, access: &BlobAccess<'_>) -> Result<Arc<dyn BlobStore>, BlobError> {
    match address {
        BlobAddress::Folder(path) => Ok(Arc::new(FolderBlobs::open(path)?)),
        BlobAddress::Bucket(bucket) => Ok(Arc::new(RemoteBlobs::open(bucket, access)?)),
    }
}
