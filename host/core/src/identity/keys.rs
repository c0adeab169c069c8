//! Keys of programs: secrets with a role and an end, made by somebody who signed in.

use super::{Identity, Role, SecretHash};
use crate::error::{Kind, StoreError};
use crate::fact::clean;
use crate::id::ApiKeyId;
use crate::time::Timestamp;
use async_trait::async_trait;

/// What a key begins with, for secret scanners and for whoever reads it.
pub(super) const PREFIX: &str = "opskey";
/// The longest that a key lasts, days.
pub const LONGEST_DAYS: u32 = 366;
/// When it was last used is written no more often.
const USED_EVERY: i64 = 60 * 1_000_000;
const NAME_LENGTH: usize = 100;

/// A key, without its secret, which is not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Which.
    pub id: ApiKeyId,
    /// What it is for, in nobody else's words: "ci of the shop".
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// When it was made.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// When it stops working.
    pub expires_at: Timestamp,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
}

/// What a new key is to be.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// What it is for.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// How long it lasts, days.
    pub days: u32,
}

/// The port. Lookups are by hash, so that what is compared is never the secret itself.
#[async_trait]
pub trait KeyStore: Send + Sync {
    /// Keep a key; false: another one has its name.
    async fn insert_key(&self, key: &ApiKey, secret: &SecretHash) -> Result<bool, StoreError>;
    /// All of them, also those that have ended, by name.
    async fn api_keys(&self) -> Result<Vec<ApiKey>, StoreError>;
    /// The key of a secret, also if it has ended.
    async fn key_of(&self, secret: &SecretHash) -> Result<Option<ApiKey>, StoreError>;
    /// It was used.
    async fn key_was_used(&self, id: &ApiKeyId, at: Timestamp) -> Result<(), StoreError>;
    /// Forget a key; it works no more. False: there is none.
    async fn delete_key(&self, id: &ApiKeyId) -> Result<bool, StoreError>;
}

/// Why a key is not made or revoked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// What was entered is wrong.
    #[error("make the key: {at}: {problem}")]
    Invalid {
        /// Which field.
        at: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// Keys are told apart by their names.
    #[error("make the key: there is one with the name `{0}`; revoke it first, or choose another name")]
    NameTaken(String),
    /// Nobody gives away more than they have.
    #[error("make the key: it cannot have the role {0}, which is more than your own")]
    MoreThanYours(&'static str),
    /// There is none.
    #[error("revoke the key: there is no key `{0}`")]
    NotFound(String),
    /// The store failed.
    #[error("look after keys")]
    Store(#[from] StoreError),
}

impl KeyError {
    /// For those who answer.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Invalid { .. } => Kind::Invalid,
            Self::NameTaken(_) => Kind::Conflict,
            Self::MoreThanYours(_) => Kind::Forbidden,
            Self::NotFound(_) => Kind::NotFound,
            Self::Store(_) => Kind::Unavailable,
        }
    }
}

impl Identity {
    /// Make a key, for somebody of this name and role. Its secret is returned this once.
    pub async fn make_key(&self, new: NewKey, by: (&str, Role)) -> Result<(String, ApiKey), KeyError> {
        let name = new.name.trim();
        let problem = match name.chars().count() {
            0 => Some("must say what the key is for".to_owned()),
            length if length > NAME_LENGTH => Some(format!("must have at most {NAME_LENGTH} characters")),
            _ => (clean(name) != name).then(|| "must be plain text on one line".to_owned()),
        };
        if let Some(problem) = problem {
            return Err(KeyError::Invalid { at: "name", problem });
        }
        if !(1..=LONGEST_DAYS).contains(&new.days) {
            let problem = format!("must be from 1 to {LONGEST_DAYS}");
            return Err(KeyError::Invalid { at: "days", problem });
        }
        if new.role > by.1 {
            return Err(KeyError::MoreThanYours(new.role.name()));
        }
        let (secret, now) = (self.secret(PREFIX), self.clock.now());
        let key = ApiKey {
            id: ApiKeyId(self.id("key")),
            name: name.to_owned(),
            role: new.role,
            created_at: now,
            created_by: by.0.to_owned(),
            expires_at: now.plus_secs(i64::from(new.days) * 86_400),
            last_used_at: None,
        };
        match self.keys.insert_key(&key, &SecretHash::of(&secret)).await? {
            true => Ok((secret, key)),
            false => Err(KeyError::NameTaken(key.name)),
        }
    }

    /// All keys, also those that have ended.
    pub async fn api_keys(&self) -> Result<Vec<ApiKey>, StoreError> {
        self.keys.api_keys().await
    }

    /// A key works no more.
    pub async fn revoke_key(&self, id: &ApiKeyId) -> Result<(), KeyError> {
        match self.keys.delete_key(id).await? {
            true => Ok(()),
            false => Err(KeyError::NotFound(clean(id.as_str()))),
        }
    }

    /// The key of a secret, if it has not ended. That it was used is noted.
    pub(super) async fn key(&self, secret: &SecretHash) -> Result<Option<ApiKey>, StoreError> {
        let now = self.clock.now();
        let Some(key) = self.keys.key_of(secret).await?.filter(|key| key.expires_at > now) else { return Ok(None) };
        if key.last_used_at.is_none_or(|at| now.since(at) >= USED_EVERY) {
            // Whoever asks is who they are all the same: a full disk shuts nobody out who only looks.
            let _noted_next_time = self.keys.key_was_used(&key.id, now).await;
        }
        Ok(Some(key))
    }
}
