//! Cassettes: calls of a plugin in a file, to be made again without the upstream that they were made against.
//!
//! A cassette holds records of calls (`opssight.call/1`), one document after the other. It is what a host hands out
//! for a call (`opssight plugin call <id> -o json`), so a bug report is a regression test as it is.

use anyhow::{Context, Result, bail};
use async_trait::async_trait;
use opssight_core::error::StoreError;
use opssight_core::id::CallId;
use opssight_core::page::Page;
use opssight_core::plugins::evidence::{CallQuery, CallRecord, CallSummary, EvidenceStore, KeepCalls};
use opssight_core::plugins::{CredentialSource, Credentials, InstalledPlugin, PluginState};
use opssight_core::time::{Clock, Timestamp};
use opssight_runtime::{PluginHost, ReplayError, Replayed, RuntimeConfig, Subject};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What a cassette is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CassetteMode {
    /// Calls are made as ever, and written down.
    Record,
    /// Calls are answered by the plugin, and everything that it asks by the cassette. There is no upstream.
    Replay,
}

/// An open cassette.
pub(crate) struct Cassette {
    path: PathBuf,
    pub(crate) mode: CassetteMode,
    /// Those that wait to be replayed.
    calls: Mutex<Vec<CallRecord>>,
}

impl Cassette {
    pub(crate) fn open(path: PathBuf, mode: CassetteMode) -> Result<Self> {
        let calls = match mode {
            CassetteMode::Record => {
                if let Some(folder) = path.parent() {
                    std::fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
                }
                std::fs::write(&path, "").with_context(|| format!("write {}", path.display()))?;
                Vec::new()
            }
            CassetteMode::Replay => read(&path)?,
        };
        Ok(Self { path, mode, calls: Mutex::new(calls) })
    }

    /// Add a call.
    pub(crate) fn add(&self, record: &CallRecord) -> Result<()> {
        let mut calls = lock(&self.calls);
        calls.push(record.clone());
        let documents: String = calls.iter().map(CallRecord::document).collect();
        std::fs::write(&self.path, documents).with_context(|| format!("write {}", self.path.display()))
    }

    /// The next call of this kind with this input.
    pub(crate) fn next(&self, kind: &str, input: &Value) -> Result<CallRecord> {
        let mut calls = lock(&self.calls);
        let at = calls.iter().position(|record| record.kind == kind && record.input == *input);
        let at = at.with_context(|| format!("{} holds no further call of {kind} with {input}", self.path.display()))?;
        Ok(calls.remove(at))
    }
}

/// The cassettes in a folder (`*.json`), in the order of their names, or the one in a file, each with its calls.
pub fn cassettes(path: &Path) -> Result<Vec<(PathBuf, Vec<CallRecord>)>> {
    let mut paths = Vec::new();
    if path.is_dir() {
        for entry in std::fs::read_dir(path).with_context(|| format!("list {}", path.display()))? {
            let path = entry.with_context(|| format!("list {}", path.display()))?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                paths.push(path);
            }
        }
        paths.sort();
    } else {
        paths.push(path.to_owned());
    }
    paths.into_iter().map(|path| Ok((path.clone(), read(&path)?))).collect()
}

fn read(path: &Path) -> Result<Vec<CallRecord>> {
    let documents = std::fs::read(path).with_context(|| format!("read {}", path.display()))?;
    CallRecord::parse_all(&documents).with_context(|| format!("read {}", path.display()))
}

/// Make every call of every cassette (`*.json`) in a folder again on a package: how many there were. An error lists
/// every difference.
///
/// ```no_run
/// #[test]
/// fn recorded_calls_are_the_same_again() {
///     let package = opssight_testkit::build_plugin("opssight-plugin-github").unwrap();
///     assert!(opssight_testkit::replays(&package, "tests/cassettes".as_ref()).unwrap() > 0);
/// }
/// ```
pub fn replays(package: &[u8], folder: &Path) -> Result<usize> {
    let cassettes = cassettes(folder)?;
    if cassettes.is_empty() {
        bail!("replay {}: there is no cassette in it (*.json)", folder.display());
    }
    // On a thread of its own, so that it can be called from any kind of test.
    std::thread::scope(|scope| {
        let work = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(replay_files(package, &cassettes))
        });
        work.join().unwrap_or_else(|_| bail!("the replay panicked"))
    })
}

