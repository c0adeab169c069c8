//! What names a package: the digest of its bytes.

use sha2::{Digest, Sha256};

/// `sha256:` and 64 lower-case hexadecimal digits.
pub fn digest_of(package: &[u8]) -> String {
    digest_text(&Sha256::digest(package))
}

/// A digest as text.
pub(crate) fn digest_text(digest: &[u8]) -> String {
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}
