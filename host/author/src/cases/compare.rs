//! Expected against observed: where they part, and how.

use opssight_core::fact::written_out;
use serde_json::{Map, Value};
use std::fmt;

/// One place at which what happened is not what was expected.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub(crate) struct Difference {
    /// `items[0].payload.state`.
    pub(crate) at: String,
    /// None: it should not be there.
    pub(crate) expected: Option<Value>,
    /// None: it is not there.
    pub(crate) found: Option<Value>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&written_out(&self.at))?;
        for (mark, value) in [('-', &self.expected), ('+', &self.found)] {
            let text = value.as_ref().map_or_else(|| "(nothing)".to_owned(), ToString::to_string);
            write!(f, "\n  {mark} {}", written_out(&text))?;
        }
        Ok(())
    }
}

/// Every difference between an `expect` and what was observed.
///
/// An object is expected in part: what it does not name may be anything. A list is expected as a whole, element by
/// element. `{ contains = "text" }` fits every text with that in it. `exact = true` beside other keys of an object
/// takes what it does not name for a difference. A failure that was not expected is always one.
pub(super) fn compare(expected: &Map<String, Value>, observed: &Map<String, Value>) -> Vec<Difference> {
    let mut differences = Vec::new();
    if let (false, Some(failure)) = (expected.contains_key("failure"), observed.get("failure")) {
        differences.push(Difference { at: "failure".to_owned(), expected: None, found: Some(failure.clone()) });
        return differences;
    }
    for (key, expected) in expected {
        match (key.as_str(), expected, observed.get(key)) {
            ("log", Value::Array(lines), Some(Value::Array(logged))) => log(lines, logged, &mut differences),
            _ => value(key, expected, observed.get(key), &mut differences),
        }
    }
    differences
}

/// Each expected line must be part of a logged one, in this order; others may stand between. An empty list expects that
/// nothing is logged.
fn log(expected: &[Value], logged: &[Value], differences: &mut Vec<Difference>) {
    if expected.is_empty() {
        value("log", &Value::Array(Vec::new()), Some(&Value::Array(logged.to_vec())), differences);
    }
    let mut rest = logged.iter().filter_map(|line| line.get("message")?.as_str());
    for (place, line) in expected.iter().enumerate() {
        let is_there = line.as_str().is_some_and(|wanted| rest.any(|message| message.contains(wanted)));
        if !is_there {
            let found = Value::Array(logged.to_vec());
            differences.push(Difference {
                at: format!("log[{place}]"),
                expected: Some(line.clone()),
                found: Some(found),
            });
            return;
        }
    }
}

fn value(at: &str, expected: &Value, found: Option<&Value>, differences: &mut Vec<Difference>) {
    let mut differ = |expected: Option<&Value>, found: Option<&Value>| {
        differences.push(Difference { at: at.to_owned(), expected: expected.cloned(), found: found.cloned() });
    };
    match (expected, found) {
        (Value::Null, None | Some(Value::Null)) => {}
        (Value::Object(fields), Some(Value::String(text))) if fields.len() == 1 => {
            let part = fields.get("contains").and_then(Value::as_str);
            if part.is_none_or(|part| !text.contains(part)) {
                differ(Some(expected), found);
            }
        }
        (Value::Object(expected), Some(Value::Object(found))) => object(at, expected, found, differences),
        (Value::Array(wanted), Some(Value::Array(got))) if wanted.len() == got.len() => {
            for (place, (wanted, got)) in wanted.iter().zip(got).enumerate() {
                value(&format!("{at}[{place}]"), wanted, Some(got), differences);
            }
        }
        (wanted, Some(got)) if wanted == got => {}
        // 1 and 1.0 are the same; whole numbers, such as amounts, are not rounded to be compared.
        (Value::Number(wanted), Some(Value::Number(got)))
            if (wanted.is_f64() || got.is_f64()) && wanted.as_f64() == got.as_f64() => {}
        (wanted, got) => differ(Some(wanted), got),
    }
}

fn object(at: &str, expected: &Map<String, Value>, found: &Map<String, Value>, differences: &mut Vec<Difference>) {
    let place = |key: &str| format!("{at}.{key}");
    let is_exact = expected.get("exact") == Some(&Value::Bool(true)) && !found.contains_key("exact");
    for (key, wanted) in expected.iter().filter(|(key, _)| !(is_exact && *key == "exact")) {
        value(&place(key), wanted, found.get(key), differences);
    }
    for (key, got) in found.iter().filter(|(key, _)| is_exact && !expected.contains_key(*key)) {
        differences.push(Difference { at: place(key), expected: None, found: Some(got.clone()) });
    }
}

#[cfg(test)]
mod tests;
