//! A process that is told from a later one of the same number.

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use std::fs;
use std::time::{Duration, Instant};

/// How long one may take to end once it is asked to.
const STOP: Duration = Duration::from_secs(10);
const AGAIN: Duration = Duration::from_millis(20);

/// A process by its number and when it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) id: i32,
    /// In ticks since the machine was started; 0 where the system does not say.
    pub(crate) began: u64,
}

impl Process {
    /// The one that has this number now.
    pub(crate) fn of(id: u32) -> Self {
        let id = i32::try_from(id).unwrap_or_default();
        Self { id, began: stat(id).map_or(0, |(_, began)| began) }
    }

    /// Dead, but not yet waited for, is not running.
    pub(crate) fn is_running(self) -> bool {
        let there = Pid::from_raw(self.id).is_some_and(|id| test_kill_process(id).is_ok());
        match stat(self.id) {
            Some((state, began)) => there && state != 'Z' && began == self.began,
            // Without `/proc` the number has to do.
            None => there && self.began == 0,
        }
    }

    /// Send it a signal, if it is there.
    pub(crate) fn signal(self, signal: Signal) {
        if let Some(id) = Pid::from_raw(self.id).filter(|_| self.is_running()) {
            let _gone_already = kill_process(id, signal);
        }
    }

    /// Ask it to end; after a while, end it. Of a child that nobody has waited for yet, only waiting tells whether it
    /// runs.
    pub(crate) fn stop(self, signal: Signal, mut is_running: impl FnMut() -> bool) {
        let Some(id) = Pid::from_raw(self.id).filter(|_| is_running()) else { return };
        let _gone_already = kill_process(id, signal);
        let deadline = Instant::now() + STOP;
        while is_running() {
            if Instant::now() > deadline {
                let _gone_already = kill_process(id, Signal::KILL);
            }
            std::thread::sleep(AGAIN);
        }
    }
}

/// Its state, and when it began.
fn stat(id: i32) -> Option<(char, u64)> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name before may hold anything.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    let state = fields.next()?.chars().next()?;
    // The 22nd of all; the state is the third.
    let began = fields.nth(18)?.parse().ok()?;
    Some((state, began))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_stopped_and_another_of_its_number_is_left_alone() {
        let mut child = std::process::Command::new("sleep").arg("600").spawn().unwrap();
        let process = Process::of(child.id());
        let later = Process { began: process.began + 1, ..process };
        assert!(process.is_running() && !later.is_running());
        later.stop(Signal::KILL, || later.is_running());
        assert!(process.is_running());
        process.stop(Signal::TERM, || process.is_running());
        assert!(!process.is_running());
        child.wait().unwrap();
    }
}
