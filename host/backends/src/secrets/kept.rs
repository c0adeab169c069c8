//! Data keys that Vault unwrapped, kept in memory for a bounded time: a delivery need not ask Vault each time, and Vault
//! may be away for a while. Overwritten when they go.

use super::cipher::KeyBytes;
use aws_lc_rs::digest::{SHA256, digest};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// More connections than anybody has; what is beyond is asked for each time.
const MOST: usize = 10_000;
/// While Vault is away, it is asked again after this long.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) struct DataKeys {
    keep: Duration,
    known: Mutex<HashMap<[u8; 32], Kept>>,
}

struct Kept {
    key: KeyBytes,
    /// From then on Vault is asked whether it still gives it out.
    ask_from: Instant,
    until: Instant,
}

/// What is known of a data key.
pub(super) enum Known {
    Nothing,
    /// It can be used.
    Fresh(KeyBytes),
    /// It can be used if Vault is away.
    Aging(KeyBytes),
}

impl DataKeys {
    pub(super) fn new(keep: Duration) -> Self {
        Self { keep, known: Mutex::new(HashMap::new()) }
    }

    pub(super) fn find(&self, wrapped: &[u8], owner: &str) -> Known {
        let now = Instant::now();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, kept| now < kept.until);
        match known.get(&name(wrapped, owner)) {
            None => Known::Nothing,
            Some(kept) if now < kept.ask_from => Known::Fresh(kept.key.clone()),
            Some(kept) => Known::Aging(kept.key.clone()),
        }
    }

    /// Vault gave it out just now.
    pub(super) fn keep(&self, wrapped: &[u8], owner: &str, key: &KeyBytes) {
        let now = Instant::now();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.keep.is_zero() && known.len() < MOST {
            let kept = Kept { key: key.clone(), ask_from: now + self.keep / 2, until: now + self.keep };
            known.insert(name(wrapped, owner), kept);
        }
    }

    /// Vault is away: do not ask for this one again at once.
    pub(super) fn wait(&self, wrapped: &[u8], owner: &str) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = known.get_mut(&name(wrapped, owner)) {
            kept.ask_from = Instant::now() + PATIENCE;
        }
    }

    /// Vault does not give it out any more.
    pub(super) fn forget(&self, wrapped: &[u8], owner: &str) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(&name(wrapped, owner));
    }
}

/// A row that is moved to another connection is another one.
fn name(wrapped: &[u8], owner: &str) -> [u8; 32] {
    let mut text = owner.as_bytes().to_vec();
    text.push(0);
    text.extend_from_slice(wrapped);
    let mut name = [0; 32];
    name.iter_mut().zip(digest(&SHA256, &text).as_ref()).for_each(|(byte, of)| *byte = *of);
    name
}
