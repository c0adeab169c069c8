//! Locks that run out: one holder among many processes, as long as it says that it goes on.
//!
//! A lock that runs out is a hint and no proof: its holder may have been asleep. What it protects compares the fence
//! and refuses one that is lower than the highest that it saw.

use async_trait::async_trait;
use std::time::Duration;

/// A lock that is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lock {
    /// Which.
    pub name: String,
    /// Who holds it: made anew each time that it is taken, so that nobody lets go of another's.
    pub owner: String,
    /// Higher than that of every earlier holder, also after whoever keeps the locks lost its memory.
    pub fence: u64,
}

/// The port. Whoever keeps the locks and cannot be asked refuses: a lock is then held by nobody.
#[async_trait]
pub trait Locks: Send + Sync {
    /// Take a lock for some time, if nobody holds it.
    async fn lock(&self, name: &str, ttl: Duration) -> Option<Lock>;
    /// Hold it for longer, from now on; whether it is still held.
    async fn renew(&self, lock: &Lock, ttl: Duration) -> bool;
    /// Let go of it; whether it was still held.
    async fn release(&self, lock: &Lock) -> bool;
}
