//! From what each part of the time is answered.

use super::Class;
use std::collections::BTreeSet;

/// What a store has, in microseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// All raw points after this time are there. The begin of a day, as those of the classes are: so no bucket lies on both
    /// sides of it.
    pub raw_since: i64,
    /// All records of a class after this time are there, or will be; finest class first.
    pub since: [i64; 3],
    /// Hours with points of which the records of minutes and of the hour are not made yet, by the number of their bucket.
    pub unmade_hours: BTreeSet<i64>,
    /// Days with points of which the record is not made yet.
    pub unmade_days: BTreeSet<i64>,
}

impl Held {
    fn since(&self, class: Class) -> i64 {
        let [minute, hour, day] = self.since;
        match class {
            Class::Minute => minute,
            Class::Hour => hour,
            Class::Day => day,
        }
    }

    /// Buckets of a class from `first` to before `end` that are not made.
    fn unmade(&self, class: Class, first: i64, end: i64) -> Vec<(i64, i64)> {
        match class {
            Class::Day => self.unmade_days.range(first..end).map(|day| (*day, day + 1)).collect(),
            Class::Hour => self.unmade_hours.range(first..end).map(|hour| (*hour, hour + 1)).collect(),
            Class::Minute => {
                let hours = first.div_euclid(60)..=(end - 1).div_euclid(60);
                self.unmade_hours.range(hours).map(|hour| (hour * 60, hour * 60 + 60)).collect()
            }
        }
    }
}

/// Where the windows of a question begin and end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edges {
    /// At multiples of so many microseconds only.
    Multiples(i64),
    /// At these times, sorted.
    At(Vec<i64>),
    /// Anywhere.
    Anywhere,
}

impl Edges {
    /// Whether one of them may lie inside of a bucket of a class, wherever that is.
    fn split_any(&self, class: Class) -> bool {
        match self {
            Self::Multiples(grain) => *grain <= 0 || grain % class.width() != 0,
            Self::At(_) => false,
            Self::Anywhere => true,
        }
    }

    /// Buckets of a class that one of them lies inside of.
    fn split(&self, class: Class) -> Vec<(i64, i64)> {
        let Self::At(edges) = self else { return Vec::new() };
        let inside = edges.iter().filter(|edge| edge.rem_euclid(class.width()) != 0);
        inside.map(|edge| (class.bucket(*edge), class.bucket(*edge) + 1)).collect()
    }
}

/// What answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kept {
    /// The points themselves.
    Raw,
    /// The records of a class.
    Rolled(Class),
}

/// A part of the time: what lies after `from`, up to `to` and with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// After this.
    pub from: i64,
    /// Up to this.
    pub to: i64,
    /// What answers.
    pub kept: Kept,
}

/// How a question is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// By time; none overlaps another.
    pub stretches: Vec<Stretch>,
    /// The end of what is not exact, and the coarsest class there.
    pub inexact: Option<(i64, Class)>,
}

/// What answers for each part of the time after `from`, up to `to`. The rule stands in the [module](super).
pub fn plan(from: i64, to: i64, edges: &Edges, held: &Held) -> Plan {
    let mut stretches = Vec::new();
    let mut left = vec![(from, to)];
    for class in Class::ALL.into_iter().rev().filter(|class| !edges.split_any(*class)) {
        let split = edges.split(class);
        let mut rest = Vec::new();
        for gap in left {
            exactly(class, gap, &split, held, &mut stretches, &mut rest);
        }
        left = rest;
    }
    let mut inexact = None;
    for (from, to) in left {
        if from < held.raw_since {
            coarsely(from, to.min(held.raw_since), held, &mut stretches, &mut inexact);
        }
        if to > held.raw_since {
            stretches.push(Stretch { from: from.max(held.raw_since), to, kept: Kept::Raw });
        }
    }
    stretches.sort_unstable_by_key(|stretch| stretch.from);
    Plan { stretches: joined(stretches), inexact }
}

/// Whole buckets of a class that lie in a gap, except those that are split or not made; what is between them stays.
fn exactly(
    class: Class,
    (from, to): (i64, i64),
    split: &[(i64, i64)],
    held: &Held,
    stretches: &mut Vec<Stretch>,
    rest: &mut Vec<(i64, i64)>,
) {
    let width = class.width();
    let first = from.max(held.since(class)).saturating_add(width - 1).div_euclid(width);
    let end = to.div_euclid(width);
    let mut begun = from;
    if first < end {
        let mut out = held.unmade(class, first, end);
        out.extend(split);
        out.sort_unstable();
        out.push((end, end));
        let mut next = first;
        for (skip, after) in out {
            let until = skip.min(end);
            if next < until {
                let (run, run_end) = (next * width, until * width);
                if begun < run {
                    rest.push((begun, run));
                }
                stretches.push(Stretch { from: run, to: run_end, kept: Kept::Rolled(class) });
                begun = run_end;
            }
            next = next.max(after);
        }
    }
    if begun < to {
        rest.push((begun, to));
    }
}

/// The finest class that is there, bucket by whole bucket. A gap begins and ends at buckets of that class, unless the
/// question does not: finer ones would have filled it.
fn coarsely(from: i64, to: i64, held: &Held, stretches: &mut Vec<Stretch>, inexact: &mut Option<(i64, Class)>) {
    let mut begin = from;
    while begin < to {
        let there = Class::ALL.into_iter().find(|class| held.since(*class) <= begin);
        let later = Class::ALL.into_iter().map(|class| held.since(class)).filter(|since| *since > begin).min();
        let finer = match there {
            // A finer one is there from some time on.
            Some(class) => Class::ALL.into_iter().filter(|finer| *finer < class).map(|finer| held.since(finer)).min(),
            None => later,
        };
        let end = finer.map_or(to, |since| since.min(to));
        if let Some(class) = there {
            let width = class.width();
            let whole = (begin.div_euclid(width) * width, (end + width - 1).div_euclid(width) * width);
            stretches.push(Stretch { from: whole.0, to: whole.1, kept: Kept::Rolled(class) });
            let coarsest = inexact.map_or(class, |(_, coarsest)| class.max(coarsest));
            *inexact = Some((inexact.map_or(end, |(until, _)| until.max(end)), coarsest));
        }
        begin = end;
    }
}

fn joined(stretches: Vec<Stretch>) -> Vec<Stretch> {
    let mut joined: Vec<Stretch> = Vec::new();
    for stretch in stretches {
        match joined.last_mut() {
            Some(last) if last.kept == stretch.kept && last.to == stretch.from => last.to = stretch.to,
            _ => joined.push(stretch),
        }
    }
    joined
}

#[cfg(test)]
mod tests;
