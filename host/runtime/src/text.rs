//! Text that came out of a sandbox, made fit for logs and screens.

use opssight_core::fact::is_invisible;

/// At most `max` bytes, on one line, without control characters and without the invisible characters that can
/// make a line read differently from what it says.
pub(crate) fn clean(text: &str, max: usize) -> String {
    if text.len() <= max && text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return text.to_owned();
    }
    let mut clean = String::with_capacity(text.len().min(max));
    let mut before = ' ';
    for c in text.chars() {
        let c = match c {
            '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' => ' ',
            // One of them may say how the character before it looks; a row of them hides bytes.
            '\u{fe0e}' | '\u{fe0f}' if !before.is_ascii() && !is_selector(before) && before != '\u{fffd}' => c,
            c if c.is_control() || is_invisible(c) || is_selector(c) => '\u{fffd}',
            c => c,
        };
        before = c;
        if clean.len() + c.len_utf8() > max {
            clean.push('…');
            break;
        }
        clean.push(c);
    }
    clean
}

/// A machine-readable code: lower-case letters, digits, dots, dashes and underscores, at most 80 of them.
pub(crate) fn code(text: &str) -> String {
    let code: String = text
        .chars()
        .take(80)
        .map(|c| match c.to_ascii_lowercase() {
            c @ ('a'..='z' | '0'..='9' | '.' | '-' | '_') => c,
            _ => '-',
        })
        .collect();
    if code.is_empty() { "plugin.unnamed".to_owned() } else { code }
}

/// Variation selectors.
fn is_selector(c: char) -> bool {
    matches!(u32::from(c), 0xfe00..=0xfe0f)
}

#[cfg(test)]
mod tests {
    use super::{clean, code};

    #[test]
    fn hostile_text_becomes_one_plain_line() {
        let cases = [
            ("two\nlines", "two lines"),
            ("bell\u{7}", "bell\u{fffd}"),
            ("\u{1b}[31mred", "\u{fffd}[31mred"),
            ("evil\u{202e}txt.exe", "evil\u{fffd}txt.exe"),
            ("tag\u{e0041}", "tag\u{fffd}"),
            ("grüße", "grüße"),
            ("a\0b", "a\u{fffd}b"),
            ("\u{9b}31m", "\u{fffd}31m"),
            ("two\u{2028}lines\u{2029}", "two lines "),
            ("left\u{61c}right\u{2066}", "left\u{fffd}right\u{fffd}"),
            ("soft\u{ad}hyphen", "soft\u{fffd}hyphen"),
            ("no\u{200b}space\u{feff}", "no\u{fffd}space\u{fffd}"),
            ("filler\u{3164}", "filler\u{fffd}"),
            ("selector\u{e0100}", "selector\u{fffd}"),
            ("❤\u{fe0f} ok", "❤\u{fe0f} ok"),
            ("❤\u{fe0f}\u{fe01}\u{fe02}", "❤\u{fe0f}\u{fffd}\u{fffd}"),
            ("a\u{fe0f}", "a\u{fffd}"),
            // Harmless as text: whoever makes HTML or a table of it escapes it there.
            ("<script>alert(1)</script>", "<script>alert(1)</script>"),
            ("=cmd|' /C calc'!A0", "=cmd|' /C calc'!A0"),
        ];
        for (input, expect) in cases {
            assert_eq!(clean(input, 100), expect);
        }
        assert_eq!(clean("abcdef", 3), "abc…");
        assert_eq!(clean("äää", 3), "ä…");
    }

    #[test]
    fn codes_are_machine_readable() {
        assert_eq!(code("github.Rate Limit"), "github.rate-limit");
        assert_eq!(code(""), "plugin.unnamed");
    }
}
