//! Passwords: argon2id, a few at a time, and how easily one is guessed.

use crate::system::SystemRandomness;
use argon2::Argon2;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use async_trait::async_trait;
use opssight_core::error::StoreError;
use opssight_core::identity::Passwords;
use opssight_core::time::Randomness;
use std::sync::{Arc, LazyLock};
use tokio::sync::Semaphore;

/// Each takes 19 MiB and a processor for some ten milliseconds: whoever tries many waits in turn.
const AT_ONCE: usize = 2;
/// So many may wait for that; whoever comes then is asked to come again.
const WAITING: usize = 64;
/// Shortest, characters.
const SHORTEST: usize = 12;
/// Longest, bytes: nobody types more, and whatever is hashed must have a bound.
const LONGEST: usize = 1024;
/// Of what nobody has, to be compared where there is nothing.
static NOTHING: LazyLock<String> = LazyLock::new(|| hash(b"nobody has this").unwrap_or_default());

/// Passwords as argon2id keeps them, by OWASP's figures: 19 MiB, two passes.
pub struct Argon2Passwords {
    places: Arc<Semaphore>,
    queue: Arc<Semaphore>,
}

impl Default for Argon2Passwords {
    fn default() -> Self {
        Self { places: Arc::new(Semaphore::new(AT_ONCE)), queue: Arc::new(Semaphore::new(AT_ONCE + WAITING)) }
    }
}

impl Argon2Passwords {
    /// On a thread for blocking work, when there is a place.
    async fn work<T: Send + 'static>(
        &self,
        doing: &'static str,
        work: impl FnOnce() -> Result<T, argon2::password_hash::Error> + Send + 'static,
    ) -> Result<T, StoreError> {
        let _in_queue = self.queue.try_acquire().map_err(|_| StoreError::new(doing, Busy))?;
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|error| StoreError::new(doing, error))?;
        let done = tokio::task::spawn_blocking(move || {
            let _place = place;
            work()
        });
        done.await
            .map_err(|error| StoreError::new(doing, error))?
            .map_err(|error| StoreError::new(doing, Failed(error)))
    }
}

#[derive(Debug, thiserror::Error)]
#[error("too many passwords are looked at just now; try again in a moment")]
struct Busy;

/// The crate's errors are none of the standard library's without its feature.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Failed(argon2::password_hash::Error);

#[async_trait]
impl Passwords for Argon2Passwords {
    async fn keep(&self, password: &str) -> Result<String, StoreError> {
        let password = password.to_owned();
        self.work("keep the password", move || hash(password.as_bytes())).await
    }

    async fn is(&self, password: &str, kept: Option<&str>) -> Result<bool, StoreError> {
        if password.len() > LONGEST {
            return Ok(false);
        }
        let (password, kept) = (password.to_owned(), kept.map(str::to_owned));
        self.work("check the password", move || {
            let text = kept.as_ref().unwrap_or(&NOTHING);
            let kept_hash = PasswordHash::new(text)?;
            let is_it = Argon2::default().verify_password(password.as_bytes(), &kept_hash).is_ok();
            Ok(is_it && kept.is_some())
        })
        .await
    }

    fn weakness(&self, password: &str, about: &[&str]) -> Option<String> {
        if password.chars().count() < SHORTEST {
            return Some(format!("must have at least {SHORTEST} characters"));
        }
        if password.len() > LONGEST {
            return Some(format!("must have at most {LONGEST} bytes"));
        }
        let known: Vec<&str> = about.iter().flat_map(|text| text.split(['@', '.', ' '])).collect();
        let guessed = zxcvbn::zxcvbn(password, &[about, &known, &["opssight"]].concat());
        if guessed.score() >= zxcvbn::Score::Three {
            return None;
        }
        let why = guessed.feedback().and_then(|feedback| feedback.warning()).map(|why| format!(": {why}"));
        let why = why.unwrap_or_default();
        Some(format!(
            "is easy to guess{}; a few words that do not belong together are better",
            why.trim_end_matches('.')
        ))
    }
}

fn hash(password: &[u8]) -> Result<String, argon2::password_hash::Error> {
    let mut salt = [0; 16];
    SystemRandomness.fill(&mut salt);
    let salt = SaltString::encode_b64(&salt)?;
    Ok(Argon2::default().hash_password(password, &salt)?.to_string())
}

#[cfg(test)]
mod tests {
    use super::Argon2Passwords;
    use opssight_core::identity::Passwords;

    #[tokio::test]
    async fn what_is_kept_tells_the_password_from_others_and_nothing_is_nobodys() {
        let passwords = Argon2Passwords::default();
        let (kept, again) =
            (passwords.keep("correct horse").await.unwrap(), passwords.keep("correct horse").await.unwrap());
        assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$") && kept != again, "{kept}");
        assert!(passwords.is("correct horse", Some(&kept)).await.unwrap());
        assert!(!passwords.is("correct horsf", Some(&kept)).await.unwrap());
        assert!(!passwords.is("nobody has this", None).await.unwrap());
        assert!(!passwords.is(&"a".repeat(2000), Some(&kept)).await.unwrap());
        assert!(passwords.is("correct horse", Some("what is this")).await.is_err());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn whoever_tries_many_at_once_is_put_off() {
        let passwords = Argon2Passwords::default();
        let many = futures::future::join_all((0..200).map(|_| passwords.is("a", None))).await;
        let put_off = many.iter().filter(|answer| answer.is_err()).count();
        assert_eq!(put_off, 200 - super::AT_ONCE - super::WAITING);
        assert!(!passwords.is("a", None).await.unwrap(), "it goes on afterwards");
    }

    #[test]
    fn what_is_easy_to_guess_is_told() {
        let weakness = |password: &str| {
            Argon2Passwords::default().weakness(password, &["ada.lovelace@example.com", "Ada Lovelace"])
        };
        for weak in
            ["short", "password1234", "aaaaaaaaaaaaaaaa", "lovelace2026", "ada.lovelace@example.com", "qwertyuiop123"]
        {
            assert!(weakness(weak).is_some(), "{weak}");
        }
        for strong in ["tide-marble-oyster-lamp", "7vQ!mz0-Rk2#xW"] {
            assert_eq!(weakness(strong), None, "{strong}");
        }
        assert!(weakness(&"x9".repeat(600)).unwrap().contains("at most"));
    }
}
