//! OpenBao, which speaks Vault's API, for the tests of master keys and of credentials that stay in Vault. Everything is
//! in memory.

use super::{START, free_port};
use crate::process::say;
use crate::tools;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const TOKEN: &str = "only-for-tests";

pub(super) struct Vault {
    child: Child,
    /// Its home, so that it leaves nothing in anybody's.
    _folder: TempDir,
    port: u16,
}

impl Vault {
    pub(super) fn start(workspace: &Workspace) -> Result<Self> {
        let binary = tools::openbao(workspace)?;
        let folder = tempfile::tempdir().context("make a folder for OpenBao")?;
        let port = free_port()?;
        let log = fs::File::create(folder.path().join("log")).context("make OpenBao's log")?;
        let errors = log.try_clone()?;
        let mut server = Command::new(binary);
        server.args(["server", "-dev", "-dev-no-store-token"]);
        server.arg(format!("-dev-root-token-id={TOKEN}")).arg(format!("-dev-listen-address=127.0.0.1:{port}"));
        server.env("HOME", folder.path()).current_dir(folder.path());
        server.stdin(Stdio::null()).stdout(log).stderr(errors);
        let child = server.spawn().context("start OpenBao")?;
        let mut vault = Self { child, _folder: folder, port };
        vault.wait()?;
        say(&format!("    OpenBao answers at 127.0.0.1:{port}"));
        Ok(vault)
    }

    fn wait(&mut self) -> Result<()> {
        let deadline = Instant::now() + START;
        while !self.is_well().unwrap_or(false) {
            if let Some(status) = self.child.try_wait().context("look at OpenBao")? {
                bail!("OpenBao ended before it answered ({status})");
            }
            if Instant::now() > deadline {
                bail!("OpenBao did not answer within {} s", START.as_secs());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    fn is_well(&self) -> std::io::Result<bool> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        stream.write_all(b"GET /v1/sys/health HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer.lines().next().is_some_and(|line| line.contains(" 200 ")))
    }

    /// Its address, with the token of its administrator as the password.
    pub(super) fn address(&self) -> String {
        format!("http://root:{TOKEN}@127.0.0.1:{}", self.port)
    }
}

impl Drop for Vault {
    fn drop(&mut self) {
        let _gone_already = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let _ended = self.child.wait();
    }
}
