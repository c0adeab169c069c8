//! A plugin host with everything around it: state, credentials, clock and names in memory, and the way in that an
//! operator has.

mod house;
mod names;

pub(crate) use house::Memory;
pub use house::NOW;
pub(crate) use names::Names;

use crate::case::Options;
use crate::wasm::{Fetch, rule};
use anyhow::{Context, Result, bail, ensure};
use house::HandClock;
use opssight_core::id::{ConnectionId, PluginId};
use opssight_core::plugins::installs::{PackageRefusal, PluginRuntime};
use opssight_core::plugins::{
    CallError, CallPriority, CallTarget, Called, Grants, HealthReport, PluginStats, Plugins, WebhookDelivery, digest_of,
};
use opssight_runtime::{Compiler, PluginHost, RuntimeConfig};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

/// What this program is called with when it is to compile for the host under attack.
pub const COMPILE_WORKER: &str = "compile-worker";

/// Where cases are run.
pub struct Arena {
    /// The host under attack.
    pub host: Arc<PluginHost>,
    pub(crate) memory: Arc<Memory>,
    pub(crate) names: Arc<Names>,
    pub(crate) clock: Arc<HandClock>,
    pub(crate) data: TempDir,
    /// How thorough.
    pub options: Options,
    id: Mutex<String>,
    number: AtomicU64,
    placed: Mutex<Vec<String>>,
}

impl Arena {
    /// A host of its own.
    pub fn open(options: Options) -> Result<Self> {
        let data = TempDir::new().context("make a folder for the host's data")?;
        let memory = Arc::new(Memory::default());
        let clock = Arc::new(HandClock(Mutex::new(NOW)));
        let names = Arc::new(Names::default());
        let mut config = RuntimeConfig::new(data.path());
        config.resolver = Some(Arc::<Names>::clone(&names));
        config.upstream.ca_pem = Some(crate::secure::authority_pem());
        // Thousands of packages are compiled that nobody wants again.
        config.aot_bytes = 64 << 20;
        // As the server does it: this program once more, in the jail.
        let (program, args) = (std::env::current_exe().context("find this program")?, vec![COMPILE_WORKER.into()]);
        config.compiler = Compiler::Worker { program, args };
        let host = PluginHost::open(config, memory.clone(), memory.clone(), clock.clone())?;
        let (id, number, placed) = (Mutex::new("case".to_owned()), AtomicU64::new(0), Mutex::default());
        Ok(Self { host, memory, names, clock, data, options, id, number, placed })
    }

    /// Begin a case: its plugin and its connection have names of their own.
    pub fn begin(&self, row: &str) {
        *self.id.lock().unwrap() = format!("case-{}", row.to_ascii_lowercase());
        self.number.fetch_add(1, Ordering::Relaxed);
        self.names.clear();
    }

    /// End a case: let go of all that it installed.
    pub fn end(&self) {
        self.host.activate(&self.plugin(), None);
        for digest in self.placed.lock().unwrap().drain(..) {
            self.host.unload(&digest);
        }
        self.memory.clear();
    }

    pub(crate) fn id(&self) -> String {
        self.id.lock().unwrap().clone()
    }

    pub(crate) fn plugin(&self) -> PluginId {
        PluginId(self.id())
    }

    pub(crate) fn connection(&self) -> ConnectionId {
        ConnectionId(format!("c-{}-{}", self.id(), self.number.load(Ordering::Relaxed)))
    }

    /// What the case's manifest says beside the usual: its id, and short budgets, so that the corpus is quick.
    pub(crate) fn asks(&self, more: Value) -> Value {
        let short = json!({ "cpu_ms": 100, "wall_ms": 1500 });
        let mut asks = json!({
            "id": self.id(),
            "budgets": { "health": short, "webhook": short, "source": short },
        });
        asks.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        asks
    }

    /// Load a package as the desk does, without asking who vouches for it.
    pub(crate) async fn load(&self, package: &[u8]) -> Result<String, PackageRefusal> {
        let (digest, package) = (digest_of(package), Arc::<[u8]>::from(package));
        self.host.read(Arc::clone(&package)).await?;
        self.host.load(&digest, package).await?;
        self.placed.lock().unwrap().push(digest.clone());
        Ok(digest)
    }

