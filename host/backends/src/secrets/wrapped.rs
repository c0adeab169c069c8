//! A data key as it is stored: which master key wrapped it, and what that made of it.
//!
//! | first byte | then |
//! |---|---|
//! | 1 | nonce, ciphertext and tag. By a master key that is not named: what was written before there was a ring |
//! | 2 | the key's id (8 bytes), nonce, ciphertext and tag |
//! | 3 | the key's id (8 bytes), what Vault's transit engine answered: `vault:v1:...` |

use aws_lc_rs::digest::{Context, SHA256};

/// Which master key. The first bytes of a digest: it names the key and tells nothing of it, and the same key has the
/// same id wherever it lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub(crate) [u8; 8]);

impl KeyId {
    /// Of a secret key (32 random bytes), or of the name of one that is kept elsewhere.
    pub(super) fn of(kind: &str, what: &[u8]) -> Self {
        let mut digest = Context::new(&SHA256);
        for part in [b"opssight key id\0", kind.as_bytes(), b"\0", what] {
            digest.update(part);
        }
        let mut id = [0; 8];
        id.iter_mut().zip(digest.finish().as_ref()).for_each(|(byte, of)| *byte = *of);
        Self(id)
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

impl std::fmt::Display for KeyId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

const UNNAMED: u8 = 1;
const LOCAL: u8 = 2;
const TRANSIT: u8 = 3;

/// The parts of a stored data key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wrapped<'a> {
    /// By one of the local keys.
    Unnamed { sealed: &'a [u8] },
    /// By this local key.
    Local { by: KeyId, sealed: &'a [u8] },
    /// By this key of Vault.
    Transit { by: KeyId, ciphertext: &'a str },
}

impl<'a> Wrapped<'a> {
    /// None: it is nothing that this version knows.
    pub(crate) fn read(stored: &'a [u8]) -> Option<Self> {
        let (version, rest) = stored.split_first()?;
        if *version == UNNAMED {
            return Some(Self::Unnamed { sealed: rest });
        }
        let (id, rest) = rest.split_at_checked(8)?;
        let by = KeyId::from_bytes(id)?;
        match *version {
            LOCAL => Some(Self::Local { by, sealed: rest }),
            TRANSIT => Some(Self::Transit { by, ciphertext: std::str::from_utf8(rest).ok()? }),
            _ => None,
        }
    }

    pub(crate) fn write(&self) -> Vec<u8> {
        let (version, id, rest) = match self {
            Self::Unnamed { sealed } => (UNNAMED, &[][..], *sealed),
            Self::Local { by, sealed } => (LOCAL, &by.0[..], *sealed),
            Self::Transit { by, ciphertext } => (TRANSIT, &by.0[..], ciphertext.as_bytes()),
        };
        let mut stored = Vec::with_capacity(1 + id.len() + rest.len());
        stored.push(version);
        stored.extend_from_slice(id);
        stored.extend_from_slice(rest);
        stored
    }

    /// Which key; none if it is not said.
    pub(crate) fn by(&self) -> Option<KeyId> {
        match self {
            Self::Unnamed { .. } => None,
            Self::Local { by, .. } | Self::Transit { by, .. } => Some(*by),
        }
    }

    /// Which version of a key of Vault, which has several under one name.
    pub(crate) fn version(&self) -> Option<u64> {
        let Self::Transit { ciphertext, .. } = self else { return None };
        ciphertext.strip_prefix("vault:v")?.split_once(':')?.0.parse().ok()
    }
}
