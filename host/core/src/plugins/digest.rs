//! What names a package: the digest of its bytes.

use sha2::{Digest, Sha256};

/// `sha256:` and 64 lower-case hexadecimal digits.
pub fn digest_of(package: &[u8]) -> String {
    let hex: String = Sha256::digest(package).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}
