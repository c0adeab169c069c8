//! A token that ends is renewed long before it does. One that cannot be renewed, or not any further, is told of with its
//! end, once.

use super::{Vault, VaultAuth, VaultError};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use vaultrs::client::VaultClient;

/// How long to wait after a failure; it doubles up to the second one.
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// How long to wait where a policy or another token has to be made first.
const DENIED: Duration = Duration::from_secs(60);
/// A token is looked at this often at least: its time may be another one by now.
const LOOK: Duration = Duration::from_secs(3_600);
/// And no more often: what is left is told in whole seconds, and may be none for the most of the last one.
const SHORTEST: Duration = Duration::from_millis(500);
/// Vault counts in seconds.
const SECOND: Duration = Duration::from_secs(1);

/// A token, as Vault has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TokenLife {
    /// Which one, for those who may not have it.
    accessor: String,
    /// How long it is good for; none if it does not end.
    pub(super) left: Option<Duration>,
    /// For how long it is good when it is new, or newly renewed.
    whole: Duration,
    pub(super) is_renewable: bool,
    /// When it ends, as Vault writes it.
    ends: Option<String>,
}

/// What there is to do about a token.
#[derive(Debug, PartialEq, Eq)]
enum Course {
    /// It does not end.
    Endless,
    /// Renew it, after this long.
    Renew(Duration),
    /// It ends after this long, and nothing here can put that off.
    Ends(Duration),
}

impl TokenLife {
    /// Renewed after two thirds of its time, which is what it was last renewed for: there is a third left in which Vault
    /// may be away.
    fn course(&self, at_its_limit: bool, renewed_for: Option<Duration>) -> Course {
        match self.left {
            None => Course::Endless,
            Some(left) if !self.is_renewable || at_its_limit => Course::Ends(left),
            Some(left) => Course::Renew(left.saturating_sub(renewed_for.unwrap_or(self.whole) / 3)),
        }
    }
}

/// What is known of tokens from one look to the next, by their accessors.
#[derive(Default)]
struct Known {
    /// Renewing it did not put its end off.
    at_its_limit: Option<String>,
    /// What it was renewed for.
    renewed: Option<(String, Duration)>,
    /// Its end was told.
    told: Option<String>,
}

impl Vault {
    /// Keep the token of this host good until told to stop. Whoever signs in by AppRole gets another token when one is
    /// over, and needs this not.
    pub async fn keep_token(self: Arc<Self>, stop: CancellationToken) {
        if !matches!(self.options.auth, VaultAuth::AppRole { .. }) {
            stop.run_until_cancelled(self.tend_token()).await;
        }
    }

    async fn tend_token(&self) {
        let (mut known, mut wait, mut failing) = (Known::default(), FIRST_WAIT, false);
        loop {
            match self.look_after(&mut known).await {
                Ok(rest) => {
                    if std::mem::take(&mut failing) {
                        tracing::info!(vault = self.at(), "the token of Vault can be looked after again");
                    }
                    wait = FIRST_WAIT;
                    tokio::time::sleep(rest.clamp(SHORTEST, LOOK)).await;
                }
                Err(error) => {
                    if !std::mem::replace(&mut failing, true) {
                        tracing::warn!(error = %error, "the token of Vault is not renewed for now; it is tried again");
                    }
                    tokio::time::sleep(if matches!(error, VaultError::Denied { .. }) { DENIED } else { wait }).await;
                    wait = (wait * 2).min(LONGEST_WAIT);
                }
            }
        }
    }

    /// Renew the token if it is time; how long there is nothing to do.
    async fn look_after(&self, known: &mut Known) -> Result<Duration, VaultError> {
        let life = self.token_life().await?;
        let at_its_limit = known.at_its_limit.as_ref() == Some(&life.accessor);
        let renewed = known.renewed.as_ref().filter(|(accessor, _)| *accessor == life.accessor);
        match life.course(at_its_limit, renewed.map(|(_, lasts)| *lasts)) {
            Course::Endless => Ok(LOOK),
            Course::Ends(left) => {
                if known.told.as_ref() != Some(&life.accessor) {
                    self.tell_end(&life);
                    known.told = Some(life.accessor);
                }
                Ok(left + SECOND)
            }
            Course::Renew(Duration::ZERO) => {
                let lasts = self.renew_token().await?;
                tracing::debug!(vault = self.at(), ?lasts, "renewed the token of Vault");
                if life.left.is_some_and(|left| lasts <= left + SECOND) {
                    known.at_its_limit = Some(life.accessor.clone());
                }
                known.renewed = Some((life.accessor, lasts));
                Ok(Duration::ZERO)
            }
            Course::Renew(wait) => Ok(wait),
        }
    }

    pub(super) async fn token_life(&self) -> Result<TokenLife, VaultError> {
        let ask = |client: Arc<VaultClient>| async move { vaultrs::token::lookup_self(&*client).await };
        let token = self.ask("auth/token/lookup-self", ask).await?;
        Ok(TokenLife {
            accessor: token.accessor,
            left: (token.ttl > 0 || token.expire_time.is_some()).then(|| Duration::from_secs(token.ttl)),
            whole: Duration::from_secs(token.creation_ttl),
            is_renewable: token.renewable.unwrap_or(false),
            ends: token.expire_time,
        })
    }

    /// How long it is good for now.
    async fn renew_token(&self) -> Result<Duration, VaultError> {
        let renew = |client: Arc<VaultClient>| async move { vaultrs::token::renew_self(&*client, None).await };
        let renewed = self.ask("auth/token/renew-self", renew).await?;
        Ok(Duration::from_secs(renewed.lease_duration))
    }

    fn tell_end(&self, life: &TokenLife) {
        let why = if life.is_renewable { "its longest time is over then" } else { "it is not renewable" };
        let mend = match &self.options.auth {
            VaultAuth::TokenFile(path) => format!("put another one into {} before that", path.display()),
            _ => "start this host again with another one before that".to_owned(),
        };
        let ends = life.ends.as_deref().unwrap_or("soon");
        tracing::warn!(
            vault = self.at(),
            ends,
            why,
            mend,
            "the token of Vault ends, and cannot be made to last longer"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::{Course, Duration, TokenLife};

    #[test]
    fn a_token_is_renewed_after_two_thirds_of_its_time() {
        let secs = Duration::from_secs;
        // (left, whole, renewed for, renewable, at its limit, what to do)
        let table = [
            (None, 0, None, false, false, Course::Endless),
            (Some(30), 30, None, true, false, Course::Renew(secs(20))),
            (Some(11), 30, Some(30), true, false, Course::Renew(secs(1))),
            (Some(10), 30, None, true, false, Course::Renew(secs(0))),
            (Some(0), 30, None, true, false, Course::Renew(secs(0))),
            // Somebody renewed it for longer than it was made for.
            (Some(90), 30, None, true, false, Course::Renew(secs(80))),
            // Its time was made shorter since it was made.
            (Some(9), 30, Some(9), true, false, Course::Renew(secs(6))),
            (Some(12), 30, Some(12), true, true, Course::Ends(secs(12))),
            (Some(30), 30, None, false, false, Course::Ends(secs(30))),
        ];
        for (left, whole, renewed, is_renewable, at_its_limit, course) in table {
            let life = TokenLife {
                accessor: "a".to_owned(),
                left: left.map(secs),
                whole: secs(whole),
                is_renewable,
                ends: None,
            };
            assert_eq!(life.course(at_its_limit, renewed.map(secs)), course, "{life:?}");
        }
    }
}
