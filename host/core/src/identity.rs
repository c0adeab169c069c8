//! Who may ask, and for what: people with accounts, programs with keys, and whoever holds the admin's secret that the
//! first start prints.

mod keys;
mod passwords;
mod people;
mod policy;

pub use keys::{ApiKey, KeyError, KeyStore, LONGEST_DAYS, NewKey};
pub use passwords::{AttemptStore, Passwords, TooMany, wait_after};
pub use people::{Invitation, PeopleError, PeopleStore, Person, PersonPatch};
pub use policy::{Decision, Permission, Role, Standing, decide};

use crate::error::StoreError;
use crate::id::PersonId;
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

/// Whose a session is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// Which person.
    pub id: PersonId,
    /// Their address, by which they are named in what they did.
    pub email: String,
}

/// A session that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Hash of its token.
    pub token: SecretHash,
    /// What it is for.
    pub label: String,
    /// Whose it is; none: of whoever has the admin's secret.
    pub owner: Option<Owner>,
    /// What it may do: as its owner, or all of it.
    pub role: Role,
    /// When it began.
    pub created_at: Timestamp,
    /// When it stops working.
    pub expires_at: Timestamp,
}

impl Session {
    /// By which it is named. Nobody gets in with it.
    pub fn id(&self) -> String {
        let beginning = self.token.0.get(..16).unwrap_or_default();
        format!("ses_{beginning}")
    }
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
            Self::Session(Session { owner: Some(owner), .. }) => owner.email.clone(),
            // Whoever has the admin's secret is nobody in particular.
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
    /// The sessions of somebody, or of those with the admin's secret; the newest first.
    async fn sessions(&self, owner: Option<&PersonId>, now: Timestamp) -> Result<Vec<Session>, StoreError>;
    /// What is remembered of these sessions beside the store is not to be believed any more.
    async fn forget_sessions(&self, _tokens: &[SecretHash]) {}
}

/// Why somebody is not let in.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// Not the secret.
    #[error(
        "sign in: this is not the admin's secret; the first start printed it, and `opssight admin reset` makes a new one"
    )]
    WrongSecret,
    /// Not the password of anybody who may sign in.
    #[error("sign in: the address or the password is wrong")]
    WrongPassword,
    /// It was tried too often.
    #[error("sign in: it was tried too often for this address; try again later")]
    TooMany(#[from] TooMany),
    /// There is none of somebody's own.
    #[error("end the session: you have none `{0}`")]
    NoSession(String),
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
    /// Where people are.
    pub people: Arc<dyn PeopleStore>,
    /// What is kept of passwords.
    pub passwords: Arc<dyn Passwords>,
    /// How often they were tried.
    pub attempts: Arc<dyn AttemptStore>,
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
        let (token, session) = self.new_session(None, Role::Admin, label);
        self.store.insert_session(&session, session.created_at).await?;
        Ok((token, session))
    }

    /// Begin a session of somebody whose password is the one of which this is kept; none: it is not any more.
    async fn begin_session(
        &self,
        person: &Person,
        kept: &str,
        label: &str,
    ) -> Result<Option<(String, Session)>, StoreError> {
        let owner = Owner { id: person.id.clone(), email: person.email.clone() };
        let (token, session) = self.new_session(Some(owner), person.role, label);
        let has_begun = self.people.begin_session(&session, kept, session.created_at).await?;
        Ok(has_begun.then_some((token, session)))
    }

    fn new_session(&self, owner: Option<Owner>, role: Role, label: &str) -> (String, Session) {
        let token = self.secret("opstok");
        let now = self.clock.now();
        let session = Session {
            token: SecretHash::of(&token),
            label: crate::fact::clean(label),
            owner,
            role,
            created_at: now,
            expires_at: now.plus_secs(SESSION_SECS),
        };
        (token, session)
    }

    /// The sessions of whoever has this one, the newest first.
    pub async fn sessions(&self, of: &Session) -> Result<Vec<Session>, StoreError> {
        self.store.sessions(of.owner.as_ref().map(|owner| &owner.id), self.clock.now()).await
    }

    /// End one of one's own sessions.
    pub async fn end_session(&self, of: &Session, id: &str) -> Result<(), IdentityError> {
        let found = self.sessions(of).await?.into_iter().find(|session| session.id() == id);
        let session = found.ok_or_else(|| IdentityError::NoSession(crate::fact::clean(id)))?;
        Ok(self.store.delete_session(&session.token).await?)
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
