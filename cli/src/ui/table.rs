//! Tables for people: no lines, columns wide enough; wrapped to the terminal, never cut when piped.

use super::format;
use comfy_table::{Attribute, Cell, Color, ColumnConstraint, ContentArrangement, presets};

/// What a value says about the thing that has it; shown as a colour, never only as one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Tone {
    #[default]
    Plain,
    Good,
    Bad,
    Active,
    Muted,
}

/// One cell. Making one makes its text safe to print.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    text: String,
    tone: Tone,
}

impl Field {
    pub(crate) fn toned(text: impl AsRef<str>, tone: Tone) -> Self {
        Self { text: format::line(text.as_ref()), tone }
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}

impl<T: AsRef<str>> From<T> for Field {
    fn from(text: T) -> Self {
        Self::toned(text, Tone::Plain)
    }
}

/// A table with a header, or (without one) a sheet of labels and values.
#[derive(Debug, Default)]
pub(crate) struct Table {
    header: Vec<&'static str>,
    rows: Vec<Vec<Field>>,
    whole: Vec<usize>,
}

impl Table {
    pub(crate) fn new(header: &[&'static str]) -> Self {
        Self { header: header.to_vec(), ..Self::default() }
    }

    /// Labels and values.
    pub(crate) fn sheet() -> Self {
        Self { whole: vec![0], ..Self::default() }
    }

    /// These columns are never wrapped: ids and other things that people copy.
    pub(crate) fn whole(mut self, columns: &[usize]) -> Self {
        self.whole = columns.to_vec();
        self
    }

    pub(crate) fn row(&mut self, fields: Vec<Field>) {
        self.rows.push(fields);
    }

    /// A line of a sheet.
    pub(crate) fn entry(&mut self, label: &str, value: impl Into<Field>) {
        self.rows.push(vec![Field::toned(label, Tone::Muted), value.into()]);
    }

    /// A line of a sheet, if there is something to say.
    pub(crate) fn entry_if(&mut self, label: &str, value: Option<impl Into<Field>>) {
        if let Some(value) = value {
            self.entry(label, value);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub(crate) fn render(&self, width: Option<u16>, colour: bool) -> String {
        let mut table = comfy_table::Table::new();
        table.load_style(presets::NOTHING);
        match width {
            Some(width) => table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width),
            None => table.set_content_arrangement(ContentArrangement::Disabled),
        };
        if colour {
            table.enforce_styling();
        } else {
            table.force_no_tty();
        }
        if !self.header.is_empty() {
            table.set_header(self.header.iter().map(|title| Cell::new(title).add_attribute(Attribute::Bold)));
        }
        for row in &self.rows {
            table.add_row(row.iter().map(cell));
        }
        let last = table.column_count().saturating_sub(1);
        for (index, column) in table.column_iter_mut().enumerate() {
            column.set_padding((0, if index == last { 0 } else { 2 }));
        }
        for &index in &self.whole {
            if let Some(column) = table.column_mut(index) {
                column.set_constraint(ColumnConstraint::ContentWidth);
            }
        }
        let mut text = String::new();
        for line in table.lines() {
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

fn cell(field: &Field) -> Cell {
    let cell = Cell::new(&field.text);
    match field.tone {
        Tone::Plain => cell,
        Tone::Good => cell.fg(Color::Green),
        Tone::Bad => cell.fg(Color::Red),
        Tone::Active => cell.fg(Color::Yellow),
        Tone::Muted => cell.fg(Color::DarkGrey),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Table {
        let mut table = Table::new(&["ID", "TITLE"]).whole(&[0]);
        table.row(vec!["run_0192f0c1".into(), "a title that is longer than the terminal is wide".into()]);
        table.row(vec!["run_2".into(), Field::toned("\u{1b}[2Jshort", Tone::Bad)]);
        table
    }

    #[test]
    fn piped_tables_are_never_cut() {
        insta::assert_snapshot!(example().render(None, false), @r"
        ID            TITLE
        run_0192f0c1  a title that is longer than the terminal is wide
        run_2         [2Jshort
        ");
    }

    #[test]
    fn on_a_terminal_text_wraps_and_ids_stay_whole() {
        insta::assert_snapshot!(example().render(Some(40), false), @r"
        ID            TITLE
        run_0192f0c1  a title that is longer
                      than the terminal is wide
        run_2         [2Jshort
        ");
    }

    #[test]
    fn colour_is_only_there_when_asked_for() {
        assert!(example().render(None, true).contains("\u{1b}["));
        assert!(!example().render(None, false).contains('\u{1b}'));
    }
}
