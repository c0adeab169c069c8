//! Who may ask, and for what. Until people have accounts there is one bootstrap admin, whose secret the first start
//! prints; programs have keys.

mod keys;
mod policy;

pub use keys::{ApiKey, KeyError, KeyStore, LONGEST_DAYS, NewKey};
pub use policy::{Decision, Permission, Role, Standing, decide};

use crate::error::StoreError;
use crate::time::{Clock, Randomness, Timestamp};
use async_trait::async_trait;
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// How long a session lasts.
const SESSION_SECS: i64 = 30 * 24 * 3600;

/// SHA-256 of a secret. Secrets here are 256 random bits, so that a slow hash would add nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretHash(pub String);

impl SecretHash {
    /// Hash a secret.
    pub fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret.trim().as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

/// A session that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Hash of its token.
    pub token: SecretHash,
    /// What it is for.
    pub label: String,
    /// What it may do: all of it, for those that are made with the admin's secret.
    pub role: Role,
    /// When it stops working.
    pub expires_at: Timestamp,
}

/// Somebody who proved who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// Somebody who signed in.
    Session(Session),
    /// A program with a key.
    Key(ApiKey),
}

impl Known {
    /// As they are named in what they did.
    pub fn name(&self) -> String {
        match self {
            // Until people have accounts, a role is all that is known of somebody.
            Self::Session(session) => session.role.name().to_owned(),
            Self::Key(key) => format!("key {}", key.name),
        }
    }

    /// What they may be judged by.
    pub fn standing(&self) -> Standing {
        match self {
            Self::Session(session) => Standing { role: session.role, has_signed_in: true },
            Self::Key(key) => Standing { role: key.role, has_signed_in: false },
        }
    }

    /// When they have to prove it anew.
    pub fn expires_at(&self) -> Timestamp {
        match self {
            Self::Session(session) => session.expires_at,
            Self::Key(key) => key.expires_at,
        }
    }
}

/// The port. Lookups are by hash, so that what is compared is never the secret itself.
#[async_trait]
pub trait IdentityStore: Send + Sync {
    /// Keep this as the admin's secret if there is none yet; whether it was kept.
    async fn bootstrap(&self, admin: &SecretHash, now: Timestamp) -> Result<bool, StoreError>;
    /// Replace the admin's secret and end all sessions.
    async fn reset(&self, admin: &SecretHash, now: Timestamp) -> Result<(), StoreError>;
    /// Whether this is the admin's secret.
    async fn is_admin(&self, secret: &SecretHash) -> Result<bool, StoreError>;
    /// Keep a session; expired ones go.
    async fn insert_session(&self, session: &Session, now: Timestamp) -> Result<(), StoreError>;
    /// The session of a token, if it has not expired.
    async fn session(&self, token: &SecretHash, now: Timestamp) -> Result<Option<Session>, StoreError>;
    /// End a session.
    async fn delete_session(&self, token: &SecretHash) -> Result<(), StoreError>;
}

/// Why somebody is not let in.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// Not the secret.
    #[error(
        "sign in: this is not the admin's secret; the first start printed it, and `opssight admin reset` makes a new one"
    )]
    WrongSecret,
    /// The store failed.
    #[error("sign in")]
    Store(#[from] StoreError),
}

/// Signing in and out.
#[derive(Clone)]
pub struct Identity {
    /// Where it is kept.
    pub store: Arc<dyn IdentityStore>,
    /// Where keys are.
    pub keys: Arc<dyn KeyStore>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Secrets.
    pub random: Arc<dyn Randomness>,
}

impl Identity {
    /// A secret that nobody can guess, with a prefix that secret scanners can find.
    pub fn secret(&self, prefix: &str) -> String {
        self.drawn::<32>(prefix)
    }

    fn id(&self, prefix: &str) -> String {
        self.drawn::<8>(prefix)
    }

    fn drawn<const BYTES: usize>(&self, prefix: &str) -> String {
        let mut bytes = [0_u8; BYTES];
        self.random.fill(&mut bytes);
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{prefix}_{hex}")
    }

    /// Make the admin's secret if there is none. It is returned this once.
    pub async fn bootstrap(&self) -> Result<Option<String>, StoreError> {
        let secret = self.secret("opsadmin");
        let kept = self.store.bootstrap(&SecretHash::of(&secret), self.clock.now()).await?;
        Ok(kept.then_some(secret))
    }

    /// A new admin's secret; all sessions end.
    pub async fn reset(&self) -> Result<String, StoreError> {
        let secret = self.secret("opsadmin");
        self.store.reset(&SecretHash::of(&secret), self.clock.now()).await?;
        Ok(secret)
    }

    /// Begin a session; its token is returned this once.
    pub async fn sign_in(&self, secret: &str, label: &str) -> Result<(String, Session), IdentityError> {
        if !self.store.is_admin(&SecretHash::of(secret)).await? {
            return Err(IdentityError::WrongSecret);
        }
        let token = self.secret("opstok");
        let now = self.clock.now();
        let session = Session {
            token: SecretHash::of(&token),
            label: crate::fact::clean(label),
            role: Role::Admin,
            expires_at: now.plus_secs(SESSION_SECS),
        };
        self.store.insert_session(&session, now).await?;
        Ok((token, session))
    }

    /// Who has this token, of a session or of a key.
    pub async fn known(&self, token: &str) -> Result<Option<Known>, StoreError> {
        let hash = SecretHash::of(token);
        if token.trim().strip_prefix(keys::PREFIX).is_some_and(|rest| rest.starts_with('_')) {
            return Ok(self.key(&hash).await?.map(Known::Key));
        }
        Ok(self.store.session(&hash, self.clock.now()).await?.map(Known::Session))
    }

    /// End a session.
    pub async fn sign_out(&self, token: &str) -> Result<(), StoreError> {
        self.store.delete_session(&SecretHash::of(token)).await
    }
}
