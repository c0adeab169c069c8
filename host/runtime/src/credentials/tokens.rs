//! Tokens that were bought with a key, or signed with it, until they run out.

use crate::egress::Refusal;
use crate::sync::lock;
use opssight_core::time::Timestamp;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// A token is replaced this long before it runs out, so that none runs out on its way.
const EARLY_SECS: i64 = 300;

/// A token with its end.
#[derive(Clone)]
pub(crate) struct Token {
    value: String,
    renew_at: Timestamp,
}

impl Token {
    /// A token that was made now. One that lives only minutes is used for most of its life.
    pub(super) fn new(value: String, now: Timestamp, expires_at: Timestamp) -> Self {
        let lives_secs = expires_at.since(now) / 1_000_000;
        Self { value, renew_at: expires_at.plus_secs(-EARLY_SECS.min(lives_secs / 4)) }
    }
}

/// One place per credential. Whoever finds it empty fills it while the others wait for the result: an upstream sees
/// one exchange, however many calls start at once.
type Place = Arc<tokio::sync::Mutex<Option<Token>>>;

/// The tokens of one connection.
#[derive(Default)]
pub(crate) struct Tokens(Mutex<HashMap<String, Place>>);

impl Tokens {
    /// The token of a credential, bought if there is none that still lasts.
    pub(super) async fn get(
        &self,
        credential: &str,
        now: Timestamp,
        buy: impl Future<Output = Result<Token, Refusal>>,
    ) -> Result<String, Refusal> {
        let place = self.place(credential);
        let mut token = place.lock().await;
        if let Some(token) = token.as_ref().filter(|token| token.renew_at > now) {
            return Ok(token.value.clone());
        }
        let bought = buy.await?;
        let value = bought.value.clone();
        *token = Some(bought);
        Ok(value)
    }

    /// The upstream no longer takes it.
    pub(crate) async fn forget(&self, credential: &str) {
        *self.place(credential).lock().await = None;
    }

    fn place(&self, credential: &str) -> Place {
        Arc::clone(lock(&self.0).entry(credential.to_owned()).or_default())
    }
}
