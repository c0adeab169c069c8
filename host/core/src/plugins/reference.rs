//! A credential's value that is kept elsewhere: where it is, instead of what it is.

use std::fmt;

const PREFIX: &str = "vault:";

/// `vault:secret/data/ci/github#token`: the field `token` of the secret `ci/github` in the key-value engine (version 2)
/// that is mounted at `secret`. The path is the one of Vault's API, so that it is the one of Vault's policies as well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretReference {
    /// Where the engine is mounted.
    pub mount: String,
    /// The secret's name in it.
    pub name: String,
    /// One of its fields.
    pub field: String,
}

impl SecretReference {
    /// None: the value is a secret itself. An error says how a reference looks, and quotes nothing: what was entered may
    /// be a secret after all.
    pub fn read(value: &str) -> Option<Result<Self, String>> {
        let rest = value.trim().strip_prefix(PREFIX)?;
        Some(parse(rest).ok_or_else(|| {
            "begins with `vault:`, and is no reference into Vault, which looks like vault:secret/data/path#field"
                .to_owned()
        }))
    }

    /// As Vault's API and its policies name it.
    pub fn path(&self) -> String {
        format!("{}/data/{}", self.mount, self.name)
    }
}

impl fmt::Display for SecretReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}#{}", self.path(), self.field)
    }
}

fn parse(rest: &str) -> Option<SecretReference> {
    let (path, field) = rest.split_once('#')?;
    let (mount, name) = path.split_once("/data/")?;
    let is_plain = |path: &str| path.split('/').all(is_plain_segment);
    let whole = is_plain(mount) && is_plain(name) && !field.is_empty() && !field.contains(char::is_control);
    whole.then(|| SecretReference { mount: mount.to_owned(), name: name.to_owned(), field: field.to_owned() })
}

/// One part of a path in Vault of which nothing has to be escaped, and which leads nowhere else.
pub fn is_plain_segment(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    !text.is_empty() && text.bytes().all(plain) && !text.bytes().all(|byte| byte == b'.')
}

/// A credential that is kept elsewhere cannot be had now; the source of a [`StoreError`](crate::error::StoreError), for
/// people to read. Says which and why, and nothing of the secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct SecretUnavailable {
    /// Which input, and why not.
    pub why: String,
}

#[cfg(test)]
mod tests {
    use super::SecretReference;

    #[test]
    fn a_reference_is_told_from_a_secret_and_from_nonsense() {
        let whole = SecretReference::read(" vault:team/kv/data/ci/git-hub.v2#api token\n").unwrap().unwrap();
        assert_eq!(
            (whole.mount.as_str(), whole.name.as_str(), whole.field.as_str()),
            ("team/kv", "ci/git-hub.v2", "api token")
        );
        assert_eq!(whole.to_string(), "vault:team/kv/data/ci/git-hub.v2#api token");
        for secret in ["ghp_abc", "", "Vault:secret/data/x#y", "x vault:secret/data/x#y"] {
            assert!(SecretReference::read(secret).is_none(), "{secret}");
        }
        for nonsense in [
            "vault:v1:abcdef",
            "vault:secret/data/x",
            "vault:secret/data/x#",
            "vault:secret/x#y",
            "vault:/data/x#y",
            "vault:secret/data/#y",
            "vault:secret/data/../sys/x#y",
            "vault:secret/data/x?version=1#y",
            "vault:secret/data/x%2e#y",
            "vault:secret/data/a//b#y",
        ] {
            let error = SecretReference::read(nonsense).unwrap().unwrap_err();
            assert!(!error.contains(nonsense), "{nonsense}");
        }
    }
}
