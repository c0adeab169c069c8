//! The ring of master keys that this process knows.

use super::cipher::KeyBytes;
use super::places::KeyPlace;
use super::ring_file;
use super::vault::{SecretText, TransitKey, VaultError};
use super::wrapped::KeyId;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use opssight_core::time::Randomness;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

/// Length of a master key.
pub(crate) const MASTER_KEY_BYTES: usize = 32;

/// Why the master keys cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// A file.
    #[error("use the master keys in {}: {why}", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// A variable.
    #[error("use the master keys in the environment variable {name}: {why}")]
    Variable {
        /// Which.
        name: String,
        /// What is wrong.
        why: String,
    },
    /// There are two of one id, which nothing could tell apart.
    #[error("use the master keys: {0} stands in the ring twice; give the new key of Vault another name")]
    Twice(KeyId),
    /// A new key cannot be made there.
    #[error(
        "make a new master key: {0} cannot be changed from here. Put a new key (`openssl rand -base64 32`) in front of \
         the old one there, start the hosts again with it, and run this again"
    )]
    CannotMake(String),
    /// Vault.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

/// A key that is here. Prints only its id.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct LocalKey {
    pub(super) id: KeyId,
    pub(super) bytes: KeyBytes,
}

impl LocalKey {
    pub(super) fn new(bytes: KeyBytes) -> Self {
        Self { id: KeyId::of("local", bytes.as_slice()), bytes }
    }
}

impl std::fmt::Debug for LocalKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// One of the ring.
#[derive(Debug, Clone)]
pub(crate) enum MasterKey {
    Local(LocalKey),
    Transit(Arc<TransitKey>),
}

impl MasterKey {
    pub(crate) fn id(&self) -> KeyId {
        match self {
            Self::Local(key) => key.id,
            Self::Transit(key) => key.id(),
        }
    }
}

/// The master keys of one process: those of the place that is configured, then those of the places before it. Cheap to
/// clone; all clones are one ring.
#[derive(Clone)]
pub struct KeyRing(Arc<Ring>);

struct Ring {
    places: Vec<KeyPlace>,
    keys: RwLock<Arc<[MasterKey]>>,
    /// When they were last read because one was missing.
    missed: Mutex<Option<Instant>>,
}

/// So long after one was missing the places are not read again because another is.
const READ_AGAIN: Duration = Duration::from_secs(1);

impl std::fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyRing").field("ids", &self.ids()).finish_non_exhaustive()
    }
}

impl From<[u8; MASTER_KEY_BYTES]> for KeyRing {
    /// One key, for tests and benches.
    fn from(key: [u8; MASTER_KEY_BYTES]) -> Self {
        let place = KeyPlace::Variable { name: "given".to_owned(), value: SecretText::from(STANDARD.encode(key)) };
        let key = MasterKey::Local(LocalKey::new(KeyBytes::new(key)));
        Self(Arc::new(Ring { places: vec![place], keys: RwLock::new(Arc::from([key])), missed: Mutex::default() }))
    }
}

impl KeyRing {
    /// The keys of `place`, which new data keys are to be under, and of the places that they were under before.
    pub fn open(place: KeyPlace, previous: Vec<KeyPlace>) -> Result<Self, KeyError> {
        let places: Vec<KeyPlace> = std::iter::once(place).chain(previous).collect();
        let keys = read(&places)?;
        Ok(Self(Arc::new(Ring { places, keys: RwLock::new(keys), missed: Mutex::default() })))
    }

    /// Make the file of a first start, with one new key, unless there is one.
    pub fn make_file(path: &std::path::Path, random: &dyn Randomness) -> Result<(), KeyError> {
        match std::fs::symlink_metadata(path) {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => ring_file::write_first(path, random),
            Err(error) => Err(KeyError::File { path: path.to_owned(), why: error.to_string() }),
        }
    }

    /// Ask the Vaults of the ring for their keys; which place, and the newest version of its key. Nothing is made there.
    pub async fn check_up(&self) -> Vec<(String, Result<u64, VaultError>)> {
        let mut found = Vec::new();
        for place in &self.0.places {
            if let KeyPlace::Transit { vault, mount, name } = place {
                found.push((place.shown(), TransitKey::new(Arc::clone(vault), mount, name).latest().await));
            }
        }
        found
    }

