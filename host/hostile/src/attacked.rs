//! The child process that is the host under attack, as its parent sees it: it says one line after the other, and ends.

use anyhow::{Context, Result};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

/// A host under attack. It does not outlive this value.
pub(crate) struct Attacked {
    child: Child,
    lines: Receiver<std::io::Result<String>>,
    patience: Duration,
    silent: bool,
}

impl Attacked {
    /// This program with these arguments. It is killed when it says nothing for longer than this: its own timeouts are
    /// tasks like any other, and end nothing that keeps their threads.
    pub(crate) fn start(args: &[String], patience: Duration) -> Result<Self> {
        let program = std::env::current_exe().context("find this program")?;
        let mut command = Command::new(program);
        as_deployed(command.args(args)).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().context("start the host under attack")?;
        let said = child.stdout.take().context("read from the host under attack")?;
        let (teller, lines) = sync_channel(100);
        // It ends with what it reads, or with the first line that nobody wants.
        let reader = move || BufReader::new(said).lines().try_for_each(|line| teller.send(line));
        std::thread::Builder::new().name("lines".to_owned()).spawn(reader).context("start a thread")?;
        Ok(Self { child, lines, patience, silent: false })
    }

    /// What it says next. None: it has ended, or was ended.
    pub(crate) fn line(&mut self) -> Result<Option<String>> {
        match self.lines.recv_timeout(self.patience) {
            Ok(line) => line.map(Some).context("read what the host under attack says"),
            Err(RecvTimeoutError::Disconnected) => Ok(None),
            Err(RecvTimeoutError::Timeout) => {
                self.silent = true;
                self.child.kill().context("kill the host under attack")?;
                Ok(None)
            }
        }
    }

    /// How it ended, after its last line. None: well.
    pub(crate) fn ended(mut self) -> Result<Option<String>> {
        let status = self.child.wait().context("wait for the host under attack")?;
        if self.silent {
            return Ok(Some(format!("the host process said nothing for {:?}, and was killed", self.patience)));
        }
        Ok((!status.success()).then(|| format!("the host process ended: {status}")))
    }
}

impl Drop for Attacked {
    fn drop(&mut self) {
        let _ended = self.child.kill().and_then(|()| self.child.wait());
    }
}

/// As `deploy` starts a host: what is freed goes back to the system instead of into the allocator's stock.
fn as_deployed(command: &mut Command) -> &mut Command {
    command.env("MALLOC_ARENA_MAX", "2").env("MALLOC_MMAP_THRESHOLD_", "131072").env("MALLOC_TRIM_THRESHOLD_", "131072")
}
