//! Redis, with nothing written to disk. Tests that kill one start their own with the same program.

use super::{PASSWORD, free_port, wait};
use crate::process::say;
use crate::tools;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

pub(super) struct Redis {
    child: Child,
    port: u16,
    _folder: TempDir,
}

impl Redis {
    pub(super) fn start(workspace: &Workspace) -> Result<Self> {
        let program = tools::redis(workspace)?;
        let folder = tempfile::tempdir().context("make a folder for Redis")?;
        let port = free_port()?;
        let log = fs::File::create(folder.path().join("log")).context("make Redis' log")?;
        let mut server = Command::new(program);
        server.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
        server.args(["--requirepass", PASSWORD]).arg("--dir").arg(folder.path());
        let child = server.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn().context("start Redis")?;
        let mut redis = Self { child, port, _folder: folder };
        // It listens once it is ready, because there is nothing to load.
        wait("Redis", &mut redis.child, || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok())?;
        say(&format!("    Redis answers at 127.0.0.1:{port}"));
        Ok(redis)
    }

    pub(super) fn address(&self) -> String {
        format!("redis://:{PASSWORD}@127.0.0.1:{}", self.port)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _gone_already = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let _ended = self.child.wait();
    }
}
