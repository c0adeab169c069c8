//! `[secrets]`

use opssight_backends::{KeyPlace, KeyRing, SecretText, SystemRandomness, Vault, VaultAuth, VaultOptions};
use opssight_core::plugins::is_plain_segment;
use opssight_distribution::is_this_machine;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use url::Url;

/// The master keys that seal stored credentials, and Vault.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SecretsConfig {
    /// Where the master keys are: `file:///path`, `env://NAME`, or `vault://host:8200/MOUNT/KEY` (a key of Vault's
    /// transit engine). Without it the file `master.key` in the data folder, which is made at the first start.
    pub key: Option<String>,
    /// Where they were before, as long as `opssight secrets status` says that something needs them.
    pub previous: Vec<String>,
    /// How long what Vault gave out may be kept in memory, seconds; so long deliveries go on while Vault is away.
    pub keep_secs: u32,
    /// Which Vault, and how this host signs in there.
    pub vault: VaultConfig,
    #[serde(skip)]
    open: Vaults,
}

/// Each Vault once, by its address: the token that is used there is the one that is renewed.
#[derive(Clone, Default)]
struct Vaults(Arc<Mutex<BTreeMap<Url, Arc<Vault>>>>);

impl std::fmt::Debug for Vaults {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Vaults")
    }
}

/// They are no part of what is configured.
impl PartialEq for Vaults {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Default for SecretsConfig {
    fn default() -> Self {
        let (vault, open) = (VaultConfig::default(), Vaults::default());
        Self { key: None, previous: Vec::new(), keep_secs: 3_600, vault, open }
    }
}

/// HashiCorp Vault or OpenBao.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct VaultConfig {
    /// `https://host:8200`, for credentials that stay in Vault. Without it the Vault of `secrets.key`, if that is one.
    pub address: Option<String>,
    /// What a connection's `vault:` references may begin with, such as `secret/data/opssight/`. Whoever may edit
    /// connections can use everything below.
    pub paths: Vec<String>,
    /// A file with the token, read again when the token is refused. A token that is renewable is renewed.
    pub token_file: Option<PathBuf>,
    /// The environment variable with the token [default: VAULT_TOKEN]. One that is renewable is renewed.
    pub token_env: Option<String>,
    /// AppRole instead of a token: the role's id.
    pub role_id: Option<String>,
    /// And a file with its secret id.
    pub secret_id_file: Option<PathBuf>,
    /// Where AppRole is mounted [default: approle].
    pub approle_mount: Option<String>,
    /// PEM file of certificate authorities that are believed beside the system's own.
    pub ca_file: Option<PathBuf>,
    /// Namespace of Vault Enterprise.
    pub namespace: Option<String>,
}

/// An address of master keys, read.
enum Address {
    File(PathBuf),
    Variable(String),
    Transit { vault: Url, mount: String, name: String },
}

const FORMS: &str = "must be file:///path, env://NAME or vault://host:8200/MOUNT/KEY";

impl Address {
    fn read(text: &str) -> Result<Self, String> {
        if let Some(name) = text.strip_prefix("env://") {
            let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let good = !name.is_empty() && name.chars().all(is_name);
            return if good { Ok(Self::Variable(name.to_owned())) } else { Err(FORMS.to_owned()) };
        }
        let url = Url::parse(text).map_err(|_| FORMS.to_owned())?;
        match url.scheme() {
            "file" => url.to_file_path().map(Self::File).map_err(|()| FORMS.to_owned()),
            "vault" | "vault+http" => transit(text, &url),
            _ => Err(FORMS.to_owned()),
        }
    }
}

fn transit(text: &str, url: &Url) -> Result<Address, String> {
    is_bare(url)?;
    let (scheme, rest) = match text.strip_prefix("vault+http://") {
        Some(rest) => ("http", rest),
        None => ("https", text.strip_prefix("vault://").unwrap_or_default()),
    };
    let (authority, path) = rest.split_once('/').ok_or(FORMS)?;
    let vault = vault_address(&format!("{scheme}://{authority}"))?;
    let (mount, name) = path.rsplit_once('/').ok_or(FORMS)?;
    if !is_plain_segment(name) || !mount.split('/').all(is_plain_segment) {
        return Err(FORMS.to_owned());
    }
    Ok(Address::Transit { vault, mount: mount.to_owned(), name: name.to_owned() })
}

