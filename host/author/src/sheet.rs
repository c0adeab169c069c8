//! Columns for people. What is shown was written by strangers, so each cell is made harmless first.

use crate::talk::Talk;
use anyhow::Result;
use opssight_core::fact::clean;

/// Rows of cells, with columns as wide as they need.
#[derive(Debug, Default)]
pub(crate) struct Sheet(Vec<Vec<String>>);

impl Sheet {
    /// One that begins with a header.
    pub(crate) fn with_header(header: &[&str]) -> Self {
        let mut sheet = Self::default();
        sheet.row(header.iter().map(|cell| (*cell).to_owned()));
        sheet
    }

    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.0.push(cells.into_iter().map(|cell| clean(&cell)).collect());
    }

    /// A label and a value.
    pub(crate) fn entry(&mut self, label: &str, value: impl Into<String>) {
        self.row([label.to_owned(), value.into()]);
    }

    /// A label and values below each other.
    pub(crate) fn entries(&mut self, label: &str, values: impl IntoIterator<Item = String>) {
        for (index, value) in values.into_iter().enumerate() {
            self.entry(if index == 0 { label } else { "" }, value);
        }
    }

    pub(crate) fn print(&self, talk: &mut Talk) -> Result<()> {
        let columns = self.0.iter().map(Vec::len).max().unwrap_or_default();
        let width = |column: usize| {
            self.0.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or_default()
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for row in &self.0 {
            let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
            talk.say(cells.collect::<Vec<_>>().join("  ").trim_end())?;
        }
        Ok(())
    }
}

/// Bytes for people: "812 B", "20.1 KiB".
pub(crate) fn bytes(size: u64) -> String {
    match size {
        0..1024 => format!("{size} B"),
        1024..1_048_576 => format!("{:.1} KiB", size as f64 / 1024.0),
        _ => format!("{:.1} MiB", size as f64 / 1_048_576.0),
    }
}

/// The first digits of a key or a digest, enough to compare by eye.
pub(crate) fn short(text: &str) -> String {
    text.split_once(':').map_or_else(|| text.to_owned(), |(kind, digits)| format!("{kind}:{digits:.12}"))
}
