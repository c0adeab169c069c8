//! Sessions that every request asks for, remembered by all hosts together beside their store.
//!
//! - *What somebody may do changes for everybody at once,* as a session that ends: what is remembered of theirs is marked.
//! - *One that ends is ended for everybody at once.* Before the store forgets it, its place is taken by a mark that it
//!   ends, and the store is asked; whoever had looked it up before that and wants to remember it finds the place taken.
//! - *What is remembered is believed only from those who know the store.* Whoever can write into the cache cannot make a
//!   session, nor bring one back after its time: each is under a key that the store has.
//! - When the cache is away, the store is asked. A session that ends meanwhile may be remembered by hosts that still reach
//!   the cache, for a minute. All end within a minute when the
//!   admin's secret is replaced while hosts run.

use async_trait::async_trait;
use aws_lc_rs::hmac;
use opssight_core::cache::Cache;
use opssight_core::error::StoreError;
use opssight_core::id::PersonId;
use opssight_core::identity::{IdentityStore, Owner, Role, SecretHash, Session};
use opssight_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// How long one is remembered without asking the store again.
const KEPT_SECS: i64 = 60;
/// Longer than anybody is on the way from the store to the cache.
const MARKED: Duration = Duration::from_secs(300);
const ENDS: &[u8] = b"ends";
const TAG: usize = 32;

/// A store of identity whose sessions are remembered in a cache.
pub struct SharedSessions {
    store: Arc<dyn IdentityStore>,
    cache: Arc<dyn Cache>,
    key: hmac::Key,
}

/// A session as it is remembered.
#[derive(Serialize, Deserialize)]
struct Remembered {
    label: String,
    /// Whose: the id, and the address.
    owner: Option<(String, String)>,
    role: String,
    created_at: i64,
    expires_at: i64,
    /// Whoever puts it back later is not believed.
    until: i64,
}

impl SharedSessions {
    /// `key`: of all who work on the store, and of nobody else.
    pub fn new(store: Arc<dyn IdentityStore>, cache: Arc<dyn Cache>, key: &[u8]) -> Self {
        Self { store, cache, key: hmac::Key::new(hmac::HMAC_SHA256, key) }
    }

    fn write(&self, session: &Session, until: Timestamp) -> Option<Vec<u8>> {
        let remembered = Remembered {
            label: session.label.clone(),
            owner: session.owner.as_ref().map(|owner| (owner.id.0.clone(), owner.email.clone())),
            created_at: session.created_at.0,
            role: session.role.name().to_owned(),
            expires_at: session.expires_at.0,
            until: until.0,
        };
        let text = serde_json::to_vec(&remembered).ok()?;
        let tag = hmac::sign(&self.key, &signed(&session.token, &text));
        Some([tag.as_ref(), &text].concat())
    }

    /// Nothing, if it is not one that somebody who knows the key remembered for now.
    fn read(&self, token: &SecretHash, bytes: &[u8], now: Timestamp) -> Option<Session> {
        let (tag, text) = bytes.split_at_checked(TAG)?;
        hmac::verify(&self.key, &signed(token, text), tag).ok()?;
        let Remembered { label, owner, role, created_at, expires_at, until } = serde_json::from_slice(text).ok()?;
        let session = Session {
            token: token.clone(),
            label,
            owner: owner.map(|(id, email)| Owner { id: PersonId(id), email }),
            role: Role::parse(&role)?,
            created_at: Timestamp(created_at),
            expires_at: Timestamp(expires_at),
        };
        // Also not if the clock of whoever remembered it was ahead.
        let left = Timestamp(until).since(now);
        (1..=KEPT_SECS * 1_000_000).contains(&left).then_some(session)
    }
}

/// What is remembered of one session is nothing to another.
fn signed(token: &SecretHash, text: &[u8]) -> Vec<u8> {
    [token.0.as_bytes(), &[0], text].concat()
}

fn place(token: &SecretHash) -> String {
    format!("session:{}", token.0)
}

#[async_trait]
impl IdentityStore for SharedSessions {
    async fn bootstrap(&self, admin: &SecretHash, now: Timestamp) -> Result<bool, StoreError> {
        self.store.bootstrap(admin, now).await
    }

    async fn reset(&self, admin: &SecretHash, now: Timestamp) -> Result<(), StoreError> {
        self.store.reset(admin, now).await
    }

    async fn is_admin(&self, secret: &SecretHash) -> Result<bool, StoreError> {
        self.store.is_admin(secret).await
    }

    async fn insert_session(&self, session: &Session, now: Timestamp) -> Result<(), StoreError> {
        self.store.insert_session(session, now).await
    }

    async fn session(&self, token: &SecretHash, now: Timestamp) -> Result<Option<Session>, StoreError> {
        let place = place(token);
        let kept = self.cache.get(&place).await;
        // A mark is no proof that it ended, only that nobody may remember it now: the store knows.
        if let Ok(Some(bytes)) = &kept
            && let Some(session) = self.read(token, bytes, now)
        {
            return Ok((session.expires_at > now).then_some(session));
        }
        let found = self.store.session(token, now).await?;
        if let (Ok(None), Some(session)) = (kept, &found)
            && let Some(bytes) = self.write(session, now.plus_secs(KEPT_SECS))
        {
            let ttl = Duration::from_secs(KEPT_SECS.unsigned_abs());
            // It is looked up again next time.
            let _not_remembered = self.cache.put_if_absent(&place, &bytes, ttl).await;
        }
        Ok(found)
    }

    async fn delete_session(&self, token: &SecretHash) -> Result<(), StoreError> {
        let place = place(token);
        let marked = self.cache.put(&place, ENDS, MARKED).await;
        self.store.delete_session(token).await?;
        if marked.is_err() {
            // The cache may be back already.
            let _forgotten_later = self.cache.put(&place, ENDS, MARKED).await;
        }
        Ok(())
    }

    async fn sessions(&self, owner: Option<&PersonId>, now: Timestamp) -> Result<Vec<Session>, StoreError> {
        self.store.sessions(owner, now).await
    }

    async fn forget_sessions(&self, tokens: &[SecretHash]) {
        for token in tokens {
            // Without the cache nobody is asked but the store; what is remembered of them elsewhere ends within a minute.
            let _ends_by_itself = self.cache.put(&place(token), ENDS, MARKED).await;
        }
    }
}
