//! Names and texts of a manifest: what people read must not be able to pose as something else.

use super::{Manifest, ManifestError};
use crate::fact::is_invisible;
use serde_json::Value;

/// The rule of [`is_plain_name`], in words.
pub const PLAIN_NAME: &str = "use 1 to 40 lower-case letters, digits and dashes, with a letter or a digit at both ends";

/// Ids and publishers are plain: they stand in paths, addresses and command lines, and none can pass for another.
pub fn is_plain_name(text: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let ends = [text.bytes().next(), text.bytes().next_back()];
    text.len() <= 40 && text.bytes().all(is_inner) && ends.iter().all(|end| end.is_some_and(|end| end != b'-'))
}

/// What a manifest must not say, wherever it says it: all of its texts are walked, so that a field that is added
/// later is covered as well.
pub(super) fn problems(manifest: &Manifest) -> Vec<ManifestError> {
    let mut problems = Vec::new();
    for (at, name) in [("id", &manifest.id), ("publisher", &manifest.publisher)] {
        if !is_plain_name(name) {
            problems.push(ManifestError { at: at.to_owned(), problem: PLAIN_NAME.to_owned() });
        }
    }
    match serde_json::to_value(manifest) {
        Ok(whole) => walk("", &whole, &mut problems),
        Err(error) => problems.push(ManifestError { at: "all of it".to_owned(), problem: error.to_string() }),
    }
    problems
}

fn walk(at: &str, value: &Value, problems: &mut Vec<ManifestError>) {
    match value {
        Value::String(text) => check(at, text, problems),
        Value::Array(values) => {
            for (index, value) in values.iter().enumerate() {
                walk(&format!("{at}[{index}]"), value, problems);
            }
        }
        Value::Object(fields) => {
            for (key, value) in fields {
                // A key can be as hostile as a text, and it is shown as part of the place.
                let key_at = join(at, &key.escape_debug().to_string());
                check(&key_at, key, problems);
                walk(&key_at, value, problems);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn join(at: &str, key: &str) -> String {
    if at.is_empty() { key.to_owned() } else { format!("{at}.{key}") }
}

fn check(at: &str, text: &str, problems: &mut Vec<ManifestError>) {
    let found = text.chars().find(|c| !(may_span_lines(at) && matches!(c, '\n' | '\t')) && hides(*c));
    if let Some(found) = found {
        let problem = format!(
            "has the character U+{:04X}, which is not visible or steers how text is shown: take it out",
            u32::from(found)
        );
        problems.push(ManifestError { at: at.to_owned(), problem });
    }
}

/// Instructions and descriptions of fields are shown as paragraphs; everything else is one line.
fn may_span_lines(at: &str) -> bool {
    at == "webhook.setup"
        || at.ends_with(".help")
        || at.starts_with("settings.")
        || (at.starts_with("actions[") && at.contains("].input."))
}

/// Characters that steer a terminal, reorder the text around them, or cannot be seen.
fn hides(c: char) -> bool {
    c.is_control() || is_invisible(c)
}
