//! Which roll-ups are to be made, as a file beside them: an hour or a day stands in it before the first of its points is
//! acknowledged, and is taken out once its roll-ups are durable. After a crash they are made again, which changes nothing.
//!
//! Lines of `hour N`, `day N` (numbers of buckets), and `raw N`, `1m N`, ...: the day since which all of that is kept. A
//! line that a crash cut off belongs to a write that was never acknowledged.

use super::unavailable;
use opssight_core::metrics::MetricsError;
use opssight_core::metrics::rollups::{Class, Held};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

const NAME: &str = "rollups.journal";
const DAY: i64 = 86_400_000_000;

pub(super) struct Journal {
    folder: PathBuf,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    unmade: BTreeMap<Span, u64>,
    /// Those that are written to at the moment, and how many write: their points may not be there yet.
    writing: BTreeMap<Span, usize>,
    since: Since,
    /// Where lines are added to.
    file: Option<File>,
    /// Counts marks, so that one that came while its roll-ups were made is not taken for done.
    marks: u64,
}

/// An hour or a day, by the number of its bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Span {
    Hour(i64),
    Day(i64),
}

/// The days since which all raw points, and all records of each class, are there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Since {
    pub(super) raw: i64,
    pub(super) rolled: [i64; 3],
}

/// A day of which something is to be made.
#[derive(Debug, Default)]
pub(super) struct Due {
    /// With the marks that were seen.
    pub(super) spans: Vec<(Span, u64)>,
}

impl Span {
    fn class(self) -> Class {
        match self {
            Self::Hour(_) => Class::Hour,
            Self::Day(_) => Class::Day,
        }
    }

    fn number(self) -> i64 {
        let (Self::Hour(number) | Self::Day(number)) = self;
        number
    }

    fn day(self) -> i64 {
        match self {
            Self::Hour(hour) => hour.div_euclid(24),
            Self::Day(day) => day,
        }
    }

    /// What lies after the first and up to the second, microseconds.
    pub(super) fn ends(self) -> (i64, i64) {
        let begin = self.number().saturating_mul(self.class().width());
        (begin, begin.saturating_add(self.class().width()))
    }
}

