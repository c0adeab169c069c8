//! The desk of installs over the stores that the host itself has: nothing here keeps less, or refuses less, than what
//! ships.

use crate::Arena;
use anyhow::{Context, Result, ensure};
use opssight_backends::{FolderBlobs, LocalBus, Packages, Store, StoreOptions, SystemRandomness};
use opssight_core::connections::{Connection, ConnectionStore, Inserted};
use opssight_core::feeds::Puller;
use opssight_core::hooks::{Inbox, Processor, Retry};
use opssight_core::id::{ConnectionId, PluginId};
use opssight_core::plugins::Credentials;
use opssight_core::plugins::installs::{
    Applied, Approval, Data, Install, InstallError, InstallRequest, InstallStore, Installs, Source, Turns, Unstored,
};
use opssight_core::plugins::trust::TrustPolicy;
use opssight_core::time::Clock;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;

/// A desk of its own, before the arena's host.
pub(crate) struct Desk {
    pub(crate) installs: Installs,
    /// Where deliveries wait, and what became of them.
    pub(crate) store: Arc<Store>,
    data: TempDir,
}

impl Desk {
    pub(crate) async fn new(arena: &Arena) -> Result<Self> {
        Self::with(arena, TrustPolicy::default()).await
    }

    pub(crate) async fn with(arena: &Arena, policy: TrustPolicy) -> Result<Self> {
        Self::over(arena, policy, TempDir::new().context("make a folder for the desk")?).await
    }

    async fn over(arena: &Arena, policy: TrustPolicy, data: TempDir) -> Result<Self> {
        let bus = Arc::new(LocalBus::new());
        let store = open(data.path(), &bus).await?;
        let installs = Installs {
            store: store.clone(),
            packages: Arc::new(Packages::near(Arc::new(
                FolderBlobs::open(data.path()).context("make a folder for packages")?,
            ))),
            runtime: arena.host.clone(),
            plugins: arena.host.clone(),
            feeds: store.clone(),
            inbox: store.clone(),
            bus,
            clock: arena.clock.clone(),
            policy,
            enabled: true,
            turns: Turns::default(),
            unstored: Unstored::default(),
            applied: Applied::default(),
        };
        Ok(Self { installs, store, data })
    }

    /// Who works through its inbox.
    pub(crate) fn processor(&self, arena: &Arena) -> Processor {
        Processor {
            inbox: self.store.clone(),
            connections: self.store.clone(),
            plugins: arena.host.clone(),
            clock: arena.clock.clone(),
            retry: Retry::default(),
        }
    }

    /// Who pulls its feeds.
    pub(crate) fn puller(&self, arena: &Arena) -> Puller {
        Puller {
            feeds: self.store.clone(),
            connections: self.store.clone(),
            plugins: arena.host.clone(),
            clock: arena.clock.clone(),
            retry: Retry::default(),
        }
    }

    /// The process crashes, and another one starts: what it has written to its files at this moment is all that there is.
    /// The store that was open finishes nothing, and every lease is taken back, as a start does it. (What a power cut
    /// leaves of that is for the disk to say.)
    pub(crate) async fn after_a_crash(self, arena: &Arena) -> Result<Self> {
        let data = TempDir::new().context("make a folder for what is left")?;
        copy(self.data.path(), data.path())?;
        let left = Self::over(arena, self.installs.policy.clone(), data).await?;
        left.store.release_all().await?;
        Ok(left)
    }

    /// The case's connection, on the active version.
    pub(crate) async fn connect(&self, arena: &Arena) -> Result<()> {
        self.connect_as(arena, &arena.connection(), &arena.plugin(), &[]).await
    }

    /// Another one, to a plugin that is active, with what is pulled through it.
    pub(crate) async fn connect_as(
        &self,
        arena: &Arena,
        id: &ConnectionId,
        plugin: &PluginId,
        feeds: &[String],
    ) -> Result<()> {
        let install = self.store.install(plugin).await?;
        let active = install.as_ref().and_then(Install::active);
        let connection = Connection {
            id: id.clone(),
            name: id.to_string(),
            plugin: plugin.clone(),
            digest: active.map(|version| version.digest.as_str().into()),
            enabled: true,
            settings: Arc::default(),
            grants: Arc::default(),
            created_at: arena.clock.now(),
            updated_at: arena.clock.now(),
        };
        let made = self.store.insert(&connection, &Credentials::default(), feeds).await?;
        ensure!(made == Inserted::Kept, "the connection was not kept: {made:?}");
        Ok(())
    }

    /// Install, agreeing to exactly these bytes.
    pub(crate) async fn install(&self, package: &[u8]) -> Result<Approval, InstallError> {
        self.agreeing(package, Some(opssight_core::plugins::digest_of(package))).await
    }

    /// Update without agreeing to anything.
    pub(crate) async fn update(&self, package: &[u8]) -> Result<Approval, InstallError> {
        self.agreeing(package, None).await
    }

    pub(crate) async fn agreeing(&self, package: &[u8], consent: Option<String>) -> Result<Approval, InstallError> {
        let request = InstallRequest {
            package: package.into(),
            source: Source::Upload,
            consent,
            allow_similar_name: false,
            shadow: None,
            actor: "case".to_owned(),
        };
        Ok(self.installs.install(request).await?.approval)
    }

    pub(crate) async fn uninstall(&self, arena: &Arena) -> Result<()> {
        self.uninstall_named(arena.plugin().as_str()).await
    }

    pub(crate) async fn uninstall_named(&self, plugin: &str) -> Result<()> {
        Ok(self.installs.uninstall(&plugin.into(), Data::Remove, "case").await?)
    }
}

/// Of SQLite's files, the one that only processes share is no part of what is on disk. Nobody writes meanwhile, but what
/// is in the log may be put into the file at any time: of both orders, only with the log first is nothing lost then, because
/// it can be put there twice.
fn copy(from: &Path, to: &Path) -> Result<()> {
    let entries = std::fs::read_dir(from).context("list what is on disk")?;
    let mut entries = entries.collect::<Result<Vec<_>, _>>().context("list what is on disk")?;
    entries.sort_by_key(|entry| !entry.file_name().to_string_lossy().ends_with("-wal"));
    for entry in entries {
        let (path, name) = (entry.path(), entry.file_name());
        if path.is_dir() {
            std::fs::create_dir_all(to.join(&name))?;
            copy(&path, &to.join(&name))?;
        } else if !name.to_string_lossy().ends_with("-shm") {
            std::fs::copy(&path, to.join(&name))?;
        }
    }
    Ok(())
}

/// On a thread that may wait: opening a store is for the start of a program, and cannot move between threads.
async fn open(data: &Path, bus: &Arc<LocalBus>) -> Result<Arc<Store>> {
    let options = StoreOptions::new([7; 32], Arc::new(SystemRandomness), bus.clone());
    let (data, runtime) = (data.to_owned(), tokio::runtime::Handle::current());
    let opened = tokio::task::spawn_blocking(move || runtime.block_on(Store::open(&data, options)));
    opened.await?.context("open the desk's store")
}
