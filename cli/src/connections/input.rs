//! What `connections add` is told on its command line, as values. Pure.

use opssight_api_types::plugins::Plugin;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// `--set key=value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Setting {
    key: String,
    value: String,
}

/// `--credential name.input=source`.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct CredentialFlag {
    pub(super) credential: String,
    pub(super) input: String,
    pub(super) source: Source,
}

// The value may be a secret.
impl std::fmt::Debug for CredentialFlag {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CredentialFlag({}.{})", self.credential, self.input)
    }
}

/// Where the value of a credential's input comes from.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Source {
    File(PathBuf),
    Input,
    Literal(String),
}

/// `--scheme name=scheme`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SchemeFlag {
    pub(super) credential: String,
    scheme: String,
}

pub(super) fn setting(text: &str) -> Result<Setting, String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok(Setting { key: key.to_owned(), value: value.to_owned() }),
        _ => Err("expected KEY=VALUE".to_owned()),
    }
}

pub(super) fn credential(text: &str) -> Result<CredentialFlag, String> {
    // The text is not repeated in the error: it may hold the secret.
    let wrong = || "expected CREDENTIAL.INPUT=VALUE, such as api.token=@token.txt".to_owned();
    let (name, value) = text.split_once('=').ok_or_else(wrong)?;
    let (credential, input) = name.split_once('.').ok_or_else(wrong)?;
    if credential.is_empty() || input.is_empty() || value.is_empty() || value == "@" {
        return Err(wrong());
    }
    let source = match value.strip_prefix('@') {
        Some(path) => Source::File(path.into()),
        None if value == "-" => Source::Input,
        None => Source::Literal(value.to_owned()),
    };
    Ok(CredentialFlag { credential: credential.to_owned(), input: input.to_owned(), source })
}

pub(super) fn scheme(text: &str) -> Result<SchemeFlag, String> {
    match text.split_once('=') {
        Some((credential, scheme)) if !credential.is_empty() && !scheme.is_empty() => {
            Ok(SchemeFlag { credential: credential.to_owned(), scheme: scheme.to_owned() })
        }
        _ => Err("expected CREDENTIAL=SCHEME, such as api=bearer".to_owned()),
    }
}

/// The settings as JSON. The plugin's schema decides how a text is meant (a repository may be called `true`); where
/// it does not say, JSON is taken as JSON and anything else as text. A key given several times makes a list.
pub(super) fn settings(flags: &[Setting], schema: &Value) -> Map<String, Value> {
    let mut by_key: Vec<(&str, Vec<&str>)> = Vec::new();
    for flag in flags {
        match by_key.iter_mut().find(|(key, _)| *key == flag.key) {
            Some((_, values)) => values.push(&flag.value),
            None => by_key.push((&flag.key, vec![&flag.value])),
        }
    }
    let mut settings = Map::new();
    for (key, values) in by_key {
        let schema = schema.pointer("/properties").and_then(|properties| properties.get(key)).unwrap_or(&Value::Null);
        settings.insert(key.to_owned(), setting_value(&values, schema));
    }
    settings
}

fn setting_value(values: &[&str], schema: &Value) -> Value {
    let item_schema = schema.get("items").unwrap_or(&Value::Null);
    match values {
        [value] if !is_of(schema, "array") => scalar(value, schema),
        [value] => match serde_json::from_str::<Value>(value) {
            Ok(list @ Value::Array(_)) => list,
            _ => Value::Array(vec![scalar(value, item_schema)]),
        },
        _ => Value::Array(values.iter().map(|value| scalar(value, item_schema)).collect()),
    }
}

fn scalar(value: &str, schema: &Value) -> Value {
    if is_of(schema, "string") {
        return Value::String(value.to_owned());
    }
    serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()))
}

/// Whether a schema asks for this type, alone or beside null.
fn is_of(schema: &Value, kind: &str) -> bool {
    match schema.get("type") {
        Some(Value::String(only)) => only == kind,
        Some(Value::Array(kinds)) => kinds.iter().any(|k| k == kind) && kinds.iter().all(|k| k == kind || k == "null"),
        _ => false,
    }
}

/// Whether an input must be kept secret. One that the plugin does not know is taken for a secret.
pub(super) fn is_secret(plugin: &Plugin, flag: &CredentialFlag) -> bool {
    let forms = plugin.credentials.iter().filter(|form| form.name == flag.credential);
    let mut inputs = forms.flat_map(|form| &form.schemes).flat_map(|scheme| &scheme.inputs);
    inputs.find(|input| input.name == flag.input).is_none_or(|input| input.secret)
}

/// The scheme that was named, else the only one that takes all the inputs that were given.
pub(super) fn choose_scheme(
    plugin: &Plugin,
    credential: &str,
    inputs: &BTreeMap<String, String>,
    flags: &[SchemeFlag],
) -> Result<String, String> {
    if let Some(flag) = flags.iter().find(|flag| flag.credential == credential) {
        return Ok(flag.scheme.clone());
    }
    let Some(form) = plugin.credentials.iter().find(|form| form.name == credential) else {
        let known: Vec<_> = plugin.credentials.iter().map(|form| form.name.as_str()).collect();
        return Err(format!("{} has no credential `{credential}`; it has: {}", plugin.id, or_none(&known)));
    };
    let takes_all = |names: &[&str]| inputs.keys().all(|name| names.contains(&name.as_str()));
    let fitting: Vec<_> = form
        .schemes
        .iter()
        .filter(|scheme| takes_all(&scheme.inputs.iter().map(|input| input.name.as_str()).collect::<Vec<_>>()))
        .map(|scheme| scheme.scheme.as_str())
        .collect();
    match fitting.as_slice() {
        [only] => Ok((*only).to_owned()),
        [] => {
            let known: Vec<_> = form
                .schemes
                .iter()
                .map(|s| {
                    let inputs: Vec<_> = s.inputs.iter().map(|input| input.name.as_str()).collect();
                    format!("{} ({})", s.scheme, inputs.join(", "))
                })
                .collect();
            let known: Vec<_> = known.iter().map(String::as_str).collect();
            Err(format!("no scheme of `{credential}` takes these inputs; there are: {}", or_none(&known)))
        }
        several => Err(format!("say which scheme: --scheme {credential}={}", several.join("|"))),
    }
}

fn or_none(names: &[&str]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

#[cfg(test)]
mod tests;