impl Journal {
    /// Of a folder, and whether there was one.
    pub(super) fn open(folder: &Path) -> Result<(Self, bool), MetricsError> {
        let text = match std::fs::read_to_string(folder.join(NAME)) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(failed(&error)),
        };
        let known = text.is_some();
        let state = text.as_deref().map(read).unwrap_or_default();
        Ok((Self { folder: folder.to_owned(), state: Mutex::new(state) }, known))
    }

    /// Points of these times are about to be kept: says so durably. Nothing is made of them before what this gives is
    /// dropped, once they are.
    pub(super) fn mark(&self, times: impl IntoIterator<Item = i64>) -> Result<Writing<'_>, MetricsError> {
        let hours: BTreeSet<i64> = times.into_iter().map(|at| Class::Hour.bucket(at)).collect();
        let spans = hours.into_iter().flat_map(|hour| [Span::Hour(hour), Span::Day(hour.div_euclid(24))]);
        let spans: BTreeSet<Span> = spans.collect();
        let mut state = self.state();
        state.mark(&spans, &self.folder).map_err(|error| failed(&error))?;
        for span in &spans {
            *state.writing.entry(*span).or_default() += 1;
        }
        Ok(Writing { journal: self, spans })
    }

    /// What can be made now, by day: hours and days that are over, and that nobody writes to.
    pub(super) fn due(&self, now: i64) -> BTreeMap<i64, Due> {
        let mut due: BTreeMap<i64, Due> = BTreeMap::new();
        let state = self.state();
        let all = state.unmade.iter().filter(|(span, _)| span.ends().1 <= now && !state.writing.contains_key(span));
        for (span, mark) in all {
            due.entry(span.day()).or_default().spans.push((*span, *mark));
        }
        due
    }

    /// The roll-ups of these are durable.
    pub(super) fn done(&self, due: &Due) -> Result<(), MetricsError> {
        let mut state = self.state();
        for (span, mark) in &due.spans {
            if state.unmade.get(span) == Some(mark) {
                state.unmade.remove(span);
            }
        }
        state.rewrite(&self.folder).map_err(|error| failed(&error))
    }

    /// Nothing goes before this was called: from now on less is kept.
    pub(super) fn keep_since(&self, since: Since) -> Result<(), MetricsError> {
        let mut state = self.state();
        let later = state.since.later(since);
        if state.file.is_some() && later == state.since {
            return Ok(());
        }
        state.since = later;
        state.rewrite(&self.folder).map_err(|error| failed(&error))
    }

    pub(super) fn since(&self) -> Since {
        self.state().since
    }

    /// How many hours and days wait.
    pub(super) fn waiting(&self) -> usize {
        self.state().unmade.len()
    }

    /// The first time of which something is not made, if there is one.
    pub(super) fn oldest(&self) -> Option<i64> {
        self.state().unmade.keys().map(|span| span.ends().0).min()
    }

    pub(super) fn held(&self) -> Held {
        let state = self.state();
        let of = |class: Class| state.unmade.keys().filter(move |span| span.class() == class).map(|span| span.number());
        Held {
            raw_since: state.since.raw.saturating_mul(DAY),
            since: state.since.rolled.map(|day| day.saturating_mul(DAY)),
            unmade_hours: of(Class::Hour).collect(),
            unmade_days: of(Class::Day).collect(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody writes to these.
pub(super) struct Writing<'j> {
    journal: &'j Journal,
    spans: BTreeSet<Span>,
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        let mut state = self.journal.state();
        for span in &self.spans {
            if let Some(count) = state.writing.get_mut(span) {
                *count -= 1;
                if *count == 0 {
                    state.writing.remove(span);
                }
            }
        }
    }
}

impl Since {
    fn later(self, other: Self) -> Self {
        let [m, h, d] = self.rolled;
        let [other_m, other_h, other_d] = other.rolled;
        Self { raw: self.raw.max(other.raw), rolled: [m.max(other_m), h.max(other_h), d.max(other_d)] }
    }
}

impl State {
    fn mark(&mut self, spans: &BTreeSet<Span>, folder: &Path) -> io::Result<()> {
        self.marks += 1;
        let (mut new, mut lines) = (Vec::new(), String::new());
        for span in spans {
            match self.unmade.get_mut(span) {
                Some(mark) => *mark = self.marks,
                None => {
                    lines += &line(*span);
                    new.push(*span);
                }
            }
        }
        if new.is_empty() {
            return Ok(());
        }
        match &mut self.file {
            Some(file) => {
                let added = file.write_all(lines.as_bytes()).and_then(|()| file.sync_data());
                // Half a line must not be in the way of the next: it is written anew as a whole.
                added.inspect_err(|_| self.file = None)?;
            }
            None => {
                self.unmade.extend(new.iter().map(|span| (*span, self.marks)));
                return self.rewrite(folder);
            }
        }
        self.unmade.extend(new.into_iter().map(|span| (span, self.marks)));
        Ok(())
    }

    /// The file anew, in one step.
    fn rewrite(&mut self, folder: &Path) -> io::Result<()> {
        let mut text = format!("raw {}\n", self.since.raw);
        for (class, since) in Class::ALL.into_iter().zip(self.since.rolled) {
            text += &format!("{} {since}\n", class.name());
        }
        text.extend(self.unmade.keys().map(|span| line(*span)));
        let (path, new) = (folder.join(NAME), folder.join(format!("{NAME}.new")));
        self.file = None;
        let mut file = File::create(&new)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&new, &path)?;
        File::open(folder)?.sync_all()?;
        self.file = Some(OpenOptions::new().append(true).open(&path)?);
        Ok(())
    }
}

fn line(span: Span) -> String {
    match span {
        Span::Hour(hour) => format!("hour {hour}\n"),
        Span::Day(day) => format!("day {day}\n"),
    }
}

