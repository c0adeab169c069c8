//! AES-256-GCM with random nonces. What is sealed says what it is for and whose it is, so that a row that is moved to
//! another connection does not open.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use zeroize::Zeroizing;

/// A key of this cipher; overwritten when it is dropped.
pub(super) type KeyBytes = Zeroizing<[u8; 32]>;

/// The cipher refused. It says no more than that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refused;

/// The nonce, then the ciphertext with its tag.
pub(super) fn seal(key: &[u8; 32], aad: &str, plain: &[u8]) -> Result<Vec<u8>, Refused> {
    let key = RandomizedNonceKey::new(&AES_256_GCM, key).map_err(|_| Refused)?;
    let mut buffer = Vec::with_capacity(plain.len() + AES_256_GCM.tag_len());
    buffer.extend_from_slice(plain);
    let nonce = key.seal_in_place_append_tag(Aad::from(aad.as_bytes()), &mut buffer).map_err(|_| Refused)?;
    let mut sealed = Vec::with_capacity(NONCE_LEN + buffer.len());
    sealed.extend_from_slice(nonce.as_ref());
    sealed.extend_from_slice(&buffer);
    Ok(sealed)
}

/// What [`seal`] was given.
pub(super) fn open(key: &[u8; 32], aad: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Refused> {
    let key = RandomizedNonceKey::new(&AES_256_GCM, key).map_err(|_| Refused)?;
    let (nonce, text) = sealed.split_at_checked(NONCE_LEN).ok_or(Refused)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| Refused)?;
    let mut buffer = Zeroizing::new(text.to_vec());
    let length = key.open_in_place(nonce, Aad::from(aad.as_bytes()), &mut buffer).map_err(|_| Refused)?.len();
    buffer.truncate(length);
    Ok(buffer)
}

/// As a key, if it has the length of one.
pub(super) fn key_bytes(bytes: &[u8]) -> Result<KeyBytes, Refused> {
    <[u8; 32]>::try_from(bytes).map(Zeroizing::new).map_err(|_| Refused)
}
