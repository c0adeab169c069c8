//! The runtime in memory. A package is a JSON text: what it declares, what it imports, and who sealed it.

use crate::idle::not_called;
use async_trait::async_trait;
use opssight_core::id::{ConnectionId, PluginId};
use opssight_core::plugins::installs::{
    Comparison, Notice, PackageContents, PackageRefusal, PluginRuntime, VersionFigures,
};
use opssight_core::plugins::trust::Signature;
use opssight_core::plugins::{
    ActionInvocation, ActionOutcome, CallError, CallTarget, Called, Credentials, Grants, HealthReport, InstalledPlugin,
    LogLine, Manifest, PageRequest, Plugins, PullBatch, RawDelivery, Reception, VerifyError, Wants, WebhookDelivery,
};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Poll;

/// What runs: gone after a crash.
#[derive(Default)]
pub(super) struct Engine {
    running: Mutex<Running>,
    /// The compiler is at work, until this is taken back: nothing is loaded before.
    pub(super) compiles: AtomicBool,
}

#[derive(Default)]
pub(super) struct Running {
    /// Loaded versions; whether they were stopped.
    pub(super) loaded: BTreeMap<String, bool>,
    pub(super) active: BTreeMap<PluginId, (String, bool)>,
    pub(super) shadow: BTreeMap<PluginId, String>,
    pub(super) figures: BTreeMap<String, VersionFigures>,
    pub(super) comparisons: BTreeMap<PluginId, Vec<Comparison>>,
    pub(super) notices: Vec<Notice>,
    pub(super) forgotten: u32,
}

impl Engine {
    pub(super) fn running(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap()
    }
}

fn parsed(package: &[u8]) -> Result<Value, PackageRefusal> {
    serde_json::from_slice(package).map_err(|error| refusal("malformed", error.to_string()))
}

fn refusal(code: &str, message: String) -> PackageRefusal {
    PackageRefusal { code: code.to_owned(), message }
}

#[async_trait]
impl PluginRuntime for Engine {
    fn signature(&self, package: &[u8]) -> Result<Option<Signature>, PackageRefusal> {
        let seal = parsed(package)?["seal"].clone();
        serde_json::from_value(seal).map_err(|error| refusal("signature", error.to_string()))
    }
    async fn read(&self, package: Arc<[u8]>) -> Result<PackageContents, PackageRefusal> {
        let package = parsed(&package)?;
        let manifest = serde_json::from_value(package["manifest"].clone());
        let manifest: Manifest = manifest.map_err(|error| refusal("manifest", error.to_string()))?;
        let imports = serde_json::from_value(package["imports"].clone()).unwrap();
        Ok(PackageContents { manifest, imports, exports: vec!["webhook".to_owned()], remarks: Vec::new() })
    }
    async fn load(&self, digest: &str, package: Arc<[u8]>) -> Result<(), PackageRefusal> {
        self.read(Arc::clone(&package)).await?;
        if parsed(&package)?["does-not-compile"] == true {
            return Err(refusal("does-not-fit", "it does not compile".to_owned()));
        }
        std::future::poll_fn(|_| if self.compiles.load(Ordering::SeqCst) { Poll::Pending } else { Poll::Ready(()) })
            .await;
        // As the real one: what is loaded stays as it is, also when it was stopped.
        self.running().loaded.entry(digest.to_owned()).or_default();
        Ok(())
    }
    fn activate(&self, plugin: &PluginId, digest: Option<&str>) {
        let mut running = self.running();
        match digest {
            None => drop(running.active.remove(plugin)),
            Some(digest) => {
                assert!(running.loaded.contains_key(digest), "{digest} is activated before it is loaded");
                let enabled = running.active.get(plugin).is_none_or(|(_, enabled)| *enabled);
                running.active.insert(plugin.clone(), (digest.to_owned(), enabled));
            }
        }
    }
    fn enable(&self, plugin: &PluginId, enabled: bool) {
        if let Some((_, is)) = self.running().active.get_mut(plugin) {
            *is = enabled;
        }
    }
    fn kill(&self, digest: &str, _: &str) -> u64 {
        let mut running = self.running();
        match running.loaded.get_mut(digest) {
            Some(stopped) => {
                let interrupted = u64::from(!*stopped);
                *stopped = true;
                interrupted
            }
            None => 0,
        }
    }
    fn unload(&self, digest: &str) {
        let mut running = self.running();
        running.loaded.remove(digest);
        running.figures.remove(digest);
    }
    fn figures(&self, digest: &str) -> Option<VersionFigures> {
        let running = self.running();
        running.loaded.contains_key(digest).then(|| running.figures.get(digest).copied().unwrap_or_default())
    }
    fn shadow(&self, plugin: &PluginId, digest: Option<&str>) {
        let mut running = self.running();
        match digest {
            Some(digest) => drop(running.shadow.insert(plugin.clone(), digest.to_owned())),
            None => drop(running.shadow.remove(plugin)),
        }
    }
    fn comparisons(&self, plugin: &PluginId) -> Vec<Comparison> {
        self.running().comparisons.remove(plugin).unwrap_or_default()
    }
    fn notices(&self) -> Vec<Notice> {
        std::mem::take(&mut self.running().notices)
    }
}

/// Nothing is called here: these tests are about what could be.
#[async_trait]
impl Plugins for Engine {
    fn installed(&self) -> Vec<InstalledPlugin> {
        Vec::new()
    }
    fn find(&self, _: &PluginId) -> Option<InstalledPlugin> {
        None
    }
    fn manifest(&self, _: &PluginId, _: Option<&str>) -> Option<Arc<Manifest>> {
        None
    }
    fn wants(&self, _: &PluginId, _: Option<&str>) -> Option<Wants> {
        None
    }
    fn log(&self, _: &PluginId) -> Vec<LogLine> {
        Vec::new()
    }
    fn verify(&self, _: &CallTarget, _: &Credentials, _: &RawDelivery<'_>) -> Result<(), VerifyError> {
        Err(VerifyError::NotReceiving)
    }
    async fn receive(&self, target: &CallTarget, _: WebhookDelivery) -> Result<Called<Reception>, CallError> {
        Err(not_called(target))
    }
    async fn pull(
        &self,
        target: &CallTarget,
        _: &str,
        _: Option<String>,
        _: PageRequest,
    ) -> Result<Called<PullBatch>, CallError> {
        Err(not_called(target))
    }
    async fn act(&self, target: &CallTarget, _: ActionInvocation) -> Result<Called<ActionOutcome>, CallError> {
        Err(not_called(target))
    }
    async fn check(&self, target: &CallTarget) -> Result<Called<HealthReport>, CallError> {
        Err(not_called(target))
    }
    fn forget(&self, _: &ConnectionId) {
        self.running().forgotten += 1;
    }
    fn regrant(&self, _: &ConnectionId, _: &Arc<Grants>) {}
}
