//! The data folder, the store, and the keys that seal its secrets.

use crate::config::Config;
use anyhow::Context;
use opssight_backends::{LocalBus, Store, StoreOptions, SystemRandomness, VaultCredentials};
use opssight_core::events::Bus;
use opssight_core::plugins::CredentialSource;
use std::os::unix::fs::DirBuilderExt;
use std::sync::Arc;
use std::time::Duration;

/// Open the store: the database that is configured, or a file in the data folder. The folder and the key are made at
/// first. The bus tells of what is written.
pub async fn open(config: &Config) -> anyhow::Result<(Arc<Store>, Arc<dyn Bus>)> {
    let options = options(config)?;
    let bus = Arc::clone(&options.bus);
    let store = match &config.store.url {
        Some(url) => Store::connect(url.expose(), options).await?,
        None => Store::open(&config.server.data, options).await?,
    };
    Ok((store, bus))
}

/// With the master keys that are configured.
pub(crate) fn options(config: &Config) -> anyhow::Result<StoreOptions> {
    let dir = &config.server.data;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .with_context(|| format!("make the data folder {}", dir.display()))?;
    let keys = config.secrets.ring(dir)?;
    Ok(StoreOptions {
        readers: config.store.readers,
        cache_kib: config.store.cache_mib.saturating_mul(1024),
        keep_data_keys: Duration::from_secs(u64::from(config.secrets.keep_secs)),
        ..StoreOptions::new(keys, Arc::new(SystemRandomness), Arc::new(LocalBus::new()))
    })
}

/// The credentials of connections, with those that stay in Vault.
pub(crate) fn credentials(config: &Config, store: &Arc<Store>) -> anyhow::Result<Arc<dyn CredentialSource>> {
    let keep = Duration::from_secs(u64::from(config.secrets.keep_secs));
    let (vault, paths) = (config.secrets.vault()?, config.secrets.vault.paths.clone());
    Ok(VaultCredentials::new(store.clone(), vault, paths, keep))
}
