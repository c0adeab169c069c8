//! How the commands speak: data on standard output, everything else on standard error.

use opssight_core::fact::is_invisible;
use std::io::{self, Write};

/// The two streams, and how data is wanted.
pub struct Talk {
    out: Box<dyn Write + Send>,
    err: Box<dyn Write + Send>,
    json: bool,
    quiet: bool,
}

impl Talk {
    /// Speak on these streams. `json`: data as one JSON document instead of lines for people; `quiet`: no progress.
    pub fn new(out: Box<dyn Write + Send>, err: Box<dyn Write + Send>, json: bool, quiet: bool) -> Self {
        Self { out, err, json, quiet }
    }

    /// Nobody listens.
    #[cfg(test)]
    pub(crate) fn to_nobody() -> Self {
        Self::new(Box::new(io::sink()), Box::new(io::sink()), false, true)
    }

    /// Whether a program reads the data.
    pub(crate) fn is_for_programs(&self) -> bool {
        self.json
    }

    /// One line of data.
    pub(crate) fn say(&mut self, line: &str) -> io::Result<()> {
        writeln!(self.out, "{line}")
    }

    /// One line about what is going on. Nowhere is left to say that standard error is gone.
    pub(crate) fn note(&mut self, line: &str) {
        if !self.quiet {
            let _ = writeln!(self.err, "{line}");
        }
    }

    /// One line about what went wrong; shown also when progress is not.
    pub(crate) fn warn(&mut self, line: &str) {
        let _ = writeln!(self.err, "{line}");
    }
}

/// A text of somebody else's, made harmless for a terminal: no control characters but line breaks and tabs, and nothing
/// that nobody sees.
pub(crate) fn plain(text: &str) -> String {
    text.chars().filter(|c| matches!(c, '\n' | '\t') || !(c.is_control() || is_invisible(*c))).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    /// What was said on standard output.
    #[derive(Debug, Clone, Default)]
    pub(crate) struct Heard(Arc<Mutex<Vec<u8>>>);

    impl Heard {
        pub(crate) fn talk(&self) -> Talk {
            Talk::new(Box::new(self.clone()), Box::new(io::sink()), false, true)
        }

        pub(crate) fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Heard {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
}