/// An address is shown to people, and what proves who asks is not.
fn is_bare(url: &Url) -> Result<(), String> {
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Err("holds more than an address; the token has settings of its own in [secrets.vault]".to_owned());
    }
    Ok(())
}

/// An address of Vault itself; what is wrong quotes nothing of it. Tokens and data keys do not cross a network in the
/// clear.
fn vault_address(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|_| "must be an address as https://vault.example.com:8200".to_owned())?;
    is_bare(&url)?;
    if !url.has_host() {
        return Err("has no host".to_owned());
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_this_machine(&url) => Ok(url),
        "http" => Err("speaks plain http, which is for this machine only; use TLS".to_owned()),
        _ => Err("must begin with https://".to_owned()),
    }
}

impl SecretsConfig {
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let places = self.key.iter().map(|key| ("secrets.key", key));
        for (at, place) in places.chain(self.previous.iter().map(|place| ("secrets.previous", place))) {
            problems.extend(Address::read(place).err().map(|problem| format!("{at}: {problem}")));
        }
        let vault = &self.vault;
        if let Some(address) = &vault.address {
            problems.extend(vault_address(address).err().map(|problem| format!("secrets.vault.address: it {problem}")));
        }
        let ways = [vault.token_file.is_some(), vault.token_env.is_some(), vault.role_id.is_some()];
        if ways.iter().filter(|is_set| **is_set).count() > 1 {
            problems.push("secrets.vault: set one of token_file, token_env and role_id".to_owned());
        }
        if vault.role_id.is_some() != vault.secret_id_file.is_some() {
            problems.push("secrets.vault: role_id and secret_id_file go together".to_owned());
        }
        if vault.paths.iter().any(|path| !path.contains("/data/") && !path.ends_with("/data")) {
            problems
                .push("secrets.vault.paths: each must be a path of Vault's API, as secret/data/opssight/".to_owned());
        }
        if self.keep_secs > 86_400 {
            problems.push("secrets.keep_secs: must be at most 86400, a day".to_owned());
        }
        problems
    }

    /// The master keys of this host. The file of the data folder is made at the first start.
    pub(crate) fn ring(&self, data: &Path) -> anyhow::Result<KeyRing> {
        let key = match &self.key {
            Some(key) => self.place(key)?,
            None => {
                let file = data.join("master.key");
                KeyRing::make_file(&file, &SystemRandomness)?;
                KeyPlace::File(file)
            }
        };
        let previous = self.previous.iter().map(|place| self.place(place)).collect::<anyhow::Result<_>>()?;
        Ok(KeyRing::open(key, previous)?)
    }

    /// The same for whoever looks at a store that is there: a key that is made now would open nothing of it.
    pub(crate) fn ring_that_is_there(&self, data: &Path) -> anyhow::Result<KeyRing> {
        let file = data.join("master.key");
        if self.key.is_none() && !file.exists() {
            anyhow::bail!("find the master key: there is no {}; is this the data folder?", file.display());
        }
        self.ring(data)
    }

    /// The Vault that connections' references lead into.
    pub(crate) fn vault(&self) -> anyhow::Result<Option<Arc<Vault>>> {
        let address = match (&self.vault.address, self.key.as_deref().map(Address::read)) {
            (Some(address), _) => vault_address(address).map_err(anyhow::Error::msg)?,
            (None, Some(Ok(Address::Transit { vault, .. }))) => vault,
            (None, _) => return Ok(None),
        };
        self.at(address).map(Some)
    }

    /// Each Vault that is used, once. What proves who this host is is the same for all of them.
    pub(crate) fn vaults(&self) -> anyhow::Result<Vec<Arc<Vault>>> {
        let mut addresses = BTreeSet::new();
        let of_keys = self.key.iter().chain(&self.previous).filter_map(|place| match Address::read(place) {
            Ok(Address::Transit { vault, .. }) => Some(vault),
            _ => None,
        });
        let of_credentials = self.vault.address.as_deref().and_then(|address| vault_address(address).ok());
        addresses.extend(of_keys.chain(of_credentials));
        addresses.into_iter().map(|address| self.at(address)).collect()
    }

    /// The files that master keys are read from.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let places = self.key.iter().chain(&self.previous);
        places
            .filter_map(|place| if let Ok(Address::File(path)) = Address::read(place) { Some(path) } else { None })
            .collect()
    }

    fn place(&self, text: &str) -> anyhow::Result<KeyPlace> {
        Ok(match Address::read(text).map_err(anyhow::Error::msg)? {
            Address::File(path) => KeyPlace::File(path),
            Address::Variable(name) => {
                let value = SecretText::from(variable(&name).unwrap_or_default());
                KeyPlace::Variable { name, value }
            }
            Address::Transit { vault, mount, name } => KeyPlace::Transit { vault: self.at(vault)?, mount, name },
        })
    }

    fn at(&self, address: Url) -> anyhow::Result<Arc<Vault>> {
        let mut open = self.open.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(vault) = open.get(&address) {
            return Ok(Arc::clone(vault));
        }
        let config = &self.vault;
        let auth = match (&config.token_file, &config.role_id, &config.secret_id_file) {
            (Some(file), ..) => VaultAuth::TokenFile(file.clone()),
            (None, Some(role), Some(secret)) => VaultAuth::AppRole {
                mount: config.approle_mount.clone().unwrap_or_else(|| "approle".to_owned()),
                role: role.clone(),
                secret: secret.clone(),
            },
            _ => {
                let name = config.token_env.as_deref().unwrap_or("VAULT_TOKEN");
                VaultAuth::Token(SecretText::from(variable(name).unwrap_or_default()))
            }
        };
        let (ca, namespace) = (config.ca_file.clone(), config.namespace.clone());
        let vault = Vault::new(VaultOptions { address: address.clone(), auth, ca, namespace })?;
        open.insert(address, Arc::clone(&vault));
        Ok(vault)
    }
}