async fn replay_files(package: &[u8], cassettes: &[(PathBuf, Vec<CallRecord>)]) -> Result<usize> {
    let data = tempfile::tempdir()?;
    let host = ReplayHost::open(package, data.path()).await?;
    let (mut calls, mut differences) = (0, Vec::new());
    for (path, records) in cassettes {
        for (at, record) in records.iter().enumerate() {
            calls += 1;
            let name = format!("{}, call {}", path.display(), at + 1);
            match host.replay(record).await {
                Ok(replayed) => differences.extend(replayed.differences.iter().map(|what| format!("{name}: {what}"))),
                Err(error) => differences.push(format!("{name}: failed to {error}")),
            }
        }
    }
    if differences.is_empty() { Ok(calls) } else { bail!("{}", differences.join("\n")) }
}

/// A package on which recorded calls are made again. There is nothing around it: everything that a call learns comes
/// from its record.
pub struct ReplayHost {
    host: Arc<PluginHost>,
    digest: String,
}

impl ReplayHost {
    /// Install the package, with its compiled code in this folder.
    pub async fn open(package: &[u8], data: &Path) -> Result<Self> {
        let config = RuntimeConfig::new(data);
        let host = PluginHost::open(config, Arc::new(Nothing), Arc::new(Nothing), Arc::new(Nothing))?;
        let digest = install(&host, package).await?.digest;
        Ok(Self { host, digest })
    }

    /// Make a call again.
    pub async fn replay(&self, record: &CallRecord) -> Result<Replayed, ReplayError> {
        self.host.replay(record, Subject::Digest(&self.digest)).await
    }
}

/// Compiling a large package takes minutes. It is done on a thread of its own, so that whoever waits can stop waiting.
pub(crate) async fn install(host: &Arc<PluginHost>, package: &[u8]) -> Result<InstalledPlugin> {
    let (tell, told) = tokio::sync::oneshot::channel();
    let (host, package) = (Arc::clone(host), package.to_vec());
    std::thread::Builder::new().name("install".to_owned()).spawn(move || {
        // Nobody waits any more: there is nobody to tell.
        let _ = tell.send(host.install(&package));
    })?;
    Ok(told.await.context("compile the package: its thread ended in a panic")??)
}

/// The records of one test host.
#[derive(Default)]
pub(crate) struct Kept(Mutex<Vec<CallRecord>>);

impl Kept {
    pub(crate) fn count(&self) -> usize {
        lock(&self.0).len()
    }

    /// Those after the first so many.
    pub(crate) fn since(&self, count: usize) -> Vec<CallRecord> {
        lock(&self.0).get(count..).unwrap_or_default().to_vec()
    }

    /// The record after so many others, once it is there: it is written in the background.
    pub(crate) async fn after(&self, count: usize) -> Result<CallRecord> {
        for _ in 0..1_000 {
            if let Some(record) = lock(&self.0).get(count) {
                return Ok(record.clone());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        bail!("the call was not recorded")
    }
}

#[async_trait]
impl EvidenceStore for Kept {
    async fn put(&self, record: &CallRecord) -> Result<(), StoreError> {
        lock(&self.0).push(record.clone());
        Ok(())
    }

    async fn call(&self, call: &CallId) -> Result<Option<CallRecord>, StoreError> {
        Ok(lock(&self.0).iter().find(|record| record.id == *call).cloned())
    }

    async fn calls(&self, _: &CallQuery) -> Result<Page<CallSummary>, StoreError> {
        Ok(Page { items: Vec::new(), next: None })
    }

    async fn purge_calls(&self, _: &KeepCalls) -> Result<u64, StoreError> {
        Ok(0)
    }
}

/// A replay has no world around it.
struct Nothing;

fn nothing() -> StoreError {
    StoreError::new("look outside of the cassette", "a replay has no world around it")
}

#[async_trait]
impl CredentialSource for Nothing {
    async fn credentials(&self, _: &opssight_core::id::ConnectionId) -> Result<Credentials, StoreError> {
        Err(nothing())
    }
}

#[async_trait]
impl PluginState for Nothing {
    async fn get(&self, _: &opssight_core::id::ConnectionId, _: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Err(nothing())
    }

    async fn keys(
        &self,
        _: &opssight_core::id::ConnectionId,
        _: &str,
        _: Option<&str>,
        _: u32,
    ) -> Result<Vec<String>, StoreError> {
        Err(nothing())
    }

    async fn usage(&self, _: &opssight_core::id::ConnectionId) -> Result<(u64, u64), StoreError> {
        Err(nothing())
    }
}

impl Clock for Nothing {
    fn now(&self) -> Timestamp {
        Timestamp(0)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
