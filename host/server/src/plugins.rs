//! The desk of installed plugins, and what is installed at start: what was, and what stands in the plugin folder.

use crate::blobs::Shared;
use crate::config::Config;
use anyhow::Context;
use opssight_backends::{FolderBlobs, Packages, Store, SystemClock};
use opssight_core::events::Bus;
use opssight_core::plugins::Plugins;
use opssight_core::plugins::installs::{Applied, Approval, Installs, PluginRuntime, Turns, Unstored};
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(crate) fn desk(
    config: &Config,
    store: &Arc<Store>,
    bus: &Arc<dyn Bus>,
    shared: Option<&Shared>,
    plugins: &Arc<dyn Plugins>,
    runtime: Arc<dyn PluginRuntime>,
) -> anyhow::Result<Installs> {
    let near = Arc::new(FolderBlobs::open(&config.server.data)?);
    let packages = match shared {
        Some(Shared { blobs, link }) => Packages::shared(near, Arc::clone(blobs), Arc::clone(link)),
        None => Packages::near(near),
    };
    Ok(Installs {
        store: store.clone(),
        packages: Arc::new(packages),
        runtime,
        plugins: Arc::clone(plugins),
        feeds: store.clone(),
        inbox: store.clone(),
        bus: Arc::clone(bus),
        clock: Arc::new(SystemClock),
        policy: config.plugins.trust.policy(config.plugins.dev),
        enabled: config.plugins.enabled,
        turns: Turns::default(),
        unstored: Unstored::default(),
        applied: Applied::default(),
    })
}

/// What was installed before, then the folder.
pub(crate) async fn load(installs: &Installs, config: &Config) -> anyhow::Result<()> {
    if config.plugins.dev {
        tracing::warn!("started with --dev: packages are taken whoever made them");
    }
    if !config.plugins.enabled {
        tracing::warn!("plugins.enabled is false: no plugin is called");
    }
    for (plugin, error) in installs.restore().await? {
        tracing::error!(plugin.id = %plugin, error = %error, "an installed plugin could not be loaded");
    }
    let dir = config.plugins.dir.clone().unwrap_or_else(|| config.server.data.join("plugins"));
    if config.plugins.dir.is_some() || dir.exists() {
        return folder(installs, &dir).await;
    }
    if installs.list().await?.is_empty() {
        tracing::warn!("no plugin is installed, and there is no plugin folder: `opssight plugin install` installs one");
    }
    Ok(())
}

async fn folder(installs: &Installs, dir: &Path) -> anyhow::Result<()> {
    for path in packages(dir)? {
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // One bad package must not keep the others, or the host, from starting.
        let package = match tokio::fs::read(&path).await {
            Ok(package) => package,
            Err(error) => {
                tracing::error!(path = %path.display(), %error, "a package of the plugin folder cannot be read");
                continue;
            }
        };
        match installs.place(&file, package.into()).await {
            Ok(installed) => {
                let (manifest, digest) = (&installed.inspection.manifest, &installed.inspection.digest);
                let (id, version) = (&manifest.id, &manifest.version);
                match installed.approval {
                    Approval::Unchanged => {}
                    Approval::Waiting => tracing::warn!(
                        plugin.id = id, plugin.version = %version, plugin.digest = digest,
                        "the plugin folder has a version that wants more: `opssight plugin approve` agrees to it"
                    ),
                    Approval::Active | Approval::Shadow => tracing::info!(
                        plugin.id = id, plugin.version = %version, plugin.digest = digest,
                        "plugin installed from the plugin folder"
                    ),
                }
            }
            Err(error) => {
                tracing::error!(path = %path.display(), code = error.code(), error = %error, "plugin refused");
            }
        }
    }
    Ok(())
}

/// The packages of a folder, in the order of their names.
fn packages(dir: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let read = || -> std::io::Result<Vec<PathBuf>> {
        let paths = std::fs::read_dir(dir)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
        Ok(paths.into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "wasm")).collect())
    };
    let mut packages = read().with_context(|| format!("read the plugin folder {}", dir.display()))?;
    packages.sort();
    Ok(packages)
}
