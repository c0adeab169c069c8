//! One file of compiled code: a header that proves who wrote it, and the code.
//!
//! `OPSAOT1\n`, 8 bytes that name the key, 8 bytes of length, 32 bytes of HMAC-SHA256 over the file's name and all of
//! the rest, then the code.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use sha2::{Digest, Sha256};
use std::io;

const MAGIC: &[u8; 8] = b"OPSAOT1\n";
pub(super) const KEY_ID: usize = 8;
const TAG: usize = 32;
const HEADER: usize = MAGIC.len() + KEY_ID + 8 + TAG;
/// No file of ours is larger; of a larger one only so much is read.
pub(super) const MAX_CODE: u64 = 512 << 20;

/// Why a file is not used.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unusable {
    #[error("it cannot be read")]
    Unreadable(#[from] io::Error),
    #[error("it is no ordinary file")]
    NotAFile,
    #[error("it is shorter than what was written")]
    Truncated,
    #[error("another host wrote it, or it is something else")]
    Foreign,
    #[error("its HMAC does not match: somebody changed it")]
    Poisoned,
    #[error("we wrote it, but the engine does not take it: {0}")]
    DoesNotFit(String),
}

impl Unusable {
    /// As it stands in metrics and logs.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "unreadable",
            Self::NotAFile | Self::Foreign => "foreign",
            Self::Truncated => "truncated",
            Self::Poisoned => "poisoned",
            Self::DoesNotFit(_) => "does-not-fit",
        }
    }
}

/// A key's name gives nothing of it away.
pub(super) fn key_id(key: &[u8]) -> [u8; KEY_ID] {
    let mut hasher = Sha256::new_with_prefix(b"opssight aot key");
    hasher.update(key);
    let mut id = [0; KEY_ID];
    id.iter_mut().zip(hasher.finalize()).for_each(|(to, from)| *to = from);
    id
}

pub(super) fn header(key: &hmac::Key, key_id: &[u8; KEY_ID], name: &str, code: &[u8]) -> Vec<u8> {
    let length = (code.len() as u64).to_le_bytes();
    [&MAGIC[..], key_id, &length, tag(key, name, length, code).as_ref()].concat()
}

/// The code of a file that we wrote under this name, and nothing else.
pub(super) fn code(
    key: &hmac::Key,
    key_id: &[u8; KEY_ID],
    name: &str,
    mut bytes: Vec<u8>,
) -> Result<Vec<u8>, Unusable> {
    let (magic, rest) = bytes.split_first_chunk::<{ MAGIC.len() }>().ok_or(Unusable::Truncated)?;
    let (id, rest) = rest.split_first_chunk::<KEY_ID>().ok_or(Unusable::Truncated)?;
    if magic != MAGIC || id != key_id {
        return Err(Unusable::Foreign);
    }
    let (length, rest) = rest.split_first_chunk::<8>().ok_or(Unusable::Truncated)?;
    let (is, code) = rest.split_first_chunk::<TAG>().ok_or(Unusable::Truncated)?;
    if (code.len() as u64) < u64::from_le_bytes(*length) {
        return Err(Unusable::Truncated);
    }
    verify_slices_are_equal(tag(key, name, *length, code).as_ref(), is).map_err(|_| Unusable::Poisoned)?;
    bytes.drain(..HEADER);
    Ok(bytes)
}

fn tag(key: &hmac::Key, name: &str, length: [u8; 8], code: &[u8]) -> hmac::Tag {
    let mut context = hmac::Context::with_key(key);
    context.update(&(name.len() as u64).to_le_bytes());
    context.update(name.as_bytes());
    context.update(&length);
    context.update(code);
    context.sign()
}
