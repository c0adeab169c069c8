//! Secrets at rest: each connection's credentials under a data key of their own, each data key under a master key, and
//! the master keys in a ring that is rotated while hosts run. Master keys never enter the store.
//!
//! Nothing here prints a key, a token or a credential, in no error and no `Debug`.

mod cipher;
mod kept;
mod places;
mod ring;
mod ring_file;
mod sealer;
#[cfg(test)]
mod tests;
mod vault;
mod wrapped;

pub use places::KeyPlace;
pub(crate) use ring::MasterKey;
pub use ring::{KeyError, KeyRing};
pub use sealer::SealError;
#[cfg(test)]
pub(crate) use sealer::wrap_unnamed;
pub(crate) use sealer::{Sealed, Sealer, wrap};
pub use vault::{SecretText, Vault, VaultAuth, VaultCheckup, VaultCredentials, VaultError, VaultOptions};
pub use wrapped::KeyId;
pub(crate) use wrapped::Wrapped;
