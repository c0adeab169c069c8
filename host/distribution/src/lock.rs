//! The lock file: which packages exactly an installation is made of, so that the next one is the same.

use crate::digest::Digest;
use crate::package::Package;
use crate::place::Place;
use crate::reference::{Reference, Wanted};
use opssight_core::fact::clean;
use opssight_core::plugins::manifest::is_plain_name;
use opssight_core::plugins::trust::PublisherKey;
use semver::Version;
use serde::{Deserialize, Serialize};

/// What the file is called unless told.
pub const LOCK_FILE: &str = "plugins.lock";
const FORMAT: u32 = 1;
const HEADER: &str = "# Written by `opssight plugin lock`. Keep it under version control; `opssight plugin fetch --locked` honours it.\n";

/// All of a lock file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    format: u32,
    /// By id.
    #[serde(default, rename = "plugin", skip_serializing_if = "Vec::is_empty")]
    pub plugins: Vec<Locked>,
}

/// One plugin of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Locked {
    /// Which.
    pub id: String,
    /// Its version.
    pub version: Version,
    /// `sha256:...` of its package.
    pub digest: String,
    /// Whose it is.
    pub publisher: String,
    /// The key that signed it; none: nobody did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<PublisherKey>,
    /// The place that it came from.
    pub source: String,
}

/// Why a lock file does not help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LockError {
    /// Not one.
    #[error("read the lock file: {0}")]
    Unreadable(String),
    /// Not in it.
    #[error("find {0} in the lock file: add it with `opssight plugin lock`")]
    Missing(String),
    /// The package is another one.
    #[error("accept {id}: the lock file says {field} {locked}, but the package has {given}")]
    Differs {
        /// Of which plugin.
        id: String,
        /// What differs.
        field: &'static str,
        /// As locked.
        locked: String,
        /// As it is.
        given: String,
    },
}

impl Default for Lock {
    fn default() -> Self {
        Self { format: FORMAT, plugins: Vec::new() }
    }
}

impl Lock {
    /// From its text.
    pub fn parse(text: &str) -> Result<Self, LockError> {
        let lock: Self = toml::from_str(text).map_err(|error| LockError::Unreadable(clean(error.message())))?;
        if lock.format != FORMAT {
            let why = format!("it has the format {}, and this version knows {FORMAT}", lock.format);
            return Err(LockError::Unreadable(why));
        }
        for locked in &lock.plugins {
            if !is_plain_name(&locked.id) || Digest::parse(&locked.digest).is_none() {
                let why = format!("the entry {} has no plain id or no digest", locked.id.escape_debug());
                return Err(LockError::Unreadable(why));
            }
        }
        Ok(lock)
    }

    /// As it stands in its file.
    pub fn to_text(&self) -> Result<String, LockError> {
        let text = toml::to_string(self).map_err(|error| LockError::Unreadable(error.to_string()))?;
        Ok(format!("{HEADER}{text}"))
    }

    /// Add a plugin, or replace it.
    pub fn put(&mut self, locked: Locked) {
        self.plugins.retain(|known| known.id != locked.id);
        self.plugins.push(locked);
        self.plugins.sort_by(|a, b| a.id.cmp(&b.id));
    }

    /// The entry of a plugin.
    pub fn find(&self, id: &str) -> Result<&Locked, LockError> {
        self.plugins.iter().find(|locked| locked.id == id).ok_or_else(|| LockError::Missing(id.to_owned()))
    }
}

impl Locked {
    /// A package as it was found.
    pub fn of(package: &Package, source: &Place) -> Self {
        Self {
            id: package.manifest.id.clone(),
            version: package.manifest.version.clone(),
            digest: package.digest.to_string(),
            publisher: package.manifest.publisher.clone(),
            key: package.signature.as_ref().map(|signature| signature.key.clone()),
            source: source.to_string(),
        }
    }

    /// What to ask a place for: these bytes and no others.
    pub fn reference(&self) -> Result<Reference, LockError> {
        let digest = Digest::parse(&self.digest).ok_or_else(|| LockError::Missing(self.id.clone()))?;
        Ok(Reference { id: self.id.clone(), wanted: Wanted::Digest(digest) })
    }

    /// Whether a package is the one that was locked.
    pub fn verify(&self, package: &Package) -> Result<(), LockError> {
        let key = |key: Option<&PublisherKey>| key.map_or_else(|| "no signature".to_owned(), ToString::to_string);
        let signed = package.signature.as_ref().map(|signature| &signature.key);
        let fields = [
            ("digest", self.digest.clone(), package.digest.to_string()),
            ("version", self.version.to_string(), package.manifest.version.to_string()),
            ("publisher", self.publisher.clone(), package.manifest.publisher.clone()),
            ("key", key(self.key.as_ref()), key(signed)),
        ];
        for (field, locked, given) in fields {
            if locked != given {
                return Err(LockError::Differs { id: self.id.clone(), field, locked, given });
            }
        }
        Ok(())
    }
}
