//! A value and since when the upstream says it is so.
//!
//! Upstreams deliver late, twice and out of order. Every field of the read model is therefore a last-writer-wins
//! register: the newest observation wins, and two of the same moment are ordered by their value. That makes
//! learning commutative, associative and idempotent, so that any order of deliveries ends in the same state.

use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// One known value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact<T> {
    /// When the upstream says this was true.
    pub at: Timestamp,
    /// What was true.
    pub value: T,
}

/// A value that may not be known yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Known<T>(Option<Fact<T>>);

impl<T> Default for Known<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Ord + Clone> Known<T> {
    /// Take in an observation; `None` says nothing and changes nothing.
    pub fn learn(&mut self, seen: Option<T>, at: Timestamp) {
        let Some(value) = seen else { return };
        let newer = match &self.0 {
            None => true,
            Some(known) => (at, &value) > (known.at, &known.value),
        };
        if newer {
            self.0 = Some(Fact { at, value });
        }
    }

    /// What is known now.
    pub fn get(&self) -> Option<&T> {
        self.0.as_ref().map(|fact| &fact.value)
    }

    /// What is known now, copied.
    pub fn cloned(&self) -> Option<T> {
        self.get().cloned()
    }

    /// Since when that is known; the newest observation's moment.
    pub fn at(&self) -> Option<Timestamp> {
        self.0.as_ref().map(|fact| fact.at)
    }

    /// Nothing is known.
    pub fn is_unknown(&self) -> bool {
        self.0.is_none()
    }
}

/// Text as it is kept: [`harmless`], and no longer than a row should be. PostgreSQL takes 2,704 bytes into an index, and
/// some have two of these.
pub fn clean(text: &str) -> String {
    const LONGEST: usize = 1000;
    let mut kept = String::new();
    for c in harmless(text) {
        if kept.len() + c.len_utf8() > LONGEST {
            break;
        }
        kept.push(c);
    }
    kept
}

/// No control characters (they would act in a terminal or a log) and nothing invisible. Tabs and line breaks become
/// spaces, because every such text is shown on one line.
pub fn harmless(text: &str) -> impl Iterator<Item = char> {
    text.chars()
        .map(|c| if matches!(c, '\n' | '\t' | '\u{2028}' | '\u{2029}') { ' ' } else { c })
        .filter(|c| !c.is_control() && !is_invisible(*c))
}

/// Text on one line where each character counts, as in a comparison: line breaks, control characters and whatever nobody
/// sees are written out (`\n`, `\u{9b}`) instead of acting in a terminal, or being left out.
pub fn written_out(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || is_invisible(c) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

/// What nobody sees, but what makes a text read as another one or hides one in it: directional marks and overrides,
/// characters without width, fillers, annotations, tags, and those variation selectors that no emoji needs. The one list
/// of them, for whatever is kept, shown or believed.
pub fn is_invisible(c: char) -> bool {
    matches!(
        u32::from(c),
        0xad | 0x34f | 0x61c | 0x115f | 0x1160 | 0x17b4 | 0x17b5 | 0x180b..=0x180f | 0x200b..=0x200f | 0x2028..=0x202e
            | 0x2060..=0x206f | 0x3164 | 0xfe00..=0xfe0d | 0xfeff | 0xffa0 | 0xfff0..=0xfffb | 0x1d173..=0x1d17a
            | 0xe0000..=0xe0fff
    )
}

/// A link as it is kept: a web address or nothing, because whatever is shown as a link may be clicked.
pub fn clean_url(url: Option<&String>) -> Option<String> {
    clean_option(url).filter(|url| url.starts_with("https://") || url.starts_with("http://"))
}

/// [`clean`] for what may be absent; text that is empty afterwards says nothing.
pub fn clean_option(text: Option<&String>) -> Option<String> {
    text.map(|text| clean(text)).filter(|text| !text.is_empty())
}
