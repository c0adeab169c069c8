//! What was tested, told as it happens, and summed up.

use crate::FAILED;
use crate::talk::{Talk, plain};
use anyhow::Result;
use opssight_core::fact::written_out;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// One thing that was tested.
pub(super) struct Entry {
    /// The name of the file that it is in.
    pub(super) file: String,
    pub(super) name: String,
    /// Why it is bad, for people; of several lines each.
    pub(super) problems: Vec<String>,
    /// The same for programs.
    pub(super) differences: Vec<Value>,
    pub(super) took: Duration,
}

pub(super) struct Tally {
    begun: Instant,
    passed: usize,
    failed: usize,
    pub(super) rewritten: usize,
    entries: Vec<Value>,
}

impl Tally {
    pub(super) fn new() -> Self {
        Self { begun: Instant::now(), passed: 0, failed: 0, rewritten: 0, entries: Vec::new() }
    }

    pub(super) fn has_failed(&self) -> bool {
        self.failed > 0
    }

    pub(super) fn tell(&mut self, talk: &mut Talk, entry: Entry) -> Result<()> {
        let Entry { file, name, problems, differences, took } = entry;
        let good = problems.is_empty();
        *(if good { &mut self.passed } else { &mut self.failed }) += 1;
        if talk.is_for_programs() {
            self.entries.push(json!({
                "file": file, "name": name, "passed": good, "problems": problems, "differences": differences,
            }));
            return Ok(());
        }
        let mark = if good { "ok    " } else { "FAILED" };
        let (file, name) = (written_out(&file), written_out(&name));
        talk.say(&format!("{mark} {file}: {name} ({} ms)", took.as_millis()))?;
        for problem in problems {
            for line in plain(&problem).lines() {
                talk.say(&format!("         {line}"))?;
            }
        }
        Ok(())
    }

    pub(super) fn sum_up(&self, talk: &mut Talk) -> Result<u8> {
        let Self { passed, failed, rewritten, entries, begun } = self;
        if talk.is_for_programs() {
            let whole = json!({ "passed": passed, "failed": failed, "rewritten": rewritten, "cases": entries });
            talk.say(&whole.to_string())?;
        } else {
            if *rewritten > 0 {
                talk.say(&format!("{rewritten} expectations rewritten: look at them before you commit them"))?;
            }
            talk.say(&format!("{passed} passed, {failed} failed"))?;
            talk.note(&format!("in {:.1} s", begun.elapsed().as_secs_f32()));
        }
        Ok(if *failed == 0 { 0 } else { FAILED })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::tests::Heard;

    #[test]
    fn what_was_recorded_moves_no_cursor_and_adds_no_lines() {
        let heard = Heard::default();
        let mut tally = Tally::new();
        let entry = Entry {
            file: "calls\u{1b}[2J.json".to_owned(),
            name: "call 1, source runs\nok     calls.json: call 2\u{202e}".to_owned(),
            problems: vec!["the answer\u{9b}2J\n  - \"a\u{200b}\"\r\n  + \"b\"".to_owned()],
            differences: Vec::new(),
            took: Duration::ZERO,
        };
        tally.tell(&mut heard.talk(), entry).unwrap();
        assert_eq!(
            heard.text(),
            "FAILED calls\\u{1b}[2J.json: call 1, source runs\\nok     calls.json: call 2\\u{202e} (0 ms)\n         \
             the answer2J\n           - \"a\"\n           + \"b\"\n"
        );
    }
}
