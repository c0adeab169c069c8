//! Envelope encryption of credentials: each connection's are sealed with a data key of their own, and that key is
//! wrapped by a master key of the ring.

use super::cipher::{self, KeyBytes};
use super::kept::Kept;
use super::ring::{KeyError, KeyRing, LocalKey, MasterKey};
use super::vault::{TransitKey, VaultError};
use super::wrapped::{KeyId, Wrapped};
use aws_lc_rs::digest::{Context, SHA256};
use opssight_core::time::Randomness;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use zeroize::Zeroizing;

/// Layout of sealed credentials: this byte, then what the cipher made.
const VERSION: u8 = 1;

/// Why something cannot be sealed or opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// The cipher refused.
    #[error("seal the credentials")]
    Seal,
    /// It was altered, moved, or sealed with another key.
    #[error("unseal the credentials: they were altered, or sealed with another master key")]
    Unseal,
    /// Its master key is not here.
    #[error(
        "unseal the credentials: their data key is under the master key {0}, which is neither in `secrets.key` nor in \
         `secrets.previous` of this host"
    )]
    UnknownKey(KeyId),
    /// The master key is being changed by somebody else.
    #[error("seal the credentials: the master key was changed meanwhile")]
    Rotated,
    /// The master keys cannot be read.
    #[error(transparent)]
    Ring(#[from] KeyError),
    /// Vault did not do it.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl SealError {
    /// Whether it is about this one data key: others may well be unwrapped.
    pub(crate) fn is_of_this_one(&self) -> bool {
        matches!(self, Self::Unseal | Self::UnknownKey(_) | Self::Vault(VaultError::Refused { .. }))
    }
}

/// Sealed credentials as they are kept.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Sealed {
    /// The data key under a master key.
    pub(crate) data_key: Vec<u8>,
    /// The credentials under the data key.
    pub(crate) sealed: Vec<u8>,
}

/// Seals and opens with the ring of master keys.
pub(crate) struct Sealer {
    ring: KeyRing,
    random: Arc<dyn Randomness>,
    /// What new data keys are under: what the store says, which is not the newest key while a rotation begins.
    under: RwLock<Option<KeyId>>,
    /// What Vault unwrapped.
    kept: Kept<[u8; 32], KeyBytes>,
    keep: Duration,
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sealer").finish_non_exhaustive()
    }
}

impl Sealer {
    /// Data keys come from `random`; what Vault unwraps is kept for `keep`.
    pub(crate) fn new(ring: KeyRing, random: Arc<dyn Randomness>, keep: Duration) -> Self {
        Self { ring, random, under: RwLock::new(None), kept: Kept::new(keep), keep }
    }

    pub(crate) fn ring(&self) -> &KeyRing {
        &self.ring
    }

    /// From now on data keys are wrapped by this key.
    pub(crate) fn wrap_under(&self, id: KeyId) -> Result<(), SealError> {
        self.ring.find_or_read(id).ok_or(SealError::UnknownKey(id))?;
        *self.under.write().unwrap_or_else(PoisonError::into_inner) = Some(id);
        Ok(())
    }

    pub(crate) async fn seal(&self, owner: &str, plain: &[u8]) -> Result<Sealed, SealError> {
        let under = *self.under.read().unwrap_or_else(PoisonError::into_inner);
        let master = match under {
            Some(id) => self.ring.find(id).ok_or(SealError::UnknownKey(id))?,
            None => self.ring.newest().ok_or(SealError::Seal)?,
        };
        let mut data_key: KeyBytes = Zeroizing::new([0; 32]);
        self.random.fill(data_key.as_mut_slice());
        let mut sealed = vec![VERSION];
        sealed.extend(cipher::seal(&data_key, &about("credentials", owner), plain).map_err(|_| SealError::Seal)?);
        let data_key = wrap(&master, owner, &data_key).await?;
        Ok(Sealed { data_key, sealed })
    }

