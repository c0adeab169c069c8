//! The data folder: the store and the key that seals its secrets.

use crate::config::Config;
use anyhow::Context;
use opssight_backends::{
    EmbeddedOptions, EmbeddedSeries, Gate, LocalBus, MASTER_KEY_BYTES, Store, StoreOptions, SystemRandomness,
};
use opssight_core::events::Bus;
use opssight_core::metrics::SeriesStore;
use opssight_core::time::{Clock, Randomness};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

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

/// Open the store of the metrics: the one that is configured, or a folder beside the store.
pub(crate) async fn series(config: &Config, clock: &Arc<dyn Clock>) -> anyhow::Result<Arc<dyn SeriesStore>> {
    let metrics = &config.metrics;
    let store: Arc<dyn SeriesStore> = match &metrics.url {
        Some(url) => url.connect()?,
        None => {
            if config.store.url.is_some() {
                tracing::warn!(
                    "the metrics are kept in this process's data folder; several processes need `metrics.url`"
                );
            }
            let options = EmbeddedOptions { raw: metrics.kept(), ..EmbeddedOptions::default() };
            let folder = config.server.data.join("metrics");
            Arc::new(EmbeddedSeries::open(&folder, options).await.context("open the metrics")?)
        }
    };
    Ok(Arc::new(Gate::new(store, Arc::clone(clock), metrics.limits(), metrics.kept_secs())))
}

/// With the key of the data folder.
pub(crate) fn options(config: &Config) -> anyhow::Result<StoreOptions> {
    let dir = &config.server.data;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .with_context(|| format!("make the data folder {}", dir.display()))?;
    let key = master_key(&dir.join("master.key"))?;
    Ok(StoreOptions {
        readers: config.store.readers,
        cache_kib: config.store.cache_mib.saturating_mul(1024),
        ..StoreOptions::new(key, Arc::new(SystemRandomness), Arc::new(LocalBus::new()))
    })
}

fn master_key(path: &Path) -> anyhow::Result<[u8; MASTER_KEY_BYTES]> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => make_key(path)?,
        Err(error) => return Err(error).with_context(|| format!("read the master key {}", path.display())),
    };
    bytes.try_into().ok().with_context(|| {
        format!(
            "use the master key {}: it must have {MASTER_KEY_BYTES} bytes; restore it from a backup",
            path.display()
        )
    })
}

/// Written beside and renamed, so that a crash leaves no half of a key.
fn make_key(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut bytes = vec![0_u8; MASTER_KEY_BYTES];
    SystemRandomness.fill(&mut bytes);
    let beside = path.with_extension("key.new");
    let write = || -> std::io::Result<()> {
        let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        std::fs::rename(&beside, path)?;
        // The rename itself must survive a power cut: without the key the sealed secrets are lost.
        std::fs::File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
    };
    write().with_context(|| format!("make the master key {}", path.display()))?;
    Ok(bytes)
}