    pub(crate) fn keys(&self) -> Arc<[MasterKey]> {
        Arc::clone(&self.0.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn ids(&self) -> Vec<KeyId> {
        self.keys().iter().map(MasterKey::id).collect()
    }

    /// What new data keys are to be under.
    pub(crate) fn newest(&self) -> Option<MasterKey> {
        self.keys().first().cloned()
    }

    pub(crate) fn find(&self, id: KeyId) -> Option<MasterKey> {
        self.keys().iter().find(|key| key.id() == id).cloned()
    }

    /// Read the places again. What was known stays known if one cannot be read.
    pub(crate) fn read_again(&self) -> Result<(), KeyError> {
        let keys = read(&self.0.places)?;
        *self.0.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
        Ok(())
    }

    /// [`KeyRing::find`], also among what was added meanwhile. Whoever sends deliveries to a connection whose key is
    /// missing does not keep this process reading files.
    pub(crate) fn find_or_read(&self, id: KeyId) -> Option<MasterKey> {
        self.find(id).or_else(|| {
            let mut missed = self.0.missed.lock().unwrap_or_else(PoisonError::into_inner);
            if missed.is_some_and(|at| at.elapsed() < READ_AGAIN) {
                return self.find(id);
            }
            *missed = Some(Instant::now());
            if let Err(error) = self.read_again() {
                tracing::warn!(error = %error, "the master keys cannot be read again");
            }
            self.find(id)
        })
    }

    /// Where a key lies, for people.
    pub(crate) fn place_of(&self, id: KeyId) -> Option<String> {
        let has = |place: &&KeyPlace| place.read().is_ok_and(|keys| keys.iter().any(|key| key.id() == id));
        self.0.places.iter().find(has).map(KeyPlace::shown)
    }

    /// Make a new key in front, or a new version of the one in Vault.
    pub(crate) async fn make(&self, random: &dyn Randomness) -> Result<MasterKey, KeyError> {
        match self.0.places.first() {
            Some(KeyPlace::File(path)) => {
                let mut keys = ring_file::read(path)?;
                keys.insert(0, ring_file::fresh(random));
                ring_file::write(path, &keys)?;
            }
            Some(KeyPlace::Transit { .. }) => {
                if let Some(MasterKey::Transit(key)) = self.newest() {
                    key.rotate().await?;
                }
            }
            Some(other) => return Err(KeyError::CannotMake(other.shown())),
            None => return Err(KeyError::CannotMake("a ring without places".to_owned())),
        }
        self.read_again()?;
        self.newest().ok_or_else(|| KeyError::CannotMake("an empty ring".to_owned()))
    }

    /// Keep only these keys in the file that rotation writes; how many went.
    pub(crate) fn drop_others(&self, needed: &BTreeSet<KeyId>) -> Result<usize, KeyError> {
        let Some(KeyPlace::File(path)) = self.0.places.first() else { return Ok(0) };
        let keys = ring_file::read(path)?;
        let kept: Vec<_> = keys.iter().filter(|key| needed.contains(&key.id)).cloned().collect();
        let gone = keys.len() - kept.len();
        if gone > 0 && !kept.is_empty() {
            ring_file::write(path, &kept)?;
            self.read_again()?;
            return Ok(gone);
        }
        Ok(0)
    }
}

fn read(places: &[KeyPlace]) -> Result<Arc<[MasterKey]>, KeyError> {
    let mut keys: Vec<MasterKey> = Vec::new();
    for place in places {
        for key in place.read()? {
            match keys.iter().find(|known| known.id() == key.id()) {
                // The same key may lie in two places; of two Vaults nobody knows whether it is the same.
                Some(MasterKey::Transit(_)) => return Err(KeyError::Twice(key.id())),
                Some(MasterKey::Local(_)) => {}
                None => keys.push(key),
            }
        }
    }
    Ok(keys.into())
}
