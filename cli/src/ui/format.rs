//! Values as text. What comes from the API was written by strangers (a run's title, a branch, a plugin's error), so
//! nothing reaches a terminal before it went through [`line`], [`block`] or [`json_safe`].

use crate::Time;
use opssight_api_types::is_invisible;
use std::fmt::Write as _;

/// Characters that move the cursor, recolour the terminal, reorder the text around them or hide in it.
fn is_unsafe(c: char) -> bool {
    c.is_control() || is_invisible(c)
}

/// Whether text on several lines can be printed as it is.
pub(crate) fn is_safe(text: &str) -> bool {
    text.chars().all(|c| matches!(c, '\n' | '\t') || !is_unsafe(c))
}

/// Text on one line: white space becomes a space, what could steer a terminal is dropped.
pub fn line(text: &str) -> String {
    text.chars()
        .filter_map(|c| if matches!(c, '\n' | '\r' | '\t') { Some(' ') } else { (!is_unsafe(c)).then_some(c) })
        .collect()
}

/// Text on several lines: line ends and tabs stay, what could steer a terminal is dropped.
pub fn block(text: &str) -> String {
    text.chars().filter(|c| matches!(c, '\n' | '\t') || !is_unsafe(*c)).collect()
}

/// Rendered JSON with what could steer a terminal written as `\u....`: the same document. Such characters can only
/// stand inside strings, and the C0 controls are escaped already; line ends between tokens stay.
pub(crate) fn json_safe(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    for c in json.chars() {
        if c != '\n' && is_unsafe(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(safe, "\\u{unit:04x}");
            }
        } else {
            safe.push(c);
        }
    }
    safe
}

/// A length of time: "0.4s", "42s", "3m 04s", "2h 05m", "3d 4h".
pub fn duration(ms: i64) -> String {
    let sign = if ms < 0 { "-" } else { "" };
    let ms = ms.unsigned_abs();
    let secs = ms / 1000;
    let (minutes, hours, days) = (secs / 60, secs / 3600, secs / 86_400);
    let text = match secs {
        0..10 if !ms.is_multiple_of(1000) => format!("{secs}.{}s", ms % 1000 / 100),
        0..60 => format!("{secs}s"),
        60..3600 => format!("{minutes}m {:02}s", secs % 60),
        3600..86_400 => format!("{hours}h {:02}m", minutes % 60),
        _ => format!("{days}d {}h", hours % 24),
    };
    format!("{sign}{text}")
}

pub(crate) fn duration_or_dash(ms: Option<i64>) -> String {
    ms.map_or_else(dash, duration)
}

/// How long ago: "just now", "5m ago", "3h ago", "in 2d"; the day itself when that is over two months away.
pub(crate) fn ago(time: Time, now: Time) -> String {
    let secs = now.signed_duration_since(time).num_seconds();
    let text = match secs.unsigned_abs() {
        0..10 => return "just now".to_owned(),
        s @ 10..60 => format!("{s}s"),
        s @ 60..3600 => format!("{}m", s / 60),
        s @ 3600..86_400 => format!("{}h", s / 3600),
        s @ 86_400..5_184_000 => format!("{}d", s / 86_400),
        _ => return time.format("%Y-%m-%d").to_string(),
    };
    if secs < 0 { format!("in {text}") } else { format!("{text} ago") }
}

pub(crate) fn ago_or_dash(time: Option<Time>, now: Time) -> String {
    time.map_or_else(dash, |time| ago(time, now))
}

/// A share of one as percent.
pub(crate) fn percent(share: f64) -> String {
    format!("{:.1}%", share * 100.0)
}

pub(crate) fn percent_or_dash(share: Option<f64>) -> String {
    share.map_or_else(dash, percent)
}

/// Bytes for people: "812 B", "20.1 KiB".
pub fn bytes(size: u64) -> String {
    const UNITS: [&str; 3] = ["KiB", "MiB", "GiB"];
    if size < 1024 {
        return format!("{size} B");
    }
    let mut value = size as f64 / 1024.0;
    let mut unit = UNITS[0];
    for next in &UNITS[1..] {
        if value < 1024.0 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    format!("{value:.1} {unit}")
}

/// The first ten characters of a commit: enough to find it.
pub(crate) fn commit(commit: &str) -> String {
    commit.chars().take(10).collect()
}

/// Nothing is known.
pub(crate) fn dash() -> String {
    "-".to_owned()
}

pub(crate) fn text_or_dash(text: Option<&str>) -> String {
    text.map_or_else(dash, str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_read_well() {
        for (ms, expected) in [
            (0, "0s"),
            (400, "0.4s"),
            (9_999, "9.9s"),
            (10_500, "10s"),
            (59_999, "59s"),
            (184_000, "3m 04s"),
            (7_500_000, "2h 05m"),
            (273_600_000, "3d 4h"),
            (-2_000, "-2s"),
            (i64::MIN, "-106751991167d 7h"),
        ] {
            assert_eq!(duration(ms), expected);
        }
    }

    #[test]
    fn distances_in_time_read_well() {
        let now: Time = "2026-11-10T12:00:00Z".parse().unwrap();
        for (at, expected) in [
            ("2026-11-10T11:59:55Z", "just now"),
            ("2026-11-10T11:59:30Z", "30s ago"),
            ("2026-11-10T09:00:00Z", "3h ago"),
            ("2026-11-12T12:00:00Z", "in 2d"),
            ("2025-11-10T12:00:00Z", "2025-11-10"),
        ] {
            assert_eq!(ago(at.parse().unwrap(), now), expected);
        }
    }

    #[test]
    fn sizes_read_well() {
        for (size, expected) in
            [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (3 << 20, "3.0 MiB"), (5 << 40, "5120.0 GiB")]
        {
            assert_eq!(bytes(size), expected);
        }
    }

    #[test]
    fn nothing_that_steers_a_terminal_gets_through() {
        let hostile = "\u{1b}[31mred\u{1b}]0;title\u{7}\u{9b}2J\u{202e}txet\r\n\tend\u{7f}";
        assert_eq!(line(hostile), "[31mred]0;title2Jtxet  \u{20}end");
        assert_eq!(block(hostile), "[31mred]0;title2Jtxet\n\tend");
        let json = serde_json::to_string(hostile).unwrap();
        let safe = json_safe(&json);
        assert!(safe.chars().all(|c| !is_unsafe(c)));
        assert_eq!(serde_json::from_str::<String>(&safe).unwrap(), hostile);
    }

    proptest::proptest! {
        #[test]
        fn escaped_json_is_the_same_document(text: String) {
            let json = serde_json::to_string(&text).unwrap();
            proptest::prop_assert_eq!(serde_json::from_str::<String>(&json_safe(&json)).unwrap(), text);
        }
    }
}
