//! The life of versions: read, loaded, activated, stopped, let go of. The rules about it are the core's.

use crate::install;
use crate::registry::PluginHost;
use crate::sync::lock;
use async_trait::async_trait;
use opssight_core::id::PluginId;
use opssight_core::plugins::installs::{
    Comparison, Notice, PackageContents, PackageRefusal, PluginRuntime, VersionFigures,
};
use opssight_core::plugins::trust::Signature;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

/// Notices that wait to be taken; of more the oldest are dropped and counted, because they only tell.
const NOTICES: usize = 1_000;

/// What the runtime has to tell.
#[derive(Default)]
pub(crate) struct Notices(Mutex<Telling>);

#[derive(Default)]
struct Telling {
    notices: VecDeque<Notice>,
    /// How many were dropped, by plugin and version.
    dropped: BTreeMap<(PluginId, String), u64>,
}

impl Notices {
    pub(crate) fn tell(&self, notice: Notice) {
        let mut telling = lock(&self.0);
        if telling.notices.len() == NOTICES
            && let Some(oldest) = telling.notices.pop_front()
        {
            *telling.dropped.entry((oldest.plugin, oldest.digest)).or_default() += 1;
        }
        telling.notices.push_back(notice);
    }

    fn take(&self) -> Vec<Notice> {
        let Telling { notices, dropped } = std::mem::take(&mut *lock(&self.0));
        let lost = |((plugin, digest), count)| Notice {
            plugin,
            digest,
            what: "notices-lost".to_owned(),
            detail: format!("{count} things that it did were not noted: they came faster than they were taken"),
        };
        dropped.into_iter().map(lost).chain(notices).collect()
    }
}

fn host_panic(panic: tokio::task::JoinError) -> PackageRefusal {
    tracing::error!(%panic, "reading a package ended in a panic of the host");
    let message = "the host failed while it read the package; its log says where".to_owned();
    PackageRefusal { code: "host.panic".to_owned(), message }
}

impl PluginHost {
    /// [`PluginRuntime::read`] for whoever may block.
    pub fn examine(&self, package: &[u8]) -> Result<PackageContents, PackageRefusal> {
        install::read(&self.parts(), package).map_err(|error| error.refusal())
    }
}

#[async_trait]
impl PluginRuntime for PluginHost {
    fn signature(&self, package: &[u8]) -> Result<Option<Signature>, PackageRefusal> {
        opssight_package::seal(package)
            .map_err(|error| PackageRefusal { code: "signature".to_owned(), message: error.to_string() })
    }

    async fn read(&self, package: Arc<[u8]>) -> Result<PackageContents, PackageRefusal> {
        let parts = self.parts();
        let read = tokio::task::spawn_blocking(move || install::read(&parts, &package)).await;
        read.map_err(host_panic)?.map_err(|error| error.refusal())
    }

    async fn load(&self, digest: &str, package: Arc<[u8]>) -> Result<(), PackageRefusal> {
        if self.shelf.has(digest) {
            return Ok(());
        }
        let parts = self.parts();
        let wanted = digest.to_owned();
        let prepared = tokio::task::spawn_blocking(move || install::prepare(&parts, &package)).await;
        let plugin = match prepared {
            Ok(prepared) => prepared.map_err(|error| error.refusal())?,
            Err(panic) => return Err(host_panic(panic)),
        };
        if *plugin.digest != *wanted {
            let message = format!("its digest is {}, not {wanted}", plugin.digest);
            return Err(PackageRefusal { code: "digest".to_owned(), message });
        }
        self.shelf.add(Arc::new(plugin));
        self.tidy_cache();
        Ok(())
    }

    fn activate(&self, plugin: &PluginId, digest: Option<&str>) {
        match digest {
            None => self.shelf.remove(plugin),
            Some(digest) => {
                if !self.shelf.activate(plugin, digest) {
                    tracing::error!(
                        plugin.id = plugin.as_str(),
                        digest,
                        "a version that is not loaded cannot be activated"
                    );
                }
            }
        }
    }

    fn enable(&self, plugin: &PluginId, enabled: bool) {
        self.shelf.enable(plugin, enabled);
    }

    fn kill(&self, digest: &str, reason: &str) -> u64 {
        let Some(plugin) = self.shelf.version(digest) else { return 0 };
        let interrupted = plugin.stop(reason);
        self.warm.drop_version(&plugin);
        tracing::warn!(
            plugin.id = plugin.manifest.id,
            digest,
            interrupted,
            reason,
            "a plugin was taken out of service"
        );
        interrupted
    }

    fn unload(&self, digest: &str) {
        if let Some(plugin) = self.shelf.unload(digest) {
            plugin.retire();
            self.warm.drop_version(&plugin);
        }
    }

    fn figures(&self, digest: &str) -> Option<VersionFigures> {
        self.shelf.version(digest).map(|plugin| plugin.stats.figures())
    }

    fn shadow(&self, plugin: &PluginId, digest: Option<&str>) {
        let version = digest.and_then(|digest| {
            let version = self.shelf.version(digest);
            if version.is_none() {
                tracing::error!(plugin.id = plugin.as_str(), digest, "a version that is not loaded cannot be a shadow");
            }
            version
        });
        self.services.evidence.shadows.set(plugin, version, &self.stage, &self.slots);
    }

    fn comparisons(&self, plugin: &PluginId) -> Vec<Comparison> {
        self.services.evidence.shadows.comparisons(plugin)
    }

    fn notices(&self) -> Vec<Notice> {
        self.notices.take()
    }
}
