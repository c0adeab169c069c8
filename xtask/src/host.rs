//! The real host, as a process: built, started on a private port, signed in to, stopped by its own id.

mod api;

pub(crate) use api::{Answer, Api, escape, text};

use crate::process::{self, say};
use crate::tools;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

/// A first start compiles plugins to machine code; on a loaded machine that takes a while.
const START: Duration = Duration::from_secs(180);
/// Draining ends by itself well before this.
const STOP: Duration = Duration::from_secs(30);

/// Build the host. The dashboard is embedded: build it first.
pub(crate) fn build(workspace: &Workspace) -> Result<()> {
    process::headline("Host");
    // The whole workspace is selected, as the tests select it: `-p` would choose other features of shared dependencies
    // and compile wasmtime a second time.
    process::run(workspace.whole(&["build"])?.args(["--bin", "opssight"]))
}

/// Build the host and an example of the server crate that works on it; the example's program.
pub(crate) fn example(workspace: &Workspace, name: &str) -> Result<PathBuf> {
    let build = ["--quiet", "--bin", "opssight", "--example", name];
    process::run(workspace.whole(&["build"])?.args(build))?;
    Ok(workspace.opssight().with_file_name("examples").join(name))
}

/// `cargo xtask authz-matrix`: who is let through where. The test says it in one line.
pub(crate) fn matrix(workspace: &Workspace) -> Result<()> {
    tools::wasm_target(workspace)?;
    let test = ["--quiet", "--test", "it", "--", "matrix::", "--nocapture"];
    let done = workspace.whole(&["test"])?.args(test).output().context("run the test of the matrix")?;
    let said = String::from_utf8_lossy(&done.stdout) + String::from_utf8_lossy(&done.stderr);
    let verdict = said.lines().rev().find(|line| line.starts_with("cells "));
    if !done.status.success() {
        say(&said);
    }
    process::print(verdict.context("the test of the matrix said nothing")?)?;
    anyhow::ensure!(done.status.success(), "somebody is let through who should not be, or the other way round");
    Ok(())
}

/// A running host.
pub(crate) struct Host {
    child: Child,
    log: PathBuf,
    /// Where it answers: "http://127.0.0.1:4000".
    pub(crate) address: String,
    /// The admin secret that its first start printed.
    pub(crate) secret: Option<String>,
}

impl Host {
    /// Start one on `data`, and wait until it says that it is ready.
    pub(crate) fn start(workspace: &Workspace, data: &Path, port: u16) -> Result<Host> {
        let log = data.join("opssight.log");
        fs::create_dir_all(data).with_context(|| format!("make {}", data.display()))?;
        let errors = fs::File::create(&log).with_context(|| format!("write {}", log.display()))?;
        let mut command = workspace.command(&workspace.opssight().to_string_lossy());
        command.arg("serve").arg("--data").arg(data.join("data"));
        command.arg("--listen").arg(format!("127.0.0.1:{port}")).arg("--plugins").arg(workspace.plugins());
        // The packages of a working tree are signed by nobody.
        command.arg("--dev");
        // A group of its own: Ctrl-C reaches only us, and we stop it in order.
        command.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(errors);
        let mut child = command.spawn().context("start opssight")?;
        let lines = child.stdout.take().map(lines).context("opssight has no stdout")?;
        let mut host = Host { child, log, address: String::new(), secret: None };
        host.wait_until_ready(&lines)?;
        Ok(host)
    }

    fn wait_until_ready(&mut self, lines: &Receiver<String>) -> Result<()> {
        let deadline = Instant::now() + START;
        while self.address.is_empty() {
            crate::interrupt::check()?;
            match lines.recv_timeout(Duration::from_millis(200)) {
                Ok(line) => self.read(&line),
                Err(RecvTimeoutError::Timeout) if Instant::now() < deadline => {}
                Err(RecvTimeoutError::Timeout) => {
                    bail!("opssight was not ready after {} s; its log ends with:\n{}", START.as_secs(), self.log_end())
                }
                Err(RecvTimeoutError::Disconnected) => {
                    let status = self.child.wait().context("wait for opssight")?;
                    bail!("opssight ended before it was ready ({status}); its log ends with:\n{}", self.log_end())
                }
            }
        }
        // The secret may stand before or after the line that says ready.
        while self.secret.is_none() {
            match lines.recv_timeout(Duration::from_millis(300)) {
                Ok(line) => self.read(&line),
                Err(_) => break,
            }
        }
        Ok(())
    }

    fn read(&mut self, line: &str) {
        if let Some((_, rest)) = line.split_once("OpsSight is ready at ") {
            self.address = rest.split_whitespace().next().unwrap_or_default().trim_end_matches('/').to_owned();
        }
        if let Some((_, rest)) = line.split_once("Admin secret (shown once):") {
            self.secret = Some(rest.trim().to_owned());
        }
    }

    /// Sign in with the admin secret.
    pub(crate) fn sign_in(&self) -> Result<Api> {
        let secret = self.secret.as_deref().context("opssight printed no admin secret: was its folder not empty?")?;
        Api::sign_in(&self.address, secret)
    }

    /// Whether it is still running.
    pub(crate) fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Stop it in order. It must drain and end with 0.
    pub(crate) fn stop(mut self) -> Result<()> {
        match self.end()? {
            Some(status) if status.success() => Ok(()),
            Some(status) => bail!("opssight did not stop well ({status}); its log ends with:\n{}", self.log_end()),
            None => bail!("opssight did not drain within {} s and was killed", STOP.as_secs()),
        }
    }

    /// How it ended; none if it had to be killed.
    fn end(&mut self) -> Result<Option<ExitStatus>> {
        let pid = Pid::from_child(&self.child);
        if let Some(status) = self.child.try_wait().context("look at opssight")? {
            return Ok(Some(status));
        }
        kill_process(pid, Signal::TERM).context("stop opssight")?;
        let deadline = Instant::now() + STOP;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().context("wait for opssight")? {
                return Ok(Some(status));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        self.child.kill().context("kill opssight")?;
        self.child.wait().context("wait for opssight")?;
        Ok(None)
    }

    /// The last lines of its log.
    pub(crate) fn log_end(&self) -> String {
        let text = fs::read(&self.log).map(|log| String::from_utf8_lossy(&log).into_owned()).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let start = lines.len().saturating_sub(20);
        lines.get(start..).unwrap_or_default().iter().map(|line| format!("    | {line}\n")).collect()
    }
}

impl Drop for Host {
    /// Whatever went wrong, nothing is left running.
    fn drop(&mut self) {
        if self.is_running()
            && let Err(error) = self.end()
        {
            say(&format!("could not stop opssight: {error:#}"));
        }
    }
}

/// Lines as they come. The stream is read to its end, so that the host never blocks on a full pipe.
fn lines(stdout: ChildStdout) -> Receiver<String> {
    let (sender, receiver) = mpsc::sync_channel(64);
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            // After it is ready nobody listens any more; what comes then is dropped.
            drop(sender.try_send(line));
        }
    });
    receiver
}

/// A port that nobody has now: the wished-for one, or any.
pub(crate) fn free_port(wish: Option<u16>) -> Result<u16> {
    let bind = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).and_then(|listener| listener.local_addr());
    let address = match wish {
        Some(port) => bind(port).with_context(|| format!("port {port} is taken; choose another with --port"))?,
        None => bind(0).context("find a free port")?,
    };
    Ok(address.port())
}
