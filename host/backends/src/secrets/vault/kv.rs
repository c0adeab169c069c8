//! Credentials that stay in Vault's key-value engine (version 2). What the store holds is where they are
//! ([`SecretReference`]); what they are is read when a plugin's call needs it.

use super::{Vault, VaultError};
use crate::secrets::kept::Kept;
use async_trait::async_trait;
use opssight_core::error::StoreError;
use opssight_core::id::ConnectionId;
use opssight_core::plugins::{CredentialSource, Credentials, SecretReference, SecretUnavailable};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use vaultrs::client::VaultClient;
use zeroize::{Zeroize, Zeroizing};

/// So long what was read is used without asking: a secret that is changed in Vault is the new one within a minute.
const FRESH: Duration = Duration::from_secs(60);

type Fields = HashMap<String, Zeroizing<String>>;

/// A source of credentials with the references among them resolved.
pub struct VaultCredentials {
    inner: Arc<dyn CredentialSource>,
    vault: Option<Arc<Vault>>,
    /// What references may begin with.
    paths: Vec<String>,
    /// What was read, by its path.
    read: Kept<String, Arc<Fields>>,
}

impl std::fmt::Debug for VaultCredentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VaultCredentials").field("vault", &self.vault).finish_non_exhaustive()
    }
}

impl VaultCredentials {
    /// `paths`: what a reference has to begin with, as `secret/data/opssight/`. `keep`: so long what was read may be used
    /// while Vault is away.
    pub fn new(
        inner: Arc<dyn CredentialSource>,
        vault: Option<Arc<Vault>>,
        paths: Vec<String>,
        keep: Duration,
    ) -> Arc<Self> {
        Arc::new(Self { inner, vault, paths, read: Kept::new(keep) })
    }

    async fn resolve(&self, value: &str) -> Result<Option<String>, String> {
        let Some(reference) = SecretReference::read(value) else { return Ok(None) };
        let reference = reference?;
        let Some(vault) = &self.vault else {
            return Err(format!("{reference} is in Vault, and this host has none: set `secrets.vault.address`"));
        };
        let path = reference.path();
        if !self.paths.iter().any(|allowed| within(allowed, &path)) {
            return Err(format!(
                "{reference} is not below a path that this host may read for connections: `secrets.vault.paths` has {:?}",
                self.paths
            ));
        }
        let fields = self.fields(vault, &reference, &path).await.map_err(|error| error.to_string())?;
        match fields.get(&reference.field) {
            Some(value) => Ok(Some(without_newline(value).to_owned())),
            None => Err(format!("{path} is in Vault, and has no text field `{}`", reference.field)),
        }
    }

    async fn fields(
        &self,
        vault: &Arc<Vault>,
        reference: &SecretReference,
        path: &str,
    ) -> Result<Arc<Fields>, VaultError> {
        let (mount, name) = (reference.mount.as_str(), reference.name.as_str());
        let read = |client: Arc<VaultClient>| async move {
            vaultrs::kv2::read::<HashMap<String, serde_json::Value>>(&*client, mount, name).await
        };
        let ask = async { Ok(Arc::new(texts(vault.ask(path, read).await?))) };
        self.read.get(path.to_owned(), FRESH, ask).await
    }
}

/// `secret/data/opssight` allows itself and what is below, and not `secret/data/opssight-admin`.
fn within(allowed: &str, path: &str) -> bool {
    let allowed = allowed.trim_end_matches('/');
    path.strip_prefix(allowed).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// `vault kv put ... token=@file` keeps the newline at the file's end, which is part of no secret.
fn without_newline(value: &str) -> &str {
    value.strip_suffix("\r\n").or_else(|| value.strip_suffix('\n')).unwrap_or(value)
}

/// Fields that are text; numbers and truth values as JSON has them.
fn texts(read: HashMap<String, serde_json::Value>) -> Fields {
    let text = |value: serde_json::Value| match value {
        serde_json::Value::String(text) => Some(Zeroizing::new(text)),
        value @ (serde_json::Value::Number(_) | serde_json::Value::Bool(_)) => Some(Zeroizing::new(value.to_string())),
        _ => None,
    };
    read.into_iter().filter_map(|(name, value)| Some((name, text(value)?))).collect()
}

#[async_trait]
impl CredentialSource for VaultCredentials {
    async fn credentials(&self, connection: &ConnectionId) -> Result<Credentials, StoreError> {
        let mut credentials = self.inner.credentials(connection).await?;
        for (name, credential) in &mut credentials {
            for (input, value) in &mut credential.inputs {
                match self.resolve(value).await {
                    Ok(None) => {}
                    Ok(Some(secret)) => {
                        value.zeroize();
                        *value = secret;
                    }
                    Err(why) => {
                        let why = format!("`{name}`, {input}: {why}");
                        return Err(StoreError::new("read the connection's credentials", SecretUnavailable { why }));
                    }
                }
            }
        }
        Ok(credentials)
    }
}

#[cfg(test)]
mod tests {
    use super::{within, without_newline};

    #[test]
    fn one_newline_at_the_end_is_no_part_of_a_secret() {
        for (value, expect) in
            [("a", "a"), ("a\n", "a"), ("a\r\n", "a"), ("a\n\n", "a\n"), ("a\r", "a\r"), (" a ", " a ")]
        {
            assert_eq!(without_newline(value), expect);
        }
    }

    #[test]
    fn a_reference_is_only_taken_below_what_is_allowed() {
        for (allowed, path, expect) in [
            ("secret/data/opssight/", "secret/data/opssight/github", true),
            ("secret/data/opssight", "secret/data/opssight/a/b", true),
            ("secret/data/opssight", "secret/data/opssight", true),
            ("secret/data/opssight", "secret/data/opssight-admin/x", false),
            ("secret/data/opssight", "other/data/opssight/x", false),
        ] {
            assert_eq!(within(allowed, path), expect, "{allowed} {path}");
        }
    }
}
