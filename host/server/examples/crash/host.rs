//! A host that is there to be killed.

use crate::clock::Clock;
use crate::launch::{Launch, Launched};
use crate::trace;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

/// How it is started.
pub(crate) struct Start<'a> {
    pub(crate) binary: &'a str,
    pub(crate) dir: &'a Path,
    /// Settings of the world, as variables.
    pub(crate) settings: &'a [(&'static str, String)],
}

/// What awaits it.
pub(crate) enum Fate<'a> {
    /// Nothing.
    Calm,
    /// It writes down each step that it takes.
    Noted(&'a Path),
    /// It dies at a step: `3 settle the delivery: kept`.
    DiesAt(String),
    /// No file of its may become larger than so many KiB.
    DiskFull(u64),
    /// So many milliseconds pass until the disk has what is flushed.
    DiskSlow(u64),
    /// What it asks of its disk and answers is written down.
    Traced(&'a Path),
    /// Its wall clock says what a file says: `+3600s`. What measures how much time passes is right.
    Clock(&'a Clock),
}

impl Start<'_> {
    /// With how it ended, if that was before it was ready, as some fates want it.
    pub(crate) fn start(&self, fate: &Fate<'_>) -> Result<Launched, ExitStatus> {
        let command = match fate {
            Fate::DiskFull(kib) => {
                let mut shell = Command::new("bash");
                // The signal for it would end the host; without it, writing fails as on a full disk.
                shell.args(["-c", "trap '' XFSZ; ulimit -f \"$0\"; exec \"$@\""]);
                shell.arg(kib.to_string()).arg(self.binary);
                shell
            }
            Fate::DiskSlow(millis) => {
                let mut strace = Command::new("strace");
                // Whoever looks on is not the parent: the host is our child, as ever.
                strace.args([
                    "-D",
                    "-f",
                    "-q",
                    "--seccomp-bpf",
                    "-o",
                    "/dev/null",
                    "-e",
                    "trace=fsync,fdatasync",
                    "-e",
                ]);
                strace.arg(format!("inject=fsync,fdatasync:delay_exit={millis}000")).arg(self.binary);
                strace
            }
            Fate::Traced(file) => {
                let mut strace = Command::new("strace");
                strace.args(["-D", "-f", "-q", "--seccomp-bpf", "-y", "-xx", "-s", "8192", "-e", trace::CALLS, "-o"]);
                strace.arg(file).arg(self.binary);
                strace
            }
            Fate::Calm | Fate::Noted(_) | Fate::DiesAt(_) | Fate::Clock(_) => Command::new(self.binary),
        };
        let mut launch = Launch::by(command, self.dir)
            // The recorded deliveries are years old: a restart would purge what they said.
            .env("OPSSIGHT_RETENTION__RUNS_DAYS", "36500")
            .env("OPSSIGHT_RETENTION__DELIVERY_DAYS", "36500")
            .env("OPSSIGHT_PLUGINS__DEV", "true");
        for (name, value) in self.settings {
            launch = launch.env(name, value);
        }
        match fate {
            Fate::Noted(file) => launch = launch.env("OPSSIGHT_FAILPOINT_LOG", &file.to_string_lossy()),
            Fate::DiesAt(step) => launch = launch.env("OPSSIGHT_FAILPOINT", step),
            Fate::Clock(clock) => {
                launch = launch
                    .env("LD_PRELOAD", &clock.library.to_string_lossy())
                    .env("FAKETIME_TIMESTAMP_FILE", &clock.file.to_string_lossy())
                    .env("FAKETIME_CACHE_DURATION", "1")
                    .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
                    .env("NO_FAKE_STAT", "1");
            }
            Fate::Calm | Fate::DiskFull(_) | Fate::DiskSlow(_) | Fate::Traced(_) => {}
        }
        launch.start()
    }
}

/// How it ended, if it did within this time.
pub(crate) async fn ends(host: &mut Launched, within: Duration) -> Option<ExitStatus> {
    let deadline = Instant::now() + within;
    loop {
        let ended = host.child.try_wait().expect("its state");
        if ended.is_some() || Instant::now() >= deadline {
            return ended;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Whether it died at the step where it was to.
pub(crate) fn at_its_step(ended: ExitStatus) -> bool {
    const ABORTED: i32 = 6;
    ended.signal() == Some(ABORTED)
}

pub(crate) fn signal(host: &Launched, name: &str) {
    let sent = Command::new("kill").args([name, &host.child.id().to_string()]).status().expect("kill runs");
    assert!(sent.success(), "kill {name}");
}

/// The end that it can prepare for; whoever takes too long for it is killed.
pub(crate) fn terminate(mut host: Launched) {
    signal(&host, "-TERM");
    let deadline = Instant::now() + Duration::from_secs(40);
    while host.child.try_wait().expect("its state").is_none() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(10));
    }
}