    /// Load a package and let the case's calls go to it.
    pub(crate) async fn install(&self, package: &[u8]) -> Result<()> {
        let digest = self.load(package).await.context("install the case's own package")?;
        self.host.activate(&self.plugin(), Some(&digest));
        Ok(())
    }

    /// A package that must not be installed; which of these codes it was refused with.
    pub(crate) async fn refused(&self, package: &[u8], codes: &[&str]) -> Result<String> {
        match self.load(package).await {
            Ok(_) => bail!("it was installed; it should have been refused ({})", codes.join(" or ")),
            Err(refusal) if codes.contains(&refusal.code.as_str()) => Ok(format!("refused: {}", refusal.code)),
            Err(refusal) => bail!("refused as {} instead of {}: {refusal}", refusal.code, codes.join(" or ")),
        }
    }

    pub(crate) fn target(&self, settings: Value, grants: Grants) -> CallTarget {
        CallTarget {
            connection: self.connection(),
            plugin: self.plugin(),
            digest: None,
            settings: Arc::new(settings),
            grants: Arc::new(grants),
            priority: CallPriority::Live,
        }
    }

    /// The target without settings and grants.
    pub(crate) fn plain(&self) -> CallTarget {
        self.target(json!({}), Grants::default())
    }

    pub(crate) async fn check(&self) -> Result<Called<HealthReport>, CallError> {
        self.host.check(&self.plain()).await
    }

    /// Install a guest that makes this request, with a rule for this base address and with more in its manifest; call it
    /// once, with these grants; and forget its connection, so that nothing of it helps or hinders the next.
    pub(crate) async fn fetch(
        &self,
        fetch: &Fetch<'_>,
        base: &str,
        grants: &Grants,
        more: Value,
    ) -> Result<Result<Called<HealthReport>, CallError>> {
        let mut asks = json!({ "egress": rule("{setting:base_url}") });
        asks.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.install(&fetch.package(self.asks(asks))).await?;
        let outcome = self.host.check(&self.target(json!({ "base_url": base }), grants.clone())).await;
        self.host.forget(&self.connection());
        Ok(outcome)
    }

    pub(crate) fn stats(&self) -> PluginStats {
        self.host.find(&self.plugin()).map(|plugin| plugin.stats).unwrap_or_default()
    }

    /// Install, call `check` once, and expect this failure, recorded exactly once.
    pub(crate) async fn fails(&self, package: &[u8], code: &str) -> Result<String> {
        self.install(package).await?;
        let outcome = self.check().await;
        self.failed_once(outcome.map(|_| ()), code)
    }

    /// Install, deliver something once, and expect this failure, recorded exactly once.
    pub(crate) async fn fails_receiving(&self, package: &[u8], body: Vec<u8>, code: &str) -> Result<String> {
        self.install(package).await?;
        let delivery = WebhookDelivery { headers: vec![], body, received_at: NOW };
        let outcome = self.host.receive(&self.plain(), delivery).await;
        self.failed_once(outcome.map(|_| ()), code)
    }

    /// The rule of exactly one record: one call, one failure in the plugin's statistics, with this code.
    pub(crate) fn failed_once(&self, outcome: Result<(), CallError>, code: &str) -> Result<String> {
        let Err(error) = outcome else { bail!("the call went well; it should have failed with {code}") };
        ensure!(error.code == code, "it failed with {} instead of {code}: {error}", error.code);
        let stats = self.stats();
        let failures: u64 = stats.failures.values().sum();
        ensure!(stats.calls == 1 && failures == 1, "{} calls and {failures} failures on record, not one", stats.calls);
        let last = stats.last_error.unwrap_or_default();
        ensure!(last.starts_with(&format!("{code}: ")), "what is on record is another failure: {last}");
        Ok(code.to_owned())
    }
}

/// Loopback may be reached, over plain http.
pub(crate) fn loopback() -> Grants {
    Grants { networks: vec!["127.0.0.0/8".into(), "::1/128".into()], insecure_http: true, ..Grants::default() }
}
