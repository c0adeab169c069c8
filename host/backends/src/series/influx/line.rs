//! Line protocol: `measurement,tag=value field=1.5 1700000000000000`.
//!
//! Names of metrics and labels are letters, digits and underscores, which need no escaping. In a tag's value a comma, an
//! equals sign and a blank are escaped with a backslash. A backslash itself cannot be: readers of the protocol disagree
//! on whether two of them are one. So it is written as it is, and where it would be taken for an escape (before one of
//! these, before another backslash, or at the end) the point is refused.

use opssight_core::metrics::{MetricsError, Sample};
use std::fmt::Write as _;

pub(super) fn protocol(samples: &[Sample]) -> Result<String, MetricsError> {
    let mut lines = String::new();
    for sample in samples {
        lines.push_str(sample.series.metric());
        for label in sample.series.labels() {
            let value = escaped(&label.value).ok_or_else(|| MetricsError::Point {
                series: sample.series.to_string(),
                problem: format!(
                    "InfluxDB cannot keep the label `{}`: a backslash stands before a comma, an equals sign, a blank or \
                     another backslash, or at the end",
                    label.name
                ),
            })?;
            // Writing into a text cannot fail.
            let _written = write!(lines, ",{}={value}", label.name);
        }
        let _written = writeln!(lines, " value={:?} {}", sample.point.value, sample.point.at.0);
    }
    Ok(lines)
}

fn is_special(c: char) -> bool {
    matches!(c, ',' | '=' | ' ')
}

fn escaped(value: &str) -> Option<String> {
    let mut text = String::with_capacity(value.len() + 8);
    let mut chars = value.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\\' && chars.peek().is_none_or(|next| is_special(*next) || *next == '\\') {
            return None;
        }
        if is_special(c) {
            text.push('\\');
        }
        text.push(c);
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use opssight_core::metrics::{Point, Series};
    use opssight_core::time::Timestamp;
    use proptest::prelude::*;

    /// Reads a line as the documentation describes it: the first comma or blank that is not escaped ends a part.
    /// `doubled` is the reader that takes two backslashes for one.
    fn read(line: &str, doubled: bool) -> (String, Vec<(String, String)>, String, i64) {
        let mut parts = vec![String::new()];
        let mut ends = Vec::new();
        let mut chars = line.chars().peekable();
        while let Some(c) = chars.next() {
            let escapes = |next: &char| is_special(*next) || (doubled && *next == '\\');
            match c {
                '\\' if chars.peek().is_some_and(escapes) => parts.last_mut().unwrap().push(chars.next().unwrap()),
                ',' | ' ' | '=' => {
                    ends.push(c);
                    parts.push(String::new());
                }
                c => parts.last_mut().unwrap().push(c),
            }
        }
        let at = parts.pop().unwrap().parse().unwrap();
        let value = parts.pop().unwrap();
        assert_eq!(parts.pop().unwrap(), "value");
        assert_eq!(ends[ends.len() - 3..], [' ', '=', ' ']);
        let metric = parts.remove(0);
        let tags = parts.chunks(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect();
        (metric, tags, value, at)
    }

    proptest! {
        #[test]
        fn whatever_a_label_says_is_read_back(
            a in "[ -~]{1,12}|\\PC{1,12}|[,= \\\\\"]{1,6}", b in "[a-z,= \\\\]{0,8}", value: f64, at in 0..i64::MAX,
        ) {
            let series = Series::new("m_x", [("a", a.as_str()), ("B_1", b.as_str())]);
            prop_assume!(series.is_ok() && value.is_finite());
            let series = series.unwrap();
            let sample = Sample { series: series.clone(), point: Point { at: Timestamp(at), value } };
            let Ok(lines) = protocol(&[sample]) else {
                // Refused only for a backslash.
                prop_assert!(a.contains('\\') || b.contains('\\'));
                return Ok(());
            };
            prop_assert_eq!(lines.matches('\n').count(), 1);
            for doubled in [false, true] {
                let (metric, tags, told, when) = read(lines.trim_end_matches('\n'), doubled);
                prop_assert_eq!(metric, "m_x");
                let expect: Vec<(String, String)> =
                    series.labels().iter().map(|label| (label.name.clone(), label.value.clone())).collect();
                prop_assert_eq!(tags, expect);
                prop_assert_eq!(told.parse::<f64>().unwrap().to_bits(), value.to_bits());
                prop_assert_eq!(when, at);
            }
        }
    }

    #[test]
    fn a_backslash_that_would_be_taken_for_an_escape_is_refused() {
        let check = |value: &str, expect: Option<&str>| assert_eq!(escaped(value).as_deref(), expect, "{value}");
        check("C:\\x", Some("C:\\x"));
        check("a b,c=d", Some("a\\ b\\,c\\=d"));
        check("end\\", None);
        check("a\\ b", None);
        check("a\\\\b", None);
    }
}