    pub(crate) async fn unseal(&self, owner: &str, sealed: &Sealed) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let data_key = self.data_key(owner, &sealed.data_key).await?;
        self.open(owner, &data_key, sealed)
    }

    /// With the data key that was unwrapped already.
    pub(crate) fn open(
        &self,
        owner: &str,
        data_key: &KeyBytes,
        sealed: &Sealed,
    ) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let (version, text) = sealed.sealed.split_first().ok_or(SealError::Unseal)?;
        if *version != VERSION {
            return Err(SealError::Unseal);
        }
        cipher::open(data_key, &about("credentials", owner), text).map_err(|_| SealError::Unseal)
    }

    /// Unwrap a data key, from memory where that may be.
    async fn data_key(&self, owner: &str, wrapped: &[u8]) -> Result<KeyBytes, SealError> {
        let Some(Wrapped::Transit { by, ciphertext }) = Wrapped::read(wrapped) else {
            return Ok(self.unwrap(owner, wrapped).await?.0);
        };
        let key = self.transit_key(by)?;
        // After half of its time Vault is asked whether it still gives it out.
        let ask = async { key.unwrap(&about("data-key", owner), ciphertext).await };
        Ok(self.kept.get(name(owner, wrapped), self.keep / 2, ask).await?)
    }

    fn transit_key(&self, by: KeyId) -> Result<Arc<TransitKey>, SealError> {
        match self.ring.find_or_read(by) {
            Some(MasterKey::Transit(key)) => Ok(key),
            _ => Err(SealError::UnknownKey(by)),
        }
    }

    /// A data key, and which master key it was under.
    pub(crate) async fn unwrap(&self, owner: &str, wrapped: &[u8]) -> Result<(KeyBytes, KeyId), SealError> {
        match Wrapped::read(wrapped).ok_or(SealError::Unseal)? {
            Wrapped::Unnamed { sealed } => self.unwrap_unnamed(owner, sealed),
            Wrapped::Local { by, sealed } => match self.ring.find_or_read(by) {
                Some(MasterKey::Local(key)) => Ok((open_named(&key, owner, sealed)?, by)),
                _ => Err(SealError::UnknownKey(by)),
            },
            Wrapped::Transit { by, ciphertext } => {
                Ok((self.transit_key(by)?.unwrap(&about("data-key", owner), ciphertext).await?, by))
            }
        }
    }

    /// Which local key a data key is under that does not say it; none if none of the ring opens it.
    pub(crate) fn who_wrapped(&self, owner: &str, wrapped: &[u8]) -> Option<KeyId> {
        match Wrapped::read(wrapped)? {
            Wrapped::Unnamed { sealed } => self.unwrap_unnamed(owner, sealed).ok().map(|(_, by)| by),
            named => named.by(),
        }
    }

    /// Which one it was is not said: the first that opens it.
    fn unwrap_unnamed(&self, owner: &str, sealed: &[u8]) -> Result<(KeyBytes, KeyId), SealError> {
        for key in self.ring.keys().iter() {
            if let MasterKey::Local(key) = key
                && let Ok(plain) = cipher::open(&key.bytes, &about("data-key", owner), sealed)
            {
                return Ok((cipher::key_bytes(&plain).map_err(|_| SealError::Unseal)?, key.id));
            }
        }
        Err(SealError::Unseal)
    }
}

/// A data key under a master key, as it is stored.
pub(crate) async fn wrap(master: &MasterKey, owner: &str, data_key: &KeyBytes) -> Result<Vec<u8>, SealError> {
    match master {
        MasterKey::Local(key) => {
            let sealed = cipher::seal(&key.bytes, &named(key.id, owner), data_key.as_slice());
            let sealed = sealed.map_err(|_| SealError::Seal)?;
            Ok(Wrapped::Local { by: key.id, sealed: &sealed }.write())
        }
        MasterKey::Transit(key) => {
            let ciphertext = key.wrap(&about("data-key", owner), data_key).await?;
            Ok(Wrapped::Transit { by: key.id(), ciphertext: &ciphertext }.write())
        }
    }
}

fn open_named(key: &LocalKey, owner: &str, sealed: &[u8]) -> Result<KeyBytes, SealError> {
    let plain = cipher::open(&key.bytes, &named(key.id, owner), sealed).map_err(|_| SealError::Unseal)?;
    cipher::key_bytes(&plain).map_err(|_| SealError::Unseal)
}

/// What is sealed says what it is for and whose it is.
fn about(purpose: &str, owner: &str) -> String {
    format!("opssight\0{purpose}\0{owner}")
}

/// Of a data key in memory. A row that is moved to another connection is another one.
fn name(owner: &str, wrapped: &[u8]) -> [u8; 32] {
    let mut digest = Context::new(&SHA256);
    for part in [owner.as_bytes(), &[0], wrapped] {
        digest.update(part);
    }
    let mut name = [0; 32];
    name.iter_mut().zip(digest.finish().as_ref()).for_each(|(byte, of)| *byte = *of);
    name
}

/// Which key it says it is under is authenticated as well.
fn named(id: KeyId, owner: &str) -> String {
    about(&format!("data-key\0{id}"), owner)
}

/// What stood in a store before there was a ring.
#[cfg(test)]
pub(crate) fn wrap_unnamed(key: &[u8; 32], owner: &str, data_key: &[u8; 32]) -> Vec<u8> {
    let sealed = cipher::seal(key, &about("data-key", owner), data_key).unwrap();
    Wrapped::Unnamed { sealed: &sealed }.write()
}
