//! A broker that speaks Kafka's protocol, with topics that last as long as it runs.

use super::{START, free_port};
use crate::process::say;
use crate::tools;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

pub(super) struct Kafka {
    child: Child,
    program: PathBuf,
    port: u16,
    /// Its log.
    folder: TempDir,
}

impl Kafka {
    pub(super) fn start(workspace: &Workspace) -> Result<Self> {
        let program = tools::kafka_broker(workspace)?;
        let folder = tempfile::tempdir().context("make a folder for the broker")?;
        let port = free_port()?;
        let log = fs::File::create(folder.path().join("log")).context("make the broker's log")?;
        let errors = log.try_clone()?;
        let address = format!("tcp://127.0.0.1:{port}");
        let mut broker = Command::new(&program);
        broker.args(["broker", "--listener-url", &address, "--advertised-listener-url", &address]);
        broker.args(["--storage-engine", "memory://tansu/"]).current_dir(folder.path());
        let child = broker.stdin(Stdio::null()).stdout(log).stderr(errors).spawn().context("start the broker")?;
        let mut kafka = Self { child, program, port, folder };
        kafka.wait()?;
        say(&format!("    Kafka's protocol answers at 127.0.0.1:{port}"));
        Ok(kafka)
    }

    fn wait(&mut self) -> Result<()> {
        let deadline = Instant::now() + START;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            if let Some(status) = self.child.try_wait().context("look at the broker")? {
                let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
                bail!("the broker ended before it answered ({status}):\n{log}");
            }
            if Instant::now() > deadline {
                bail!("the broker did not answer within {} s", START.as_secs());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    pub(super) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The program, for tests that need a broker of their own to stop and start.
    pub(super) fn program(&self) -> &Path {
        &self.program
    }
}

impl Drop for Kafka {
    fn drop(&mut self) {
        let _gone_already = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let deadline = Instant::now() + Duration::from_secs(5);
        while matches!(self.child.try_wait(), Ok(None)) {
            if Instant::now() > deadline {
                let _ended = self.child.kill();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
