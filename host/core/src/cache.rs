//! What may be lost: values with a time to live, beside the store and never in its place.

use async_trait::async_trait;
use std::time::Duration;

/// Whoever keeps the values cannot be asked now. A reader goes to the store as if nothing were kept; a writer must know
/// that nothing was kept, or that something still is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("ask the cache: {0}")]
pub struct CacheError(pub String);

/// The port. A time to live is at least a millisecond, and a value is gone when it has passed.
#[async_trait]
pub trait Cache: Send + Sync {
    /// What is kept under a key.
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, CacheError>;
    /// Keep a value, in the place of what was there.
    async fn put(&self, key: &str, value: &[u8], ttl: Duration) -> Result<(), CacheError>;
    /// Keep a value if there is none; whether it was kept. Of those who try at once, one succeeds.
    async fn put_if_absent(&self, key: &str, value: &[u8], ttl: Duration) -> Result<bool, CacheError>;
    /// Forget a value; whether there was one.
    async fn delete(&self, key: &str) -> Result<bool, CacheError>;
    /// Forget a value if it is this one; whether it was.
    async fn delete_if(&self, key: &str, value: &[u8]) -> Result<bool, CacheError>;
}
