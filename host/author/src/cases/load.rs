//! Case files, read: TOML or JSON, with the files that they name.

use super::model::{Body, Case, Cases, Cassette};
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// A file with its cases.
pub(crate) struct CaseFile {
    pub(crate) path: PathBuf,
    pub(crate) cases: Vec<Case>,
}

impl CaseFile {
    /// For people: the file's name.
    pub(crate) fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}

/// Every case file of a folder, in the order of their names. Folders below it hold what the cases name.
pub(crate) fn load(folder: &Path) -> Result<Vec<CaseFile>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("list the cases in {}", folder.display()))? {
        let path = entry.with_context(|| format!("list {}", folder.display()))?.path();
        if path.is_file() && path.extension().is_some_and(|extension| extension == "toml" || extension == "json") {
            files.push(read(path)?);
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    if files.iter().all(|file| file.cases.is_empty()) {
        bail!("find a case in {}: write one in a file such as health.toml", folder.display());
    }
    Ok(files)
}

fn read(path: PathBuf) -> Result<CaseFile> {
    let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
    let mut cases: Cases = parse(&path, &text)?;
    for case in &mut cases.cases {
        if let Some(cassette) = &case.given.cassette {
            let file = beside(&path, cassette);
            let text = fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))?;
            let cassette: Cassette = parse(&file, &text)?;
            case.given.exchanges.extend(cassette.exchanges);
        }
        case.when.deed().with_context(|| format!("read {}: \"{}\"", path.display(), case.name))?;
        for step in &case.then {
            step.when.deed().with_context(|| format!("read {}: \"{}\"", path.display(), case.name))?;
        }
    }
    Ok(CaseFile { path, cases: cases.cases })
}

pub(super) fn parse<T: serde::de::DeserializeOwned>(path: &Path, text: &str) -> Result<T> {
    let is_json = path.extension().is_some_and(|extension| extension == "json");
    let value: Value = if is_json {
        serde_json::from_str(text).with_context(|| format!("read {}", path.display()))?
    } else {
        let table: toml::Table = toml::from_str(text).with_context(|| format!("read {}", path.display()))?;
        json(toml::Value::Table(table))
    };
    serde_json::from_value(value).with_context(|| format!("read {}", path.display()))
}

/// TOML in JSON's terms. A date becomes the contract's time: milliseconds since the Unix epoch.
fn json(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) => number.into(),
        toml::Value::Boolean(flag) => flag.into(),
        toml::Value::Datetime(time) => {
            let text = time.to_string();
            chrono::DateTime::parse_from_rfc3339(&text)
                .map_or(Value::String(text), |time| time.timestamp_millis().into())
        }
        toml::Value::Array(values) => values.into_iter().map(json).collect(),
        toml::Value::Table(table) => Value::Object(table.into_iter().map(|(key, value)| (key, json(value))).collect()),
    }
}

/// The bytes that a case file means.
pub(super) fn bytes(case_file: &Path, body: Body<'_>) -> Result<Vec<u8>> {
    match (body.json, body.text, body.file) {
        (Some(json), None, None) => Ok(serde_json::to_vec(json)?),
        (None, Some(text), None) => Ok(text.as_bytes().to_vec()),
        (None, None, Some(file)) => {
            let path = beside(case_file, file);
            fs::read(&path).with_context(|| format!("read {}", path.display()))
        }
        (None, None, None) => Ok(Vec::new()),
        _ => bail!("see which body is meant: give one of json, text and file"),
    }
}

fn beside(case_file: &Path, name: &str) -> PathBuf {
    case_file.parent().unwrap_or(Path::new(".")).join(name)
}
