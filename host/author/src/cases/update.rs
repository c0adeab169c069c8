//! `--update`: what was observed becomes what is expected, in the case files themselves, comments kept.

use super::load::CaseFile;
use super::play::{StepVerdict, Verdict};
use anyhow::{Context, Result};
use serde_json::{Map, Value};
use std::fs;
use toml_edit::{ArrayOfTables, DocumentMut, InlineTable, Item, Table};

/// What a step that expects nothing yet gets: what it answered and what it asked of the upstream.
const OF_A_NEW_STEP: [&str; 12] = [
    "failure",
    "items",
    "note",
    "next",
    "checkpoint",
    "output",
    "summary",
    "receipts",
    "rows",
    "findings",
    "requests",
    "log",
];

/// Rewrite the expectations of the steps that differ. How many were rewritten.
pub(crate) fn rewrite(file: &CaseFile, verdicts: &[Verdict]) -> Result<usize> {
    let text = fs::read_to_string(&file.path).with_context(|| format!("read {}", file.path.display()))?;
    let is_json = file.path.extension().is_some_and(|extension| extension == "json");
    let (text, rewritten) = if is_json { in_json(&text, file, verdicts)? } else { in_toml(&text, file, verdicts)? };
    if rewritten > 0 {
        fs::write(&file.path, text).with_context(|| format!("write {}", file.path.display()))?;
    }
    Ok(rewritten)
}

/// The keys to rewrite, with what was found; none where the step is as expected.
fn news(expected: &Map<String, Value>, step: &StepVerdict) -> Map<String, Value> {
    if step.differences.is_empty() && !expected.is_empty() {
        return Map::new();
    }
    let failed = step.observed.contains_key("failure");
    let mut keys: Vec<&str> = expected.keys().map(String::as_str).collect();
    if keys.is_empty() {
        keys.extend(OF_A_NEW_STEP);
    } else if failed && !keys.contains(&"failure") {
        keys.push("failure");
    }
    keys.into_iter().map(|key| (key.to_owned(), observed(key, step))).collect()
}

fn observed(key: &str, step: &StepVerdict) -> Value {
    match (key, step.observed.get(key)) {
        // Lines are expected as texts: their level rarely is what a case is about.
        ("log", Some(Value::Array(lines))) => lines.iter().filter_map(|line| line.get("message").cloned()).collect(),
        (_, Some(Value::Array(values))) if values.is_empty() && key != "items" => Value::Null,
        (_, found) => found.cloned().unwrap_or_default(),
    }
}

fn in_json(text: &str, file: &CaseFile, verdicts: &[Verdict]) -> Result<(String, usize)> {
    let mut document: Value = serde_json::from_str(text).with_context(|| format!("read {}", file.path.display()))?;
    let mut rewritten = 0;
    for (place, (case, verdict)) in file.cases.iter().zip(verdicts).enumerate() {
        let expectations = std::iter::once(&case.expect).chain(case.then.iter().map(|step| &step.expect));
        for (number, (expected, step)) in expectations.zip(&verdict.steps).enumerate() {
            let news = news(expected, step);
            let parent = match number.checked_sub(1) {
                None => format!("/case/{place}"),
                Some(number) => format!("/case/{place}/then/{number}"),
            };
            let Some(parent) = document.pointer_mut(&parent).and_then(Value::as_object_mut) else { continue };
            let expect = parent.entry("expect").or_insert_with(|| Value::Object(Map::new()));
            let Some(expect) = expect.as_object_mut() else { continue };
            rewritten += usize::from(!news.is_empty());
            for (key, value) in news {
                if value.is_null() {
                    expect.remove(&key)
                } else {
                    expect.insert(key, value)
                };
            }
        }
    }
    Ok((serde_json::to_string_pretty(&document)? + "\n", rewritten))
}

fn in_toml(text: &str, file: &CaseFile, verdicts: &[Verdict]) -> Result<(String, usize)> {
    let mut document: DocumentMut = text.parse().with_context(|| format!("read {}", file.path.display()))?;
    let mut rewritten = 0;
    let cases = document.get_mut("case").and_then(Item::as_array_of_tables_mut);
    let cases = cases.with_context(|| format!("rewrite {}: write each case as [[case]]", file.path.display()))?;
    for ((table, case), verdict) in cases.iter_mut().zip(&file.cases).zip(verdicts) {
        let expectations = std::iter::once(&case.expect).chain(case.then.iter().map(|step| &step.expect));
        for (number, (expected, step)) in expectations.zip(&verdict.steps).enumerate() {
            let news = news(expected, step);
            if news.is_empty() {
                continue;
            }
            rewritten += 1;
            let parent = match number.checked_sub(1) {
                None => Some(&mut *table),
                Some(number) => then(table, number),
            };
            let parent =
                parent.with_context(|| format!("rewrite {}: write each step as [[case.then]]", file.path.display()))?;
            let expect = parent.entry("expect").or_insert_with(|| Item::Table(Table::new()));
            let expect = expect.as_table_like_mut().context("rewrite an expectation that is no table")?;
            for (key, value) in news {
                match item(&value) {
                    Some(item) => expect.insert(&key, item),
                    None => expect.remove(&key),
                };
            }
        }
    }
    Ok((document.to_string(), rewritten))
}

fn then(table: &mut Table, number: usize) -> Option<&mut Table> {
    table.get_mut("then")?.as_array_of_tables_mut()?.get_mut(number)
}

/// JSON as one writes it in TOML: tables with a heading, what is small in one line. None for null, which TOML lacks.
fn item(json: &Value) -> Option<Item> {
    match json {
        Value::Object(fields) => Some(Item::Table(table(fields))),
        Value::Array(values) if !values.is_empty() && values.iter().all(Value::is_object) => {
            let mut tables = ArrayOfTables::new();
            for fields in values.iter().filter_map(Value::as_object) {
                tables.push(table(fields));
            }
            Some(Item::ArrayOfTables(tables))
        }
        _ => inline(json).map(Item::Value),
    }
}

fn table(fields: &Map<String, Value>) -> Table {
    let mut table = Table::new();
    table.extend(fields.iter().filter_map(|(key, value)| Some((key.clone(), item(value)?))));
    table
}

fn inline(json: &Value) -> Option<toml_edit::Value> {
    Some(match json {
        Value::Null => return None,
        Value::Bool(flag) => (*flag).into(),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => whole.into(),
            (None, Some(real)) => real.into(),
            (None, None) => number.to_string().into(),
        },
        Value::String(text) => text.as_str().into(),
        Value::Array(values) => values.iter().filter_map(inline).collect::<toml_edit::Array>().into(),
        Value::Object(fields) => {
            let fields = fields.iter().filter_map(|(key, value)| Some((key.as_str(), inline(value)?)));
            fields.collect::<InlineTable>().into()
        }
    })
}

#[cfg(test)]
mod tests;
