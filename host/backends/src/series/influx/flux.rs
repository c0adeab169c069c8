//! Flux as we write it.

use opssight_core::metrics::Window;
use opssight_core::time::Timestamp;
use std::fmt::Write as _;
use tsink::promql::ast::{LabelMatcher, MatchOp};

/// An expression with the range that it is asked for. Imports must stand first in Flux.
pub(super) fn with_range(query: &str, window: Window, step: i64) -> String {
    let is_import = |line: &str| line.trim_start().starts_with("import ") || line.trim().is_empty();
    let imports: usize = query.split_inclusive('\n').take_while(|line| is_import(line)).map(str::len).sum();
    let (imports, rest) = query.split_at(imports);
    format!(
        "{imports}option v = {{timeRangeStart: {}, timeRangeStop: {}, windowPeriod: {}us}}\n{rest}",
        time(window.start),
        // Flux leaves the end of a range out; here it belongs to it.
        time(window.end.plus_micros(1)),
        step,
    )
}

/// The last point of every series that these matchers find.
pub(super) fn series(bucket: &str, matchers: &[LabelMatcher], window: Window) -> String {
    let mut filter = String::from("r._field == \"value\"");
    for matcher in matchers {
        let column = if matcher.name == "__name__" { "_measurement" } else { &matcher.name };
        // A tag that a series does not have is an empty one in a selector, and nothing at all in Flux.
        let tag = format!("(if exists r[{0}] then r[{0}] else \"\")", text(column));
        let pattern = || format!("/^(?:{})$/", matcher.value.replace('/', "\\/"));
        let _written = match matcher.op {
            MatchOp::Equal => write!(filter, " and {tag} == {}", text(&matcher.value)),
            MatchOp::NotEqual => write!(filter, " and {tag} != {}", text(&matcher.value)),
            MatchOp::RegexMatch => write!(filter, " and {tag} =~ {}", pattern()),
            MatchOp::RegexNoMatch => write!(filter, " and {tag} !~ {}", pattern()),
        };
    }
    format!(
        "from(bucket: {}) |> range(start: {}, stop: {}) |> filter(fn: (r) => {filter}) |> last()",
        text(bucket),
        time(window.start),
        time(window.end.plus_micros(1)),
    )
}

/// A time as Flux spells it.
fn time(at: Timestamp) -> String {
    at.to_utc().map(|at| at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true)).unwrap_or_else(|| "now()".to_owned())
}

/// A text as Flux spells it. A dollar sign may begin an expression inside of a text.
fn text(value: &str) -> String {
    let mut text = String::from("\"");
    for c in value.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '$' => text.push_str("\\x24"),
            c => text.push(c),
        }
    }
    text.push('"');
    text
}

/// What InfluxDB says of a query that it does not take.
pub(super) fn problem(body: &str, status: u16) -> String {
    let said = serde_json::from_str::<serde_json::Value>(body).ok();
    let message = said.as_ref().and_then(|said| said.get("message")?.as_str());
    message.map_or_else(|| format!("it answered {status}"), opssight_core::fact::clean)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_into_flux_stays_a_text() {
        let check = |value: &str, expect: &str| assert_eq!(text(value), expect);
        check("a", r#""a""#);
        check(r#"a" or true"#, r#""a\" or true""#);
        check("${x}", r#""\x24{x}""#);
        check("\\", r#""\\""#);
    }

    #[test]
    fn the_range_stands_after_the_imports() {
        let window = Window { start: Timestamp(0), end: Timestamp(60_000_000) };
        let query = "import \"math\"\n\nfrom(bucket: \"b\")\n  |> range(start: v.timeRangeStart)";
        let expect = "import \"math\"\n\noption v = {timeRangeStart: 1970-01-01T00:00:00.000000Z, timeRangeStop: \
                      1970-01-01T00:01:00.000001Z, windowPeriod: 15000000us}\nfrom(bucket: \"b\")\n  |> range(start: \
                      v.timeRangeStart)";
        assert_eq!(with_range(query, window, 15_000_000), expect);
    }
}
