//! Passwords, and how often they may be tried.
//!
//! Each attempt is counted before the password is looked at, so that many at once are no more than one after the
//! other. From the sixth on, the next one has to wait, longer each time. That holds for addresses that nobody has as
//! well: nobody learns from it who has an account.

use super::{Identity, IdentityError, SecretHash, Session, people};
use crate::error::StoreError;
use crate::time::Timestamp;
use async_trait::async_trait;
use std::time::Duration;

/// Attempts before the first wait.
const FREE: u32 = 5;
/// The first wait; it doubles up to the longest.
const FIRST_SECS: i64 = 1;
const LONGEST_SECS: i64 = 900;

/// The port: what is kept of a password, made slowly.
#[async_trait]
pub trait Passwords: Send + Sync {
    /// What is kept of it.
    async fn keep(&self, password: &str) -> Result<String, StoreError>;
    /// Whether this is the password. Where nothing is kept it is none, which takes as long to find out.
    async fn is(&self, password: &str, kept: Option<&str>) -> Result<bool, StoreError>;
    /// Why somebody who knows this about its owner would guess it; none: nobody would.
    fn weakness(&self, password: &str, about: &[&str]) -> Option<String>;
}

/// The port of attempts, by account: the hash of an address.
#[async_trait]
pub trait AttemptStore: Send + Sync {
    /// Count an attempt. Refused if one is to wait until then; refused ones are not counted.
    async fn attempt(&self, account: &SecretHash, now: Timestamp) -> Result<Result<(), Timestamp>, StoreError>;
    /// The last one was right.
    async fn succeeded(&self, account: &SecretHash) -> Result<(), StoreError>;
}

/// How long nobody may try again after so many attempts.
pub fn wait_after(attempts: u32) -> Duration {
    let doublings = match attempts.checked_sub(FREE) {
        None => return Duration::ZERO,
        Some(doublings) => doublings.min(20),
    };
    let secs = FIRST_SECS.saturating_mul(1 << doublings).min(LONGEST_SECS);
    Duration::from_secs(secs.unsigned_abs())
}

/// It was tried too often.
#[derive(Debug, thiserror::Error)]
#[error("it may be tried again in {} s", .retry_after.as_secs() + 1)]
pub struct TooMany {
    /// When it may be tried again.
    pub retry_after: Duration,
}

impl From<NoAttempt> for IdentityError {
    fn from(error: NoAttempt) -> Self {
        match error {
            NoAttempt::TooMany(error) => Self::TooMany(error),
            NoAttempt::Store(error) => Self::Store(error),
        }
    }
}

/// What stands in the way of an attempt.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoAttempt {
    #[error(transparent)]
    TooMany(#[from] TooMany),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Identity {
    /// Count an attempt at an account; what it is counted by.
    pub(super) async fn try_account(&self, address: &str) -> Result<SecretHash, NoAttempt> {
        let (account, now) = (SecretHash::of(address), self.clock.now());
        match self.attempts.attempt(&account, now).await? {
            Ok(()) => Ok(account),
            Err(until) => {
                let micros = u64::try_from(until.since(now)).unwrap_or(0);
                Err(TooMany { retry_after: Duration::from_micros(micros) }.into())
            }
        }
    }

    /// Begin a session of somebody with an account.
    pub async fn sign_in_with_password(
        &self,
        address: &str,
        password: &str,
        label: &str,
    ) -> Result<(String, Session), IdentityError> {
        // Whatever is no address is an account that nobody has.
        let address = people::email(address).unwrap_or_else(|_| address.trim().to_lowercase());
        let account = self.try_account(&address).await?;
        let found = self.people.person_by_email(&address).await?;
        let kept = found.as_ref().and_then(|(_, kept)| kept.as_deref());
        let is_right = self.passwords.is(password, kept).await?;
        let found = found.filter(|(person, _)| is_right && !person.suspended);
        let Some((person, Some(kept))) = found else { return Err(IdentityError::WrongPassword) };
        // Looking took a while: it may be another password by now.
        let begun = self.begin_session(&person, &kept, label).await?.ok_or(IdentityError::WrongPassword)?;
        self.attempts.succeeded(&account).await?;
        Ok(begun)
    }
}

#[cfg(test)]
mod tests {
    use super::wait_after;

    #[test]
    fn waits_double_up_to_a_quarter_of_an_hour() {
        let waits: Vec<u64> = [0, 4, 5, 6, 7, 14, 15, 100, u32::MAX].map(|n| wait_after(n).as_secs()).into();
        assert_eq!(waits, [0, 0, 1, 2, 4, 512, 900, 900, 900]);
    }
}
