//! Where master keys come from.

use super::ring::{KeyError, LocalKey, MasterKey};
use super::ring_file;
use super::vault::{SecretText, TransitKey, Vault};
use std::path::PathBuf;
use std::sync::Arc;

/// A place of master keys.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum KeyPlace {
    /// A file, which rotation writes.
    File(PathBuf),
    /// A variable of the environment, as it was when this process began.
    Variable {
        /// Its name.
        name: String,
        /// What is in it.
        value: SecretText,
    },
    /// A key of Vault's transit engine; it stays there.
    Transit {
        /// Which Vault.
        vault: Arc<Vault>,
        /// Where the engine is mounted.
        mount: String,
        /// The key's name.
        name: String,
    },
}

impl KeyPlace {
    /// The keys that are there now, the newest first.
    pub(super) fn read(&self) -> Result<Vec<MasterKey>, KeyError> {
        let local = |keys: Vec<LocalKey>| keys.into_iter().map(MasterKey::Local).collect();
        match self {
            Self::File(path) => ring_file::read(path).map(local),
            Self::Variable { name, value } => ring_file::parse(value.expose())
                .map(local)
                .map_err(|why| KeyError::Variable { name: name.clone(), why }),
            Self::Transit { vault, mount, name } => {
                Ok(vec![MasterKey::Transit(Arc::new(TransitKey::new(Arc::clone(vault), mount, name)))])
            }
        }
    }

    /// For people.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::File(path) => format!("file {}", path.display()),
            Self::Variable { name, .. } => format!("environment variable {name}"),
            Self::Transit { vault, mount, name } => format!("Vault {}, {mount}/{name}", vault.at()),
        }
    }
}
