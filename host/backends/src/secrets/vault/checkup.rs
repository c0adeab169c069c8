//! How a Vault is, for whoever looks before a host is started.

use super::{HINT_OF_TLS, Vault, VaultError};
use serde::Deserialize;
use std::time::Duration;

/// How a Vault is that answers, is unsealed and knows the token.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct VaultCheckup {
    /// Host and port.
    pub at: String,
    /// As it says itself.
    pub version: String,
    /// How long the token is good for; none if it does not end.
    pub token_ends_in: Option<Duration>,
    /// Whether the token can be made to last longer.
    pub is_renewable: bool,
}

#[derive(Deserialize)]
struct Health {
    initialized: bool,
    sealed: bool,
    #[serde(default)]
    version: String,
}

impl Vault {
    /// Ask how it is, and sign in.
    pub async fn check_up(&self) -> Result<VaultCheckup, VaultError> {
        let health = self.health().await?;
        if !health.initialized {
            return Err(self.setup("it was never initialised; run `vault operator init` there".to_owned()));
        }
        if health.sealed {
            return Err(VaultError::Sealed(self.at.clone()));
        }
        let token = self.token_life().await?;
        Ok(VaultCheckup {
            at: self.at.clone(),
            version: health.version,
            token_ends_in: token.left,
            is_renewable: token.is_renewable,
        })
    }

    /// The library takes every state but the best for an error without words, so that it is asked for directly.
    async fn health(&self) -> Result<Health, VaultError> {
        let mut address = self.options.address.clone();
        if let Ok(mut path) = address.path_segments_mut() {
            path.pop_if_empty().extend(["v1", "sys", "health"]);
        }
        address.set_query(Some("standbyok=true&perfstandbyok=true&sealedcode=200&uninitcode=200"));
        let silence = |error: reqwest::Error| self.silence(&error);
        let answer = self.http.get(address).send().await.map_err(silence)?;
        let status = answer.status().as_u16();
        if status >= 500 {
            return Err(VaultError::Away { at: self.at.clone(), why: format!("it answers HTTP {status}") });
        }
        let said = answer.text().await.map_err(silence)?;
        // What whoever speaks plain HTTP is told where TLS is spoken, by Vault and by proxies in front of it.
        let hint = if status == 400 && said.to_ascii_lowercase().contains("https") { HINT_OF_TLS } else { "" };
        serde_json::from_str(&said)
            .map_err(|_| self.setup(format!("what answers there (HTTP {status}) is no Vault; see its address{hint}")))
    }
}
