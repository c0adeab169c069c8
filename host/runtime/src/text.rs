//! Text that came out of a sandbox, made fit for logs and screens.

/// At most `max` bytes, on one line, without control characters and without the invisible characters that can
/// make a line read differently from what it says.
pub(crate) fn clean(text: &str, max: usize) -> String {
    if text.len() <= max && text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return text.to_owned();
    }
    let mut clean = String::with_capacity(text.len().min(max));
    for c in text.chars() {
        let c = match c {
            '\n' | '\r' | '\t' => ' ',
            c if c.is_control() || is_invisible(c) => '\u{fffd}',
            c => c,
        };
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

/// Directional overrides, zero-width characters, tags.
fn is_invisible(c: char) -> bool {
    matches!(u32::from(c), 0x200b..=0x200f | 0x202a..=0x202e | 0x2060..=0x2064 | 0x2066..=0x2069 | 0xfeff | 0xe0000..=0xe007f)
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
