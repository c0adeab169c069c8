//! A broker that speaks Kafka's protocol, with topics that last as long as it runs.

use super::{free_port, wait};
use crate::process::say;
use crate::tools;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
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
    _folder: TempDir,
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
        let mut kafka = Self { child, program, port, _folder: folder };
        wait("the broker", &mut kafka.child, || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok())?;
        say(&format!("    Kafka's protocol answers at 127.0.0.1:{port}"));
        Ok(kafka)
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
