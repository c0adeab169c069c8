//! Envelope encryption of credentials: each connection's are sealed with a data key of their own, and that key is
//! sealed with the master key, which never enters the store. AES-256-GCM with random nonces; the connection's id is
//! authenticated with both, so that a row that is moved to another connection does not open.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hmac;
use opssight_core::time::Randomness;
use std::sync::Arc;

/// Length of the master key.
pub const MASTER_KEY_BYTES: usize = 32;

/// Layout of what is sealed: this byte, the nonce, the ciphertext with its tag.
const VERSION: u8 = 1;

/// Why something cannot be sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The cipher refused.
    #[error("seal the credentials")]
    Seal,
    /// It was altered, moved, or sealed with another key.
    #[error("unseal the credentials: they were altered, or sealed with another master key")]
    Unseal,
}

/// A name for whoever has this key, from which nobody can tell the key.
pub fn installation(master: &[u8; MASTER_KEY_BYTES]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, master);
    let tag = hmac::sign(&key, b"opssight\0installation");
    tag.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// Sealed credentials as they are kept.
#[derive(Clone)]
pub(crate) struct Sealed {
    /// The data key under the master key.
    pub(crate) data_key: Vec<u8>,
    /// The credentials under the data key.
    pub(crate) sealed: Vec<u8>,
}

/// Seals and opens with one master key.
pub struct Sealer {
    master: RandomizedNonceKey,
    random: Arc<dyn Randomness>,
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sealer").finish_non_exhaustive()
    }
}

impl Sealer {
    /// With this master key; data keys come from `random`.
    pub fn new(master: &[u8; MASTER_KEY_BYTES], random: Arc<dyn Randomness>) -> Result<Self, SealError> {
        Ok(Self { master: key(master)?, random })
    }

    pub(crate) fn seal(&self, owner: &str, plain: &[u8]) -> Result<Sealed, SealError> {
        let mut data_key = [0_u8; 32];
        self.random.fill(&mut data_key);
        Ok(Sealed {
            data_key: seal(&self.master, &aad("data-key", owner), &data_key)?,
            sealed: seal(&key(&data_key)?, &aad("credentials", owner), plain)?,
        })
    }

    pub(crate) fn unseal(&self, owner: &str, sealed: &Sealed) -> Result<Vec<u8>, SealError> {
        let data_key = unseal(&self.master, &aad("data-key", owner), &sealed.data_key)?;
        let data_key = key(&data_key).map_err(|_| SealError::Unseal)?;
        unseal(&data_key, &aad("credentials", owner), &sealed.sealed)
    }
}

fn key(bytes: &[u8]) -> Result<RandomizedNonceKey, SealError> {
    RandomizedNonceKey::new(&AES_256_GCM, bytes).map_err(|_| SealError::Seal)
}

/// What is sealed says what it is for and whose it is.
fn aad(purpose: &str, owner: &str) -> Vec<u8> {
    format!("opssight\0{purpose}\0{owner}").into_bytes()
}

fn seal(key: &RandomizedNonceKey, aad: &[u8], plain: &[u8]) -> Result<Vec<u8>, SealError> {
    let mut buffer = plain.to_vec();
    let nonce = key.seal_in_place_append_tag(Aad::from(aad), &mut buffer).map_err(|_| SealError::Seal)?;
    let mut sealed = Vec::with_capacity(1 + NONCE_LEN + buffer.len());
    sealed.push(VERSION);
    sealed.extend_from_slice(nonce.as_ref());
    sealed.extend_from_slice(&buffer);
    Ok(sealed)
}

fn unseal(key: &RandomizedNonceKey, aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
    let (version, rest) = sealed.split_first().ok_or(SealError::Unseal)?;
    if *version != VERSION {
        return Err(SealError::Unseal);
    }
    let (nonce, text) = rest.split_at_checked(NONCE_LEN).ok_or(SealError::Unseal)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError::Unseal)?;
    let mut buffer = text.to_vec();
    let plain = key.open_in_place(nonce, Aad::from(aad), &mut buffer).map_err(|_| SealError::Unseal)?;
    Ok(plain.to_vec())
}
