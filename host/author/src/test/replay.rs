//! `opssight plugin test --replay`: recorded calls, made again on the plugin as it is now. There is no upstream: the
//! plugin is told what it was told then, and must answer, ask, write and log the same.

use super::tally::Entry;
use anyhow::{Context, Result, bail};
use opssight_testkit::plugins::Manifest;
use opssight_testkit::plugins::evidence::{CallRecord, Difference};
use opssight_testkit::{ReplayHost, Replayed, cassettes};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Instant;

/// A file of records.
pub(super) struct Recorded {
    /// The file's name.
    pub(super) name: String,
    pub(super) records: Vec<CallRecord>,
}

/// The recordings in a folder (`*.json`), in the order of their names, or the one in a file.
pub(super) fn load(path: &Path) -> Result<Vec<Recorded>> {
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let files = cassettes(path)?.into_iter().map(|(path, records)| Recorded { name: name(&path), records });
    let files: Vec<Recorded> = files.collect();
    if files.iter().all(|file| file.records.is_empty()) {
        bail!("find a recorded call in {}: `opssight plugin test --record FOLDER` writes some", path.display());
    }
    Ok(files)
}

/// Make every call again of which the name has `only` in it, and tell of each.
pub(super) async fn play(
    files: &[Recorded],
    only: Option<&str>,
    package: &[u8],
    data: &Path,
    mut tell: impl FnMut(Entry) -> Result<()>,
) -> Result<()> {
    let manifest = opssight_package::manifest(package)?;
    let host = ReplayHost::open(package, data).await.context("install it on a host")?;
    let mut count = 0;
    for file in files {
        for (at, record) in file.records.iter().enumerate() {
            let name = name(at, record, &manifest);
            if only.is_some_and(|only| !name.contains(only) && !file.name.contains(only)) {
                continue;
            }
            count += 1;
            let begun = Instant::now();
            let (problems, differences) = again(&host, record, &manifest).await;
            tell(Entry { file: file.name.clone(), name, problems, differences, took: begun.elapsed() })?;
        }
    }
    if count == 0 {
        bail!("find a recorded call with \"{}\" in its name or its file's name", only.unwrap_or_default());
    }
    Ok(())
}

/// The differences for people and for programs.
async fn again(host: &ReplayHost, record: &CallRecord, manifest: &Manifest) -> (Vec<String>, Vec<Value>) {
    if record.plugin.as_str() != manifest.id {
        let other = format!("it is a call of the plugin {}, and this is {}", record.plugin, manifest.id);
        return (vec![other], Vec::new());
    }
    match host.replay(record).await {
        Ok(Replayed { differences, .. }) => {
            let values = differences.iter().map(|difference| json!(difference)).collect();
            (differences.iter().map(Difference::diff).collect(), values)
        }
        Err(error) => (vec![format!("failed to {error}")], Vec::new()),
    }
}

/// "call 3, webhook workflow_run": its number in the file, its kind, and of what it is.
fn name(at: usize, record: &CallRecord, manifest: &Manifest) -> String {
    let text = |pointer: &str| record.input.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let of = match record.kind.as_str() {
        "webhook" => event(&record.input, manifest),
        "source" => text("/feed"),
        "actions" => text("/name"),
        "notifier" => text("/batch/0/title"),
        "costs" => text("/granularity"),
        "inventory" => text("/scope"),
        "detector" => text("/series/0/name"),
        _ => String::new(),
    };
    let of = if of.is_empty() { of } else { format!(" {of}") };
    format!("call {}, {}{of}", at + 1, record.kind)
}

/// The event of a delivery, from the header that the manifest names.
fn event(input: &Value, manifest: &Manifest) -> String {
    let header = manifest.webhook.as_ref().and_then(|webhook| webhook.event.as_deref()).unwrap_or_default();
    let headers = input.get("headers").and_then(Value::as_array).into_iter().flatten();
    let mut pairs = headers.filter_map(|pair| Some((pair.get(0)?.as_str()?, pair.get(1)?.as_str()?)));
    pairs.find(|(name, _)| name.eq_ignore_ascii_case(header)).map(|(_, value)| value.to_owned()).unwrap_or_default()
}
