//! Where packages come from and go to: OCI registries, directories and offline mirrors.
//!
//! A [`Place`] is parsed from text; [`Open::new`] makes it ready to use; [`Places`] asks several in order and
//! implements the core's port [`opssight_core::plugins::catalogue::Catalogue`]. Nothing that a place says is believed:
//! bytes are checked against the digest that was asked for, and what a package is called stands inside of it. Whether
//! its signer is to be trusted is not decided here.
#![warn(missing_docs)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod credentials;
mod digest;
mod directory;
mod files;
mod index;
mod lock;
mod mirror;
mod open;
mod package;
mod place;
mod places;
mod reference;
mod registry;

pub use credentials::{CredentialsError, RegistryCredentials};
pub use digest::Digest;
pub use lock::{LOCK_FILE, Lock, LockError, Locked};
pub use open::{Copied, Open, Published};
pub use package::Package;
pub use place::{Place, PlaceError, is_this_machine};
pub use places::Places;
pub use reference::{Located, Reference, ReferenceError, Wanted};

/// Packages are smaller than this: what is larger is not read at all. How large a plugin may be is decided when it is
/// installed, and is less.
pub const MAX_PACKAGE: u64 = 64 << 20;

/// Plugins that a place lists, and versions of one: more are not looked at.
const MAX_LISTED: usize = 2_000;
