//! `--live FILE`: a connection to a real upstream, so that what it answers can be recorded.
//!
//! The file may be committed: it says where secrets are, and never what they are.

use super::deed::check;
use super::model::GivenCredential;
use super::{base_url, load};
use anyhow::{Context, Result, bail};
use opssight_testkit::plugins::{Grants, Manifest};
use opssight_testkit::{SHORTEST_SECRET, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Connection {
    #[serde(default)]
    settings: Map<String, Value>,
    #[serde(default)]
    grants: Grants,
    #[serde(default)]
    credentials: BTreeMap<String, Credential>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Credential {
    scheme: String,
    #[serde(default)]
    inputs: BTreeMap<String, Source>,
}

/// Where an input's value is: exactly one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Source {
    /// A variable of the environment.
    env: Option<String>,
    /// A file, beside this one.
    file: Option<PathBuf>,
    /// The value itself, if it is no secret.
    text: Option<String>,
}

/// A connection that is ready to be used.
pub(crate) struct Live {
    /// With the manifest's defaults for what the file leaves out.
    pub(super) settings: Map<String, Value>,
    pub(super) grants: Grants,
    pub(super) credentials: BTreeMap<String, GivenCredential>,
}

impl Live {
    /// Read the file, fetch the secrets, and see that all fits what the manifest declares.
    pub(crate) fn open(path: &Path, manifest: &Manifest) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
        let Connection { mut settings, grants, credentials } = load::parse(path, &text)?;
        manifest.fill_in_defaults(&mut settings);
        let credentials = credentials.into_iter().map(|(name, credential)| {
            let given = credential.fetch(&name, path, manifest);
            let given = given.with_context(|| format!("read {}: credentials.{name}", path.display()))?;
            Ok((name, given))
        });
        let mut live = Self { settings, grants, credentials: credentials.collect::<Result<_>>()? };
        if let Some(address) = live.base_url().map(str::to_owned) {
            live.settings = base_url::filled_in(live.settings, &address);
        }
        check(&manifest.settings, &Value::Object(live.settings.clone()))
            .with_context(|| format!("read {}: settings", path.display()))?;
        Ok(live)
    }

    /// What `{base_url}` stands for in cases. None also when it is empty: nothing is found in every text.
    pub(super) fn base_url(&self) -> Option<&str> {
        self.settings.get("base_url").and_then(Value::as_str).filter(|address| !address.is_empty())
    }
}

/// The present time of this machine.
#[expect(clippy::disallowed_methods, reason = "a real upstream checks times of signatures, and no host is around")]
pub(super) fn now() -> Timestamp {
    chrono::Utc::now().into()
}

impl Credential {
    fn fetch(self, name: &str, beside: &Path, manifest: &Manifest) -> Result<GivenCredential> {
        let Self { scheme, inputs } = self;
        let spec = manifest.credential(name).context("plugin.toml declares no such credential")?;
        let Some(declared) = spec.schemes.iter().find(|declared| declared.name() == scheme) else {
            let known: Vec<_> = spec.schemes.iter().map(|declared| declared.name()).collect();
            bail!("there is no scheme \"{scheme}\"; there are {}", known.join(", "));
        };
        let mut values = BTreeMap::new();
        for (input, source) in inputs {
            let Some(spec) = declared.inputs().iter().find(|spec| spec.name == input) else {
                bail!("{scheme} has no input \"{input}\"");
            };
            let value = source.fetch(beside, spec.secret).with_context(|| input.clone())?;
            values.insert(input, value);
        }
        Ok(GivenCredential { scheme, inputs: values })
    }
}

impl Source {
    fn fetch(self, beside: &Path, is_secret: bool) -> Result<String> {
        let value = match (self.env, self.file, self.text) {
            (Some(name), None, None) => {
                let value = std::env::var_os(&name).and_then(|value| value.into_string().ok());
                value.with_context(|| format!("find {name} in the environment, as text"))?
            }
            (None, Some(file), None) => {
                let path = beside.parent().unwrap_or(Path::new(".")).join(file);
                let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
                text.trim_end_matches(['\r', '\n']).to_owned()
            }
            (None, None, Some(_)) if is_secret => {
                bail!("take a secret as text: say where it is, with {{ env = \"NAME\" }} or {{ file = \"PATH\" }}")
            }
            (None, None, Some(text)) => text,
            _ => bail!("see where the value is: give one of env, file and text"),
        };
        if is_secret && value.trim().len() < SHORTEST_SECRET {
            bail!("use it: it has fewer than {SHORTEST_SECRET} bytes, and could not be found again in a recording");
        }
        Ok(value)
    }
}

#[cfg(test)]
mod tests;
