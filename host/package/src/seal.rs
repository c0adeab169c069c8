//! The seal: who vouches for a package, at its very end, so that it can be checked before anything is parsed.
//!
//! It is the last section of the file, a custom section named `opssight:signature`, written in one way only:
//!
//! ```text
//! 00 <size> <name>  01 <publisher: u8 length, text> <key: 32 bytes> <signature: 64 bytes> <section length: u16 LE> "OPSSEAL1"
//! ```
//!
//! Signed is a fixed text, the publisher and the SHA-256 of everything before the section. A section that is not
//! byte for byte what these fields make is not a seal.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use opssight_core::plugins::manifest::{PLAIN_NAME, is_plain_name};
use opssight_core::plugins::trust::{PublisherKey, Signature};
use sha2::{Digest, Sha256};
use wasm_encoder::{ComponentSection, Encode};

/// Name of the custom section.
pub const SEAL_SECTION: &str = "opssight:signature";
const MAGIC: &[u8; 8] = b"OPSSEAL1";
const DOMAIN: &[u8] = b"opssight package seal v1\n";
const MAX_PUBLISHER: usize = 64;

/// Why a package's seal is not one, or cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// It ends like a seal and is none.
    #[error("its seal is damaged: get the package again from its publisher")]
    Damaged,
    /// The signature does not fit the bytes.
    #[error("its seal does not fit its content: the package was changed after {publisher} signed it")]
    Tampered {
        /// Whose seal it is.
        publisher: String,
    },
    /// It has a seal already.
    #[error("it is sealed already: sign the package as it was before")]
    Sealed,
    /// Not a publisher's name.
    #[error("its publisher has no plain name: {PLAIN_NAME}")]
    Publisher,
    /// Not a key.
    #[error(
        "read the key: it is not an ed25519 private key in PEM form (PKCS#8): make one with `opssight plugin keygen`"
    )]
    Key,
}

/// A publisher's private key. Prints nothing of itself.
pub struct SigningKey {
    pair: Ed25519KeyPair,
    pkcs8: Vec<u8>,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKey").field("public", &self.public()).finish_non_exhaustive()
    }
}

impl SigningKey {
    /// A new one.
    pub fn generate() -> Result<Self, SealError> {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(|_| SealError::Key)?;
        Self::from_pkcs8(document.as_ref())
    }

    fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, SealError> {
        let pair = Ed25519KeyPair::from_pkcs8(pkcs8).map_err(|_| SealError::Key)?;
        Ok(Self { pair, pkcs8: pkcs8.to_vec() })
    }

    /// From a PEM file.
    pub fn from_pem(text: &str) -> Result<Self, SealError> {
        let body = text
            .trim()
            .strip_prefix("-----BEGIN PRIVATE KEY-----")
            .and_then(|text| text.strip_suffix("-----END PRIVATE KEY-----"))
            .ok_or(SealError::Key)?;
        let body: String = body.split_whitespace().collect();
        Self::from_pkcs8(&STANDARD.decode(body).map_err(|_| SealError::Key)?)
    }

    /// To a PEM file, which is to be kept secret.
    pub fn to_pem(&self) -> String {
        let body = STANDARD.encode(&self.pkcs8);
        let lines: Vec<&str> = body.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok()).collect();
        format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"))
    }

    /// The half that everybody may know.
    pub fn public(&self) -> PublisherKey {
        PublisherKey(format!("ed25519:{}", hex::encode(self.pair.public_key().as_ref())))
    }
}

/// Seal a package for a publisher.
pub fn sign(package: &[u8], publisher: &str, key: &SigningKey) -> Result<Vec<u8>, SealError> {
    if package.ends_with(MAGIC) {
        return Err(SealError::Sealed);
    }
    if !is_plain_name(publisher) {
        return Err(SealError::Publisher);
    }
    let signature = key.pair.sign(&message(package, publisher));
    let mut sealed = package.to_vec();
    sealed.extend(section(publisher, key.pair.public_key().as_ref(), signature.as_ref()).ok_or(SealError::Publisher)?);
    Ok(sealed)
}

