//! `opssight plugin calls`, `call`, `log`: what a plugin was asked, what came of it, and what it said.

use crate::Session;
use crate::Time;
use crate::args::Paging;
use crate::connections;
use crate::error::CliError;
use crate::list::{self, Row};
use crate::ui::table::{Field, Table, Tone};
use crate::ui::{Ui, format};
use clap::Args;
use opssight_api_types::plugins::{Call, CallOutcome, CallQuery, PluginLogLine};
use serde_json::Value;
use std::path::PathBuf;

pub(super) const OUTCOMES: &[&str] = &["ok", "failed"];

/// What `opssight plugin replay` is told. It needs the plugin runtime, so the host's binary carries it out.
#[derive(Debug, Clone, Args)]
pub struct ReplayArgs {
    /// A recorded call of the server, or a file with saved records
    #[arg(value_name = "CALL|FILE")]
    pub call: String,
    /// Replay on this package instead of the version that the call was made on
    #[arg(long, value_name = "FILE")]
    pub package: Option<PathBuf>,
}

pub(super) async fn calls(
    session: &mut Session,
    plugin: &str,
    connection: Option<String>,
    outcome: Option<CallOutcome>,
    paging: &Paging,
) -> Result<(), CliError> {
    let connection = connections::filter(session, connection).await?;
    let query = CallQuery { connection, outcome, cursor: None, limit: None };
    list::print::<Call>(session, &["plugins", plugin, "calls"], &query, paging).await
}

/// The record is printed as it is kept; for people, its outline.
pub(super) async fn call(session: &mut Session, id: &str) -> Result<(), CliError> {
    let record = session.client.get::<Value>(&["plugins", "-", "calls", id], &()).await?;
    session.ui.document(&record.tree, id, |ui| print(ui, &record.value))
}

pub(super) async fn log(session: &mut Session, plugin: &str) -> Result<(), CliError> {
    list::print_whole::<PluginLogLine>(session, &["plugins", plugin, "log"], &()).await
}

impl Row for Call {
    const PLURAL: &'static str = "calls";
    const HEADER: &'static [&'static str] =
        &["ID", "WHEN", "KIND", "OUTCOME", "CONNECTION", "VERSION", "SIZE", "ERROR"];
    const WHOLE: &'static [usize] = &[0, 1, 2, 3, 6];

    fn id(&self) -> &str {
        &self.id
    }

    fn fields(&self, now: Time) -> Vec<Field> {
        let (outcome, error) = match &self.error {
            None => (Field::toned("ok", Tone::Plain), format::dash()),
            Some(error) => {
                (Field::toned(&error.class, Tone::Bad), format!("{} ({}): {}", error.code, error.fault, error.message))
            }
        };
        vec![
            (&self.id).into(),
            format::ago(self.at, now).into(),
            (&self.kind).into(),
            outcome,
            (&self.connection).into(),
            (&self.version).into(),
            format::bytes(self.size).into(),
            error.into(),
        ]
    }
}

impl Row for PluginLogLine {
    const PLURAL: &'static str = "log lines";
    const HEADER: &'static [&'static str] = &["WHEN", "LEVEL", "CONNECTION", "MESSAGE"];
    const WHOLE: &'static [usize] = &[0, 1];

    fn id(&self) -> &str {
        &self.message
    }

    fn fields(&self, now: Time) -> Vec<Field> {
        let tone = if matches!(self.level.as_str(), "warn" | "error") { Tone::Bad } else { Tone::Plain };
        vec![
            format::ago(self.at, now).into(),
            Field::toned(&self.level, tone),
            (&self.connection).into(),
            (&self.message).into(),
        ]
    }
}

fn print(ui: &mut Ui, record: &Value) -> Result<(), CliError> {
    ui.table(&about(record))?;
    let sections = [("REQUESTS", requests(record)), ("ASKED THE HOST", asked(record)), ("LOG", lines(record))];
    for (title, table) in sections {
        if !table.is_empty() {
            ui.write_line(&format!("\n{title}"))?;
            ui.table(&table)?;
        }
    }
    Ok(())
}

fn about(record: &Value) -> Table {
    let text = |pointer: &str| record.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let number = |pointer: &str| record.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
    let mut sheet = Table::sheet();
    sheet.entry("Call", text("/id"));
    sheet.entry("Plugin", format!("{} {}", text("/plugin"), text("/version")));
    sheet.entry("Package", text("/digest"));
    sheet.entry("Connection", text("/connection"));
    sheet.entry("Kind", text("/kind"));
    if text("/outcome/is") == "failure" {
        let (code, message) = (text("/outcome/code"), text("/outcome/message"));
        let (class, fault) = (text("/outcome/class"), text("/outcome/fault"));
        sheet.entry("Failed", Field::toned(format!("{code} ({class}, {fault}): {message}"), Tone::Bad));
    } else {
        let items = record.pointer("/outcome/value/items").and_then(Value::as_array);
        sheet.entry("Answered", items.map_or_else(|| "yes".to_owned(), |items| format!("{} items", items.len())));
    }
    sheet.entry("CPU", format!("{} us", number("/usage/cpu_us")));
    sheet.entry("Wall time", format!("{} us", number("/usage/wall_us")));
    sheet.entry("Memory", format::bytes(number("/usage/memory_bytes")));
    let cut: Vec<_> = list(record, "/cut").iter().filter_map(Value::as_str).collect();
    let cut = if cut.is_empty() { "yes".to_owned() } else { format!("no: {}", cut.join("; ")) };
    sheet.entry("Can be replayed", cut);
    sheet
}

fn list<'a>(record: &'a Value, pointer: &str) -> &'a [Value] {
    record.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn requests(record: &Value) -> Table {
    let mut table = Table::new(&["METHOD", "URL", "ANSWER"]).whole(&[0]);
    for exchange in list(record, "/exchanges") {
        let text = |pointer: &str| exchange.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let answer = match text("/answer/is") {
            "response" => exchange.pointer("/answer/status").map(ToString::to_string).unwrap_or_default(),
            "refused" => format!("{}: {}", text("/answer/code"), text("/answer/message")),
            other => other.to_owned(),
        };
        table.row(vec![text("/method").into(), text("/url").into(), answer.into()]);
    }
    table
}

fn asked(record: &Value) -> Table {
    let mut table = Table::new(&["WHAT", "WITH", "ANSWER"]).whole(&[0]);
    for question in list(record, "/asked") {
        let what = question.get("what").and_then(Value::as_str).unwrap_or_default();
        let short = |key: &str| {
            let text = question.get(key).map(ToString::to_string).unwrap_or_default();
            text.chars().take(120).collect::<String>()
        };
        table.row(vec![what.into(), short("input").into(), short("answer").into()]);
    }
    table
}

fn lines(record: &Value) -> Table {
    let mut table = Table::new(&["LEVEL", "MESSAGE"]).whole(&[0]);
    for line in list(record, "/log") {
        let text = |key: &str| line.get(key).and_then(Value::as_str).unwrap_or_default();
        table.row(vec![text("level").into(), text("message").into()]);
    }
    table
}
