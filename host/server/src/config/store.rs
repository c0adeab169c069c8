//! `[store]`

use serde::{Deserialize, Serialize};

/// Where everything is kept that must last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct StoreConfig {
    /// A PostgreSQL database, `postgres://user:password@host:5432/name`, for several processes or more load. Without it a
    /// SQLite file in the data folder, for one process.
    pub url: Option<DatabaseUrl>,
    /// Connections that read, of each process.
    pub readers: u32,
    /// What SQLite keeps of its file in memory, MiB. The system keeps it as well, so that little is enough.
    pub cache_mib: u32,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self { url: None, readers: 4, cache_mib: 16 }
    }
}

/// An address with a password in it, which is shown to nobody.
#[derive(Clone, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct DatabaseUrl(String);

impl From<String> for DatabaseUrl {
    fn from(url: String) -> Self {
        Self(url)
    }
}

impl DatabaseUrl {
    /// The address as it was given.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&super::without_password(&self.0))
    }
}

impl Serialize for DatabaseUrl {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&super::without_password(&self.0))
    }
}

impl StoreConfig {
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if let Some(url) = &self.url {
            let is_postgres = url::Url::parse(&url.0)
                .is_ok_and(|url| matches!(url.scheme(), "postgres" | "postgresql") && url.has_host());
            if !is_postgres {
                problems.push("store.url: must look like postgres://user:password@host:5432/name".to_owned());
            }
        }
        if !(1..=64).contains(&self.readers) {
            problems.push("store.readers: must be 1 to 64".to_owned());
        }
        if !(1..=1024).contains(&self.cache_mib) {
            problems.push("store.cache_mib: must be 1 to 1024".to_owned());
        }
        problems
    }
}
