//! `[store]`

use super::SecretUrl;
use serde::{Deserialize, Serialize};

/// Where everything is kept that must last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct StoreConfig {
    /// A PostgreSQL database, `postgres://user:password@host:5432/name`, for several processes or more load. Without it a
    /// SQLite file in the data folder, for one process.
    pub url: Option<SecretUrl>,
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

impl StoreConfig {
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if let Some(url) = &self.url {
            let is_postgres =
                url.parts().is_some_and(|url| matches!(url.scheme(), "postgres" | "postgresql") && url.has_host());
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