/// Who sealed a package, after its bytes were checked against the seal. None: nobody did.
pub fn seal(package: &[u8]) -> Result<Option<Signature>, SealError> {
    let Some((content, section)) = split(package)? else { return Ok(None) };
    let Fields { publisher, key, signature } = fields(section).ok_or(SealError::Damaged)?;
    let text = std::str::from_utf8(publisher).map_err(|_| SealError::Damaged)?;
    if self::section(text, key, signature).as_deref() != Some(section) {
        return Err(SealError::Damaged);
    }
    UnparsedPublicKey::new(&ED25519, key)
        .verify(&message(content, text), signature)
        .map_err(|_| SealError::Tampered { publisher: text.to_owned() })?;
    let key = PublisherKey(format!("ed25519:{}", hex::encode(key)));
    Ok(Some(Signature { publisher: text.to_owned(), key }))
}

/// What was sealed, without the seal.
pub fn unsealed(package: &[u8]) -> Result<&[u8], SealError> {
    Ok(split(package)?.map_or(package, |(content, _)| content))
}

/// What was sealed, and the section that seals it.
type Sealed<'a> = (&'a [u8], &'a [u8]);

fn split(package: &[u8]) -> Result<Option<Sealed<'_>>, SealError> {
    let Some(rest) = package.strip_suffix(MAGIC) else { return Ok(None) };
    let Some((_, [low, high])) = rest.split_last_chunk::<2>() else { return Err(SealError::Damaged) };
    let length = usize::from(u16::from_le_bytes([*low, *high]));
    let start = package.len().checked_sub(length).ok_or(SealError::Damaged)?;
    package.split_at_checked(start).map(Some).ok_or(SealError::Damaged)
}

struct Fields<'a> {
    publisher: &'a [u8],
    key: &'a [u8],
    signature: &'a [u8],
}

/// Taken from the end, where lengths are fixed; what stands before is compared by making it again.
fn fields(section: &[u8]) -> Option<Fields<'_>> {
    let fixed = section.len().checked_sub(MAGIC.len() + 2)?;
    let rest = section.get(..fixed)?;
    let (rest, signature) = rest.split_at_checked(rest.len().checked_sub(64)?)?;
    let (rest, key) = rest.split_at_checked(rest.len().checked_sub(32)?)?;
    let header = 1 + SEAL_SECTION.len() + 1;
    // One byte of id, one or two of size, then the name with its length, then the version.
    let name = rest.windows(SEAL_SECTION.len()).position(|window| window == SEAL_SECTION.as_bytes())?;
    let publisher = rest.get(name + header - 1..)?;
    let (length, publisher) = publisher.split_first()?;
    (usize::from(*length) == publisher.len() && publisher.len() <= MAX_PUBLISHER).then_some(Fields {
        publisher,
        key,
        signature,
    })
}

fn section(publisher: &str, key: &[u8], signature: &[u8]) -> Option<Vec<u8>> {
    let mut data = vec![1, u8::try_from(publisher.len()).ok()?];
    data.extend_from_slice(publisher.as_bytes());
    data.extend_from_slice(key);
    data.extend_from_slice(signature);
    data.extend_from_slice(&[0, 0]);
    data.extend_from_slice(MAGIC);
    let custom = wasm_encoder::CustomSection { name: SEAL_SECTION.into(), data: (&data).into() };
    let mut bytes = vec![custom.id()];
    custom.encode(&mut bytes);
    let length = u16::try_from(bytes.len()).ok()?;
    let at = bytes.len().checked_sub(MAGIC.len() + 2)?;
    bytes.get_mut(at..at + 2)?.copy_from_slice(&length.to_le_bytes());
    Some(bytes)
}

fn message(content: &[u8], publisher: &str) -> Vec<u8> {
    let mut message = DOMAIN.to_vec();
    message.extend_from_slice(publisher.as_bytes());
    message.push(b'\n');
    message.extend_from_slice(&Sha256::digest(content));
    message
}

#[cfg(test)]
mod tests;
