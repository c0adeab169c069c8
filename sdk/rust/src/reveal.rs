//! Read a secret in clear. Think twice: a plugin that uses this module is shown in red when it is installed, the
//! manifest must list the credential in `reveal`, and every use is on the operator's record. A credential that an
//! egress rule names is attached by the host and never has to be read.

use crate::Failure;

/// A credential of this connection, by its name in the manifest: the value as it was filled in, or a JSON object of
/// all its inputs when there is more than one.
///
/// Fails with the code `policy.withheld` (class `config`) when the connection does not give it, `reveal.no-credential`
/// when it was not filled in, `reveal.undeclared` when the manifest does not list it, and `reveal.too-often` after ten
/// uses in one call.
pub fn secret(credential: &str) -> Result<Vec<u8>, Failure> {
    #[cfg(target_arch = "wasm32")]
    return crate::bindings::host::opssight::plugin::reveal::reveal(credential);
    #[cfg(not(target_arch = "wasm32"))]
    crate::native::secret(credential)
}
