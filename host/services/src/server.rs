//! A server's process: started, waited for, and stopped by its own id.

use crate::part::Part;
use crate::place::Place;
use crate::process::Process;
use crate::record::Record;
use anyhow::{Context, Result, bail};
use rustix::process::Signal;
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long one may take to answer, on a machine that is busy.
const START: Duration = Duration::from_secs(60);

/// A running server. It ends with this value, unless it is left running.
#[derive(Debug)]
pub struct Server {
    part: Part,
    child: Child,
    process: Process,
    place: Place,
    is_left: bool,
}

impl Server {
    /// Start it, with its log in its folder, and wait until it answers.
    pub(crate) fn start(part: Part, command: &mut Command, place: &Place, answers: impl Fn() -> bool) -> Result<Self> {
        let name = part.title();
        let path = log_of(&place.folder);
        let log = fs::File::create(&path).with_context(|| format!("make the log of {name}"))?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        if place.alone {
            command.process_group(0);
        }
        let child = command.spawn().with_context(|| format!("start {name}"))?;
        let process = Process::of(child.id());
        let mut server = Self { part, child, process, place: place.clone(), is_left: false };
        Record::keep(&place.folder, process, place.port)?;
        server.wait(&path, answers)?;
        Ok(server)
    }

    fn wait(&mut self, log: &Path, answers: impl Fn() -> bool) -> Result<()> {
        let name = self.part.title();
        let deadline = Instant::now() + START;
        while !answers() {
            if let Some(status) = self.child.try_wait().with_context(|| format!("look at {name}"))? {
                let log = fs::read_to_string(log).unwrap_or_default();
                bail!("{name} ended before it answered ({status}):\n{log}");
            }
            if Instant::now() > deadline {
                bail!("{name} did not answer within {} s; its log is {}", START.as_secs(), log.display());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Which.
    pub fn part(&self) -> Part {
        self.part
    }

    /// Where it is.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Whether it runs. One that ended by itself says why in its log.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// What it says of itself.
    pub fn log(&self) -> PathBuf {
        log_of(&self.place.folder)
    }

    /// End it as a crash would, without a chance to prepare. What it kept is in its place, for the next start.
    pub fn kill(mut self) {
        self.end(Signal::KILL);
    }

    fn end(&mut self, signal: Signal) {
        let child = &mut self.child;
        self.process.stop(signal, || matches!(child.try_wait(), Ok(None)));
        Record::forget(&self.place.folder);
    }

    /// Let it stand still: it is there, and does nothing, until [`Server::go_on`].
    pub fn stand_still(&self) {
        self.process.signal(Signal::STOP);
    }

    /// After it stood still.
    pub fn go_on(&self) {
        self.process.signal(Signal::CONT);
    }

    /// Let it run on; [`crate::stop_all`] stops it.
    pub fn leave(mut self) {
        self.is_left = true;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if !self.is_left {
            self.end(stop_signal(self.part));
        }
    }
}

fn log_of(folder: &Path) -> PathBuf {
    folder.join("log")
}

/// What ends it at once and in order. For PostgreSQL that is "fast": whoever is connected is cut off.
pub(crate) fn stop_signal(part: Part) -> Signal {
    match part {
        Part::Postgres | Part::Metrics => Signal::INT,
        Part::Redis | Part::Kafka | Part::Vault | Part::Azure | Part::Google => Signal::TERM,
    }
}

/// Whether somebody listens.
pub(crate) fn listens(port: u16) -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// Whether a server of the web says that it is well.
pub(crate) fn is_well(port: u16, path: &str) -> bool {
    let ask = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer.lines().next().is_some_and(|line| line.contains(" 200 ")))
    };
    ask().unwrap_or(false)
}
