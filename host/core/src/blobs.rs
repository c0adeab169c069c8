//! Blobs: bytes that are too large for the store, and that several hosts share or that outlive one of them.
//!
//! A blob's name ends with the digest of its bytes. So it is never changed, only there or not; whoever writes one twice,
//! or at the same time as somebody else, writes the same; and whoever reads one sees whether it still is what it was.

mod checked;
mod name;

pub use checked::{DigestSoFar, body_of, checked, whole};
pub use name::{BlobName, Folder};

use crate::error::Kind;
use crate::time::Timestamp;
use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;

/// Bytes on their way. They end with an error, or they are all there.
pub type Body = BoxStream<'static, Result<Bytes, BlobError>>;

/// What a listing says of a blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobInfo {
    /// Which.
    pub name: BlobName,
    /// How many bytes.
    pub size: u64,
    /// When it was last kept, by the clock of the place.
    pub kept_at: Timestamp,
}

/// Why a blob was not kept, read or found. None of it says anything that proves who asks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BlobError {
    /// Nobody answers, or not now. Later it may work, without anybody mending anything here.
    #[error("{doing} at {place}: {why}")]
    Away {
        /// A fragment that fits after "failed to".
        doing: &'static str,
        /// Where.
        place: String,
        /// What was seen.
        why: String,
    },
    /// It is not believed who asks, or they may not.
    #[error("{doing} at {place}: access is denied ({said}); {mend}")]
    Denied {
        /// A fragment that fits after "failed to".
        doing: &'static str,
        /// Where.
        place: String,
        /// In the place's words.
        said: String,
        /// What to look at.
        mend: &'static str,
    },
    /// There is no such place, or it is somewhere else.
    #[error("{doing} at {place}: {why}")]
    NoPlace {
        /// A fragment that fits after "failed to".
        doing: &'static str,
        /// Where.
        place: String,
        /// What is wrong, and how to mend it.
        why: String,
    },
    /// Somebody changed it, or it was damaged.
    #[error("use {name} at {place}: its bytes are not those that its name says: it was changed or damaged there")]
    Changed {
        /// Which.
        name: BlobName,
        /// Where.
        place: String,
    },
    /// What was given to be kept is not what its name says, or ended early.
    #[error("keep {name}: {why}")]
    Given {
        /// Which.
        name: BlobName,
        /// What is wrong with it.
        why: String,
    },
    /// Anything else: trying again will not mend it.
    #[error("{doing} at {place}: {said}")]
    Refused {
        /// A fragment that fits after "failed to".
        doing: &'static str,
        /// Where.
        place: String,
        /// What was said.
        said: String,
    },
}

impl BlobError {
    /// The neutral kind. Whatever is wrong with the place, whoever asked a host for something can only come back later.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Given { .. } => Kind::Invalid,
            _ => Kind::Unavailable,
        }
    }

    /// Whether it may work later without anybody mending anything here.
    pub fn is_away(&self) -> bool {
        matches!(self, Self::Away { .. })
    }
}

/// The port.
#[async_trait]
pub trait BlobStore: Send + Sync {
    /// Keep a blob. Until this returns it is not there for anybody, and then all of it is, durably. What is not what its
    /// name says is not kept. Keeping it twice is fine, and mends one that was changed.
    async fn put(&self, name: &BlobName, body: Body) -> Result<(), BlobError>;
    /// Its bytes, checked on the way: of one that was changed they end with [`BlobError::Changed`].
    async fn get(&self, name: &BlobName) -> Result<Option<Body>, BlobError>;
    /// Remove one. That it is not there is fine.
    async fn remove(&self, name: &BlobName) -> Result<(), BlobError>;
    /// All of a folder, as pages come in. What is there and is no blob of the folder is left out.
    fn list(&self, folder: Folder) -> BoxStream<'static, Result<BlobInfo, BlobError>>;
    /// Whether the place can be reached, written and cleared.
    async fn check(&self) -> Result<(), BlobError>;
    /// Where it is, without what proves who asks.
    fn place(&self) -> &str;
}
