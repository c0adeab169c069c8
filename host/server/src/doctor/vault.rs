//! Vault: of the master keys, and of credentials that stay there.

use super::{Finding, failed};
use crate::config::Config;
use opssight_backends::{KeyRing, VaultCheckup, VaultError};
use opssight_cli::duration;
use std::time::Duration;

/// A token that ends sooner is worth a warning, unless a host renews it or gets another by itself.
const SOON: Duration = Duration::from_secs(86_400);

pub(super) async fn look(config: &Config) -> Vec<Finding> {
    let mut found = match config.secrets.vault() {
        Ok(None) => Vec::new(),
        Ok(Some(vault)) => match vault.check_up().await {
            Ok(seen) => judge(config, &seen),
            // The keys that it has could not be asked for either.
            Err(error) => return vec![Finding::failing("vault", failed(&error))],
        },
        Err(error) => return vec![Finding::failing("vault", failed(error.as_ref()))],
    };
    if let Ok(ring) = config.secrets.ring_that_is_there(&config.server.data) {
        found.extend(keys(&ring).await);
    }
    found
}

fn judge(config: &Config, seen: &VaultCheckup) -> Vec<Finding> {
    let (vault, renews) = (&config.secrets.vault, seen.is_renewable);
    let then = match (&vault.role_id, &vault.token_file) {
        (Some(_), _) => "; a host signs in again then",
        _ if renews => "; a host renews it before that, as long as Vault lets it",
        (None, Some(_)) => " and is not renewable; a host reads its file again then",
        (None, None) => " and is not renewable; a host can do nothing in Vault after that",
    };
    let lasts = match seen.token_ends_in {
        None => "the token does not end".to_owned(),
        Some(left) => {
            format!("the token ends in {}{then}", duration(i64::try_from(left.as_millis()).unwrap_or(i64::MAX)))
        }
    };
    let detail = format!("version {} at {}, unsealed; {lasts}", seen.version, seen.at);
    let is_fetched = vault.role_id.is_some() || vault.token_file.is_some();
    vec![match seen.token_ends_in {
        Some(left) if left < SOON && !renews && !is_fetched => Finding::warning("vault", detail)
            .mend("use a renewable token, secrets.vault.role_id, or token_file with an agent that changes it"),
        _ => Finding::ok("vault", detail),
    }]
}

async fn keys(ring: &KeyRing) -> Vec<Finding> {
    let seen = ring.check_up().await.into_iter();
    let said = seen.map(|(place, version)| match version {
        Ok(version) => Finding::ok("vault key", format!("{place}, version {version}")),
        // A host needs to wrap and unwrap with it, and not to read about it.
        Err(VaultError::Denied { .. }) => {
            Finding::skipped("vault key", format!("{place}: the policy does not let us read about it, which is fine"))
        }
        Err(error) => Finding::failing("vault key", failed(&error))
            .mend("make it there: `vault secrets enable transit`, `vault write -f transit/keys/NAME`"),
    });
    said.collect()
}
