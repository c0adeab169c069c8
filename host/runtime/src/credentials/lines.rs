//! Secrets that are spread over lines: encoders break long texts, and printers of JSON indent them.

use std::ops::Range;

/// Longer spellings (keys) are not looked for across lines: what breaks them is found line by line anyway.
const LONGEST: usize = 1_024;

/// Where one of these texts stands with white space in between, at least one line break of it. What does not look like
/// a text that was broken is passed over at once, so that this costs little more than finding the line breaks.
pub(super) fn across<'f>(text: &[u8], forms: impl Iterator<Item = &'f [u8]> + Clone) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for at in memchr::memchr2_iter(b'\n', b'\r', text) {
        let (Some((before, left)), Some((after, right))) = (last_of(text, at), first_of(text, at)) else { continue };
        if !is_inner(left) || !is_inner(right) {
            continue;
        }
        for form in forms.clone().filter(|form| form.len() <= LONGEST) {
            let breaks = form.windows(2).zip(1..).filter(|(pair, _)| **pair == [left, right]);
            found.extend(breaks.filter_map(|(_, split)| {
                let (head, tail) = form.split_at_checked(split)?;
                Some(ends_with(text, before + 1, head)?..starts_with(text, after, tail)?)
            }));
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
    use super::across;

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
            let found = across(text.as_bytes(), std::iter::once(secret));
            let first = found.first().map(|range| &text[range.clone()]);
            assert_eq!(first, covered, "{text:?}");
            assert!(found.iter().all(|range| Some(&text[range.clone()]) == covered));
        }
    }
}