/// A variable that the configuration names.
#[expect(clippy::disallowed_methods, reason = "it is part of the configuration that says which one it is")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[cfg(test)]
mod tests {
    use super::{SecretsConfig, VaultConfig};

    #[test]
    fn addresses_of_keys_are_checked_and_never_quoted() {
        for (key, good) in [
            ("file:///etc/opssight/master.keys", true),
            ("env://OPSSIGHT_MASTER_KEY", true),
            ("vault://vault.example.com:8200/transit/opssight", true),
            ("vault://vault.example.com/a/b/transit/opssight", true),
            ("vault+http://127.0.0.1:8200/transit/opssight", true),
            ("vault+http://[::1]:8200/transit/opssight", true),
            ("vault+http://vault.example.com:8200/transit/opssight", false),
            ("vault://root:s3cret@vault.example.com/transit/opssight", false),
            ("vault://vault.example.com/transit/opssight?token=s3cret", false),
            ("vault://vault.example.com/transit", false),
            ("vault://vault.example.com/transit/../sys", false),
            ("file://relative/path", false),
            ("env://NA ME", false),
            ("c2VjcmV0LXMzY3JldA==", false),
            ("/etc/master.keys", false),
        ] {
            let config = SecretsConfig { key: Some(key.to_owned()), ..SecretsConfig::default() };
            let problems = config.problems();
            assert_eq!(problems.is_empty(), good, "{key}: {problems:?}");
            assert!(!problems.join("").contains("s3cret"), "{problems:?}");
        }
    }

    #[test]
    fn an_address_of_vault_holds_nothing_that_proves_who_asks() {
        for (address, good) in [
            ("https://vault.example.com:8200", true),
            ("https://vault.example.com/behind/a/proxy", true),
            ("http://127.0.0.1:8200", true),
            ("http://vault.example.com", false),
            ("https://root:s3cret@vault.example.com", false),
            ("https://s3cret@vault.example.com", false),
            ("https://vault.example.com?token=s3cret", false),
            ("https://root:s3cret@vault.example.com:port", false),
            ("ldap://vault.example.com", false),
        ] {
            let vault = VaultConfig { address: Some(address.to_owned()), ..VaultConfig::default() };
            let problems = SecretsConfig { vault, ..SecretsConfig::default() }.problems();
            assert_eq!(problems.is_empty(), good, "{address}: {problems:?}");
            assert!(!problems.join("").contains("s3cret"), "{problems:?}");
        }
    }

    #[test]
    fn one_way_to_sign_in_is_enough() {
        let vault = VaultConfig {
            address: Some("http://vault.example.com:8200".to_owned()),
            paths: vec!["secret/opssight".to_owned()],
            token_env: Some("A".to_owned()),
            role_id: Some("role".to_owned()),
            ..VaultConfig::default()
        };
        let problems = SecretsConfig { vault, ..SecretsConfig::default() }.problems();
        assert_eq!(problems.len(), 4, "{problems:?}");
    }
}
