//! `--live FILE`: a connection to a real upstream, so that what it answers can be recorded.
//!
//! The file may be committed: it says where secrets are, and never what they are.

use super::load;
use super::model::GivenCredential;
use anyhow::{Context, Result, bail};
use opssight_testkit::plugins::{Grants, Manifest};
use opssight_testkit::{SHORTEST_SECRET, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The file, read.
pub(crate) struct LiveFile {
    path: PathBuf,
    connection: Connection,
}

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
pub(super) struct Live {
    pub(super) settings: Map<String, Value>,
    pub(super) grants: Grants,
    pub(super) credentials: BTreeMap<String, GivenCredential>,
}

impl Live {
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

impl LiveFile {
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
        Ok(Self { path: path.to_owned(), connection: load::parse(path, &text)? })
    }

    /// Fetch the secrets, and see that all is declared.
    pub(super) fn open(self, manifest: &Manifest) -> Result<Live> {
        let Self { path, connection: Connection { settings, grants, credentials } } = self;
        let Value::Object(settings) = manifest.with_defaults(Value::Object(settings)) else {
            bail!("read {}: settings are a table", path.display());
        };
        let mut given = BTreeMap::new();
        for (name, Credential { scheme, inputs }) in credentials {
            let place = |what: &str| format!("read {}: credentials.{name}: {what}", path.display());
            let Some(spec) = manifest.credential(&name) else {
                bail!(place("plugin.toml declares no such credential"))
            };
            let Some(declared) = spec.schemes.iter().find(|declared| declared.name() == scheme) else {
                let known: Vec<_> = spec.schemes.iter().map(|declared| declared.name()).collect();
                bail!(place(&format!("there is no scheme \"{scheme}\"; there are {}", known.join(", "))));
            };
            let mut values = BTreeMap::new();
            for (input, source) in inputs {
                let Some(spec) = declared.inputs().iter().find(|spec| spec.name == input) else {
                    bail!(place(&format!("{scheme} has no input \"{input}\"")));
                };
                let value = source.fetch(&path, spec.secret).with_context(|| place(&input))?;
                values.insert(input, value);
            }
            given.insert(name, GivenCredential { scheme, inputs: values });
        }
        Ok(Live { settings, grants, credentials: given })
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
