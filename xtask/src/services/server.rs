//! A server's process: started, waited for, and stopped by its own id.

use crate::process::say;
use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use std::any::Any;
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long one may take to answer, on a machine that is busy.
const START: Duration = Duration::from_secs(60);
/// How long one may take to end once it is asked to.
const STOP: Duration = Duration::from_secs(10);

/// A running server. It ends with this value, and its folder after it.
pub(super) struct Server {
    child: Child,
    stop: Signal,
    _folder: Box<dyn Any>,
}

impl Server {
    /// Start it, with its log in a folder, and wait until it answers. `folder` is what removes the folder when it is
    /// dropped, `stop` the signal that ends this server.
    pub(super) fn start(
        name: &str,
        command: &mut Command,
        (path, folder): (&Path, Box<dyn Any>),
        stop: Signal,
        answers: impl Fn() -> bool,
    ) -> Result<Self> {
        let path = path.join("log");
        let log = fs::File::create(&path).with_context(|| format!("make the log of {name}"))?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let child = command.spawn().with_context(|| format!("start {name}"))?;
        let mut server = Self { child, stop, _folder: folder };
        server.wait(name, &path, answers)?;
        say(&format!("    {name} answers"));
        Ok(server)
    }

    fn wait(&mut self, name: &str, log: &Path, answers: impl Fn() -> bool) -> Result<()> {
        let deadline = Instant::now() + START;
        while !answers() {
            if let Some(status) = self.child.try_wait().with_context(|| format!("look at {name}"))? {
                let log = fs::read_to_string(log).unwrap_or_default();
                bail!("{name} ended before it answered ({status}):\n{log}");
            }
            if Instant::now() > deadline {
                bail!("{name} did not answer within {} s", START.as_secs());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _gone_already = kill_process(Pid::from_child(&self.child), self.stop);
        let deadline = Instant::now() + STOP;
        while matches!(self.child.try_wait(), Ok(None)) {
            if Instant::now() > deadline {
                let _ended = self.child.kill();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// A port that nobody listens on.
pub(super) fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("find a free port")?;
    Ok(listener.local_addr().context("find a free port")?.port())
}

/// Whether somebody listens.
pub(super) fn listens(port: u16) -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// Whether a server of the web says that it is well.
pub(super) fn is_well(port: u16, path: &str) -> bool {
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
