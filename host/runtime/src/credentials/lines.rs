//! Secrets that are spread over lines: encoders break long texts, and printers of JSON indent them.

use std::collections::HashMap;
use std::ops::Range;

/// Longer spellings (keys) are not looked for across lines: what breaks them is found line by line anyway.
const LONGEST: usize = 1_024;

/// Where the texts that are looked for can be broken: by the two bytes that stand around a break, which text and where
/// in it. Most breaks of an answer are between bytes that stand nowhere side by side.
#[derive(Default)]
pub(super) struct Breaks(HashMap<[u8; 2], Vec<(usize, usize)>>);

impl Breaks {
    /// Look for a text, under a number.
    pub(super) fn add(&mut self, number: usize, text: &[u8]) {
        if text.len() > LONGEST {
            return;
        }
        for (pair, split) in text.windows(2).zip(1..) {
            if let [left, right] = *pair
                && is_inner(left)
                && is_inner(right)
            {
                self.0.entry([left, right]).or_default().push((number, split));
            }
        }
    }
}

/// Where one of these texts stands with white space in between, at least one line break of it. Each stretch of white
/// space is walked once; only where its neighbours fit is there more to do.
pub(super) fn across<'f>(text: &[u8], breaks: &Breaks, form: impl Fn(usize) -> &'f [u8]) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut from = 0;
    // Up to where each text was found: what is inside of that need not be looked at again.
    let mut seen: HashMap<usize, usize> = HashMap::new();
    while let Some(at) = text.get(from..).and_then(|rest| memchr::memchr2(b'\n', b'\r', rest)).map(|at| from + at) {
        let Some((after, right)) = first_of(text, at) else { break };
        from = after;
        let Some((before, left)) = last_of(text, at) else { continue };
        for (number, split) in breaks.0.get(&[left, right]).into_iter().flatten() {
            if seen.get(number).is_some_and(|end| before < *end) {
                continue;
            }
            let Some((head, tail)) = form(*number).split_at_checked(*split) else { continue };
            let (start, end) = (ends_with(text, before + 1, head), starts_with(text, after, tail));
            if let (Some(start), Some(end)) = (start, end) {
                seen.insert(*number, end);
                found.push(start..end);
            }
        }
    }
    found
}

/// What a token or its encoding is made of.
fn is_inner(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+/=_-.~%".contains(&byte)
}

/// The last byte before `at` that is no white space, and where.
fn last_of(text: &[u8], at: usize) -> Option<(usize, u8)> {
    let before = text.get(..at)?;
    let place = before.iter().rposition(|byte| !byte.is_ascii_whitespace())?;
    Some((place, *before.get(place)?))
}

fn first_of(text: &[u8], at: usize) -> Option<(usize, u8)> {
    let after = text.get(at..)?;
    let place = after.iter().position(|byte| !byte.is_ascii_whitespace())?;
    Some((at + place, *after.get(place)?))
}

/// Where it begins, if the text up to `end` ends with it, white space aside.
fn ends_with(text: &[u8], end: usize, part: &[u8]) -> Option<usize> {
    let mut end = end;
    for wanted in part.iter().rev() {
        let (place, byte) = last_of(text, end)?;
        if byte != *wanted {
            return None;
        }
        end = place;
    }
    Some(end)
}

/// Where it ends, if the text from `start` begins with it, white space aside.
fn starts_with(text: &[u8], start: usize, part: &[u8]) -> Option<usize> {
    let mut start = start;
    for wanted in part {
        let (place, byte) = first_of(text, start)?;
        if byte != *wanted {
            return None;
        }
        start = place + 1;
    }
    Some(start)
}

#[cfg(test)]
mod tests {
    use super::{Breaks, across};

    #[test]
    fn a_text_is_found_over_any_lines_and_nothing_else_is() {
        let secret = b"s3cr3t-value".as_slice();
        // (text, what is covered)
        let cases = [
            ("s3cr3t-value", None),
            ("x s3cr3t\n-value y", Some("s3cr3t\n-value")),
            ("s3cr\r\n3t-v\r\nalue", Some("s3cr\r\n3t-v\r\nalue")),
            (
                "\"s\n  3\n  c\n  r\n  3\n  t\n  -\n  v\n  a\n  l\n  u\n  e\"",
                Some("s\n  3\n  c\n  r\n  3\n  t\n  -\n  v\n  a\n  l\n  u\n  e"),
            ),
            ("s3cr3t-\nvalu", None),
            ("s3cr3t,\n-value", None),
            ("\n\n", None),
            ("s3cr3t-valu\n", None),
        ];
        for (text, covered) in cases {
            let mut breaks = Breaks::default();
            breaks.add(0, secret);
            let found = across(text.as_bytes(), &breaks, |_| secret);
            let first = found.first().map(|range| &text[range.clone()]);
            assert_eq!(first, covered, "{text:?}");
            assert!(found.iter().all(|range| Some(&text[range.clone()]) == covered));
        }
    }
}
