//! What the host under attack has logged, as it would stand on disk, and the rule that holds for each line of it.

use std::io::Write;
use std::sync::{Arc, LazyLock, Mutex};
use tracing_subscriber::fmt::MakeWriter;

static LOGGED: LazyLock<Arc<Mutex<Vec<u8>>>> = LazyLock::new(Arc::default);

/// How many bytes the host has logged.
pub(crate) fn log_bytes() -> usize {
    LOGGED.lock().unwrap().len()
}

/// What it has logged.
pub(crate) fn log_text() -> String {
    String::from_utf8_lossy(&LOGGED.lock().unwrap()).into_owned()
}

/// What it has logged since there were so many bytes.
pub(crate) fn log_since(bytes: usize) -> String {
    String::from_utf8_lossy(LOGGED.lock().unwrap().get(bytes..).unwrap_or_default()).into_owned()
}

/// Begin a new page.
pub(crate) fn forget_log() {
    LOGGED.lock().unwrap().clear();
}

pub(crate) struct Ink;

impl Write for Ink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LOGGED.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Where the log is written.
pub(crate) struct Paper;

impl MakeWriter<'_> for Paper {
    type Writer = Ink;

    fn make_writer(&self) -> Ink {
        Ink
    }
}

/// What must not be left in a text that people read.
pub(crate) fn acts(c: char) -> bool {
    c.is_control()
        || matches!(u32::from(c),
            0xad | 0x61c | 0x180e | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x2069 | 0xfeff | 0xfff9..=0xfffb
            | 0xfe00..=0xfe0d | 0xe0000..=0xe01ef)
}

/// Each line of the host's own log is one that the host began, and nothing in it acts on a terminal or hides from a
/// reader: no attacker gets to write a line of their own.
pub(crate) fn forged() -> Option<String> {
    forged_line(&log_text()).map(|line| line.escape_debug().to_string().chars().take(200).collect())
}

fn forged_line(log: &str) -> Option<&str> {
    log.split_terminator('\n').find(|line| !is_dated(line) || line.chars().any(acts))
}

/// `2026-01-31T12:00:00.000000Z  WARN `, as the formatter begins each line.
fn is_dated(line: &str) -> bool {
    let pattern = b"dddd-dd-ddTdd:dd:dd.ddddddZ";
    let begin = line.as_bytes().get(..pattern.len()).unwrap_or_default();
    begin.len() == pattern.len()
        && begin
            .iter()
            .zip(pattern)
            .all(|(byte, wanted)| if *wanted == b'd' { byte.is_ascii_digit() } else { byte == wanted })
}
