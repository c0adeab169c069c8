//! OpenBao, which speaks Vault's API, for the tests of master keys and of credentials that stay in Vault. Everything is
//! in memory.

use super::{free_port, is_well, wait};
use crate::process::say;
use crate::tools;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::process::{Child, Command, Stdio};
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
        wait("OpenBao", &mut vault.child, || is_well(port, "/v1/sys/health"))?;
        say(&format!("    OpenBao answers at 127.0.0.1:{port}"));
        Ok(vault)
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
