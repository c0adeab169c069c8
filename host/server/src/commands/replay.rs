//! `opssight plugin replay`: a recorded call, made again in this process. The record and the package come from the
//! server or from files; everything else is in the record.

use crate::runtime::jailed;
use anyhow::{Context, bail};
use async_trait::async_trait;
use opssight_cli::{GlobalArgs, ReplayArgs, printable_line};
use opssight_core::error::StoreError;
use opssight_core::id::ConnectionId;
use opssight_core::plugins::evidence::CallRecord;
use opssight_core::plugins::{CredentialSource, Credentials, PluginState};
use opssight_core::time::{Clock, Timestamp};
use opssight_runtime::{PluginHost, RuntimeConfig, Subject};
use std::path::Path;
use std::sync::Arc;

/// True when every call went as it went then.
pub(super) async fn run(args: &ReplayArgs, globals: &GlobalArgs) -> anyhow::Result<bool> {
    let path = Path::new(&args.call);
    let document = if path.exists() {
        std::fs::read(path).with_context(|| format!("read {}", path.display()))?
    } else {
        fetch(globals, &["plugins", "-", "calls", &args.call]).await?
    };
    let records = CallRecord::parse_all(&document)?;
    if records.is_empty() {
        bail!("replay {}: it holds no record", args.call);
    }
    let given = match &args.package {
        Some(path) => Some(std::fs::read(path).with_context(|| format!("read {}", path.display()))?),
        None => None,
    };
    // Compiled code of this one run, where nobody else can put some first.
    let data = tempfile::tempdir().context("make a folder for compiled code")?;
    replay_all(data.path(), globals, &records, given.as_deref()).await
}

async fn replay_all(
    data: &Path,
    globals: &GlobalArgs,
    records: &[CallRecord],
    given: Option<&[u8]>,
) -> anyhow::Result<bool> {
    let mut config = RuntimeConfig::new(data);
    // What is replayed may be somebody else's plugin, as on a host.
    config.compiler = jailed();
    let host = PluginHost::open(config, Arc::new(Nothing), Arc::new(Nothing), Arc::new(Nothing))?;
    let mut all_same = true;
    for record in records {
        let package = match given {
            Some(package) => package.to_vec(),
            None => fetch(globals, &["plugins", record.plugin.as_str(), "package", &record.digest])
                .await
                .context("fetch the package that the call was made on; --package names one on this machine")?,
        };
        let replayed = host.replay(record, Subject::Package(&package)).await?;
        let (call, plugin, kind) = (&record.id, &record.plugin, &record.kind);
        if replayed.differences.is_empty() {
            say(&format!("{call}: identical ({kind} of {plugin} {})", replayed.record.version))?;
            continue;
        }
        all_same = false;
        say(&format!("{call}: different ({kind} of {plugin} {})", replayed.record.version))?;
        for difference in &replayed.differences {
            say(&format!("  {difference}"))?;
        }
    }
    Ok(all_same)
}

/// One line. A record in a file is whatever somebody put there, down to its id.
fn say(text: &str) -> anyhow::Result<()> {
    super::say(&printable_line(text))
}

async fn fetch(globals: &GlobalArgs, path: &[&str]) -> anyhow::Result<Vec<u8>> {
    opssight_cli::fetch(globals, path).await.map_err(anyhow::Error::msg)
}

/// A replay has no world around it.
struct Nothing;

fn nothing() -> StoreError {
    StoreError::new("look outside of the record", "a replay has no world around it")
}

#[async_trait]
impl CredentialSource for Nothing {
    async fn credentials(&self, _: &ConnectionId) -> Result<Credentials, StoreError> {
        Err(nothing())
    }
}

#[async_trait]
impl PluginState for Nothing {
    async fn get(&self, _: &ConnectionId, _: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Err(nothing())
    }

    async fn keys(&self, _: &ConnectionId, _: &str, _: Option<&str>, _: u32) -> Result<Vec<String>, StoreError> {
        Err(nothing())
    }

    async fn usage(&self, _: &ConnectionId) -> Result<(u64, u64), StoreError> {
        Err(nothing())
    }
}

impl Clock for Nothing {
    fn now(&self) -> Timestamp {
        Timestamp(0)
    }
}
