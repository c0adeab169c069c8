//! How many tests a runner says passed and failed.

use std::ops::Add;

/// Passed and failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
}

impl Add for Count {
    type Output = Count;

    fn add(self, other: Count) -> Count {
        Count { passed: self.passed + other.passed, failed: self.failed + other.failed }
    }
}

/// Read the closing lines of cargo test, nextest, vitest and Playwright. Several runs in one output add up.
pub(crate) fn read(output: &str) -> Count {
    output.lines().map(|line| of_line(&plain(line))).fold(Count::default(), Add::add)
}

fn of_line(whole: &str) -> Count {
    let line = whole.trim();
    let words: Vec<&str> = line.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '|')).collect();
    let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
    let before = |name: &str| {
        let place = words.iter().position(|word| *word == name)?;
        words.get(place.checked_sub(1)?)?.parse::<u64>().ok()
    };
    let count = Count { passed: before("passed").unwrap_or(0), failed: before("failed").unwrap_or(0) };
    // Playwright closes with a line each ("  3 failed", "  12 passed (4.2s)"), the others with one line of a known shape.
    // nextest shows a failed test's own closing line as well, indented: that test is counted in the summary.
    let closes = whole.starts_with("test result:")
        || (line.starts_with("Summary [") && line.contains(" run: "))
        || line.starts_with("Tests ")
        || matches!(words.as_slice(), [number, "failed"] if number.parse::<u64>().is_ok())
        || matches!(words.as_slice(), [number, "passed", time] if number.parse::<u64>().is_ok() && time.starts_with('('));
    if closes { count } else { Count::default() }
}

/// Without colours.
fn plain(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' {
            // Up to the letter that ends the sequence.
            chars.by_ref().find(char::is_ascii_alphabetic);
        } else {
            plain.push(c);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::{Count, read};

    #[test]
    fn closing_lines_of_every_runner_are_understood() {
        let table = [
            ("test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.1s", 12, 0),
            ("test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out", 2, 1),
            ("     Summary [   1.203s] 345 tests run: 344 passed (2 slow), 1 failed, 3 skipped", 344, 1),
            ("     Summary [   1.203s] 5 tests run: 5 passed, 0 skipped", 5, 0),
            (
                "\u{1b}[2m      Tests \u{1b}[22m \u{1b}[1m\u{1b}[32m9 passed\u{1b}[39m\u{1b}[22m\u{1b}[90m (9)\u{1b}[39m",
                9,
                0,
            ),
            ("      Tests  1 failed | 8 passed (9)", 8, 1),
            (" Test Files  2 passed (2)", 0, 0),
            (
                "    test result: FAILED. 0 passed; 1 failed; 0 ignored\n Summary [ 1s] 2 tests run: 1 passed, 1 failed",
                1,
                1,
            ),
            ("  12 passed (4.2s)", 12, 0),
            ("  3 failed\n    [chromium] > x.spec.ts\n  9 passed (1.1m)", 9, 3),
            ("the test of 3 passed widgets", 0, 0),
            ("", 0, 0),
        ];
        for (output, passed, failed) in table {
            assert_eq!(read(output), Count { passed, failed }, "{output}");
        }
    }
}