fn read(text: &str) -> State {
    let mut state = State::default();
    for line in text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')) {
        let Some((what, Ok(number))) = line.split_once(' ').map(|(what, number)| (what, number.parse())) else {
            tracing::warn!(line, "a line of the metrics' journal says nothing");
            continue;
        };
        let [minute, hour, day] = &mut state.since.rolled;
        match what {
            "hour" => drop(state.unmade.insert(Span::Hour(number), 0)),
            "day" => drop(state.unmade.insert(Span::Day(number), 0)),
            "raw" => state.since.raw = number,
            "1m" => *minute = number,
            "1h" => *hour = number,
            "1d" => *day = number,
            _ => tracing::warn!(line, "a line of the metrics' journal says nothing"),
        }
    }
    state
}

fn failed(error: &io::Error) -> MetricsError {
    unavailable("note which roll-ups are to be made", error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000_000;

    fn open(folder: &Path) -> Journal {
        let (journal, _) = Journal::open(folder).unwrap();
        journal.keep_since(Since::default()).unwrap();
        journal
    }

    #[test]
    fn what_was_marked_is_there_after_a_crash_and_what_was_done_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let journal = open(folder.path());
        drop(journal.mark([5 * HOUR, 5 * HOUR + 1, 30 * HOUR]).unwrap());
        // An hour has its end, and not its begin.
        let hours = |journal: &Journal| journal.held().unmade_hours.into_iter().collect::<Vec<_>>();
        assert_eq!(hours(&journal), [4, 5, 29]);
        drop(journal);
        let journal = open(folder.path());
        assert_eq!(hours(&journal), [4, 5, 29]);
        assert_eq!(journal.held().unmade_days.into_iter().collect::<Vec<_>>(), [0, 1]);
        let due = journal.due(24 * HOUR);
        assert_eq!(due.len(), 1, "{due:?}");
        journal.done(&due[&0]).unwrap();
        drop(journal);
        let journal = open(folder.path());
        assert_eq!(hours(&journal), [29]);
        assert!(journal.due(48 * HOUR - 1).values().all(|due| due.spans.len() == 1));
        assert_eq!(journal.due(48 * HOUR)[&1].spans.len(), 2);
    }

    #[test]
    fn a_point_that_comes_while_its_roll_ups_are_made_is_not_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let journal = open(folder.path());
        drop(journal.mark([HOUR]).unwrap());
        let due = journal.due(24 * HOUR);
        drop(journal.mark([HOUR]).unwrap());
        journal.done(&due[&0]).unwrap();
        assert_eq!(journal.waiting(), 2);
        drop(journal);
        assert_eq!(open(folder.path()).waiting(), 2);
    }

    #[test]
    fn nothing_is_made_of_what_is_being_written() {
        let folder = tempfile::tempdir().unwrap();
        let journal = open(folder.path());
        let (one, other) = (journal.mark([HOUR]).unwrap(), journal.mark([HOUR, 2 * HOUR]).unwrap());
        assert!(journal.due(24 * HOUR).is_empty());
        drop(one);
        assert!(journal.due(24 * HOUR).is_empty());
        drop(other);
        assert_eq!(journal.due(24 * HOUR)[&0].spans.len(), 3);
    }

    #[test]
    fn half_a_line_is_none_and_what_is_no_more_kept_stays_so() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(NAME), "raw 7\n1m 5\n1h 3\n1d 0\nhour 100\nnonsense\nhour 1").unwrap();
        let (journal, known) = Journal::open(folder.path()).unwrap();
        assert!(known);
        assert_eq!(journal.held().unmade_hours.into_iter().collect::<Vec<_>>(), [100]);
        journal.keep_since(Since { raw: 3, rolled: [6, 1, 0] }).unwrap();
        drop(journal);
        let (journal, _) = Journal::open(folder.path()).unwrap();
        assert_eq!(journal.since(), Since { raw: 7, rolled: [6, 3, 0] });
    }
}
