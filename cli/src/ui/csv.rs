//! Lines of comma-separated values, as RFC 4180 has them.

use super::format;

/// A line without its end. What could steer a terminal is dropped, as everywhere.
pub(crate) fn record<'a>(fields: impl IntoIterator<Item = &'a str>) -> String {
    let quoted = |text: &str| {
        let text = format::line(text);
        if text.contains([',', '"']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
    };
    fields.into_iter().map(quoted).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_part_a_field_is_quoted() {
        assert_eq!(record(["a", "", "b c"]), "a,,b c");
        assert_eq!(record(["a,b", "say \"no\"", "x\ny\u{1b}[2J"]), "\"a,b\",\"say \"\"no\"\"\",x y[2J");
    }
}
