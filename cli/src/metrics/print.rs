//! How metrics are printed: one line a point for people, one column a label for other programs.

use crate::Session;
use crate::Time;
use crate::args::OutputFormat;
use crate::error::CliError;
use crate::tree::Tree;
use crate::ui::csv;
use crate::ui::format;
use crate::ui::table::Table;
use opssight_api_types::metrics::{MetricsInstant, MetricsRange, MetricsSeries};
use std::collections::{BTreeMap, BTreeSet};

/// A point of a series.
pub(super) struct Line<'a> {
    metric: Option<&'a str>,
    labels: &'a BTreeMap<String, String>,
    at: Time,
    /// None where the API has none: it is infinite, or no number.
    value: Option<f64>,
}

pub(super) fn of_instant(answer: &MetricsInstant) -> Vec<Line<'_>> {
    let lines = answer.series.iter().flat_map(|row| {
        let metric = row.metric.as_deref();
        row.points.iter().map(move |point| Line { metric, labels: &row.labels, at: point.at, value: point.value })
    });
    lines.collect()
}

/// Without the steps at which a series has nothing.
pub(super) fn of_range(answer: &MetricsRange) -> Vec<Line<'_>> {
    let at = |step: usize| {
        let millis = i64::try_from(step).unwrap_or(i64::MAX).saturating_mul(answer.step_ms);
        answer.start.checked_add_signed(chrono::Duration::milliseconds(millis)).unwrap_or(answer.start)
    };
    let lines = answer.series.iter().flat_map(|column| {
        let metric = column.metric.as_deref();
        let values = column.values.iter().enumerate().filter(|(_, value)| value.is_some());
        values.map(move |(step, value)| Line { metric, labels: &column.labels, at: at(step), value: *value })
    });
    lines.collect()
}

pub(super) fn query(session: &mut Session, mut tree: Tree, lines: &[Line<'_>]) -> Result<(), CliError> {
    match session.ui.format() {
        OutputFormat::Json | OutputFormat::Yaml => session.ui.document(&tree, "", |_| Ok(())),
        OutputFormat::Jsonl => match tree.take("series") {
            Some(Tree::List(rows)) => rows.iter().try_for_each(|row| session.ui.json_line(row)),
            _ => Ok(()),
        },
        OutputFormat::Name => {
            let names: BTreeSet<String> = lines.iter().map(|line| series(line.metric, line.labels)).collect();
            names.iter().try_for_each(|name| session.ui.write_line(&format::line(name)))
        }
        OutputFormat::Csv => points_as_csv(session, lines),
        OutputFormat::Table if lines.is_empty() => {
            session.ui.note("Nothing is known about that.");
            Ok(())
        }
        OutputFormat::Table => {
            let mut table = Table::new(&["SERIES", "TIME", "VALUE"]).whole(&[1, 2]);
            for line in lines {
                let time = line.at.format("%Y-%m-%d %H:%M:%S").to_string();
                table.row(vec![series(line.metric, line.labels).into(), time.into(), number(line.value).into()]);
            }
            session.ui.table(&table)
        }
    }
}

fn points_as_csv(session: &mut Session, lines: &[Line<'_>]) -> Result<(), CliError> {
    let names: BTreeSet<&str> = lines.iter().flat_map(|line| line.labels.keys().map(String::as_str)).collect();
    let header = ["metric"].into_iter().chain(names.iter().copied()).chain(["time", "value"]);
    session.ui.write_line(&csv::record(header))?;
    for line in lines {
        let (time, value) = (rfc3339(line.at), line.value.map(|value| value.to_string()).unwrap_or_default());
        let labels = names.iter().map(|name| line.labels.get(*name).map_or("", String::as_str));
        let fields = [line.metric.unwrap_or_default()].into_iter().chain(labels).chain([time.as_str(), value.as_str()]);
        session.ui.write_line(&csv::record(fields))?;
    }
    Ok(())
}

/// What a list of the metrics has in it.
pub(super) trait Item {
    const HEADER: &'static str;

    /// As PromQL spells it.
    fn name(&self) -> String;
}

impl Item for MetricsSeries {
    const HEADER: &'static str = "SERIES";

    fn name(&self) -> String {
        series(Some(&self.metric), &self.labels)
    }
}

impl Item for String {
    const HEADER: &'static str = "NAME";

    fn name(&self) -> String {
        self.clone()
    }
}

pub(super) fn list<T: Item>(session: &mut Session, items: &[T], what: &str) -> Result<(), CliError> {
    match session.ui.format() {
        OutputFormat::Csv => {
            session.ui.write_line(&T::HEADER.to_ascii_lowercase())?;
            items.iter().try_for_each(|item| session.ui.write_line(&csv::record([item.name().as_str()])))
        }
        OutputFormat::Table if items.is_empty() => {
            session.ui.note(&format!("No {what}."));
            Ok(())
        }
        OutputFormat::Table => {
            let mut table = Table::new(&[T::HEADER]);
            for item in items {
                table.row(vec![item.name().into()]);
            }
            session.ui.table(&table)
        }
        _ => items.iter().try_for_each(|item| session.ui.write_line(&format::line(&item.name()))),
    }
}

/// As PromQL spells it.
fn series(metric: Option<&str>, labels: &BTreeMap<String, String>) -> String {
    let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
    match (metric, labels.as_slice()) {
        (Some(metric), []) => metric.to_owned(),
        (metric, labels) => format!("{}{{{}}}", metric.unwrap_or_default(), labels.join(",")),
    }
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(format::dash, |value| value.to_string())
}

fn rfc3339(at: Time) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)
}
