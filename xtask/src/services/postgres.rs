//! PostgreSQL, as a user of its own, because it refuses to run as root.

use super::{PASSWORD, free_port, wait};
use crate::process::{self, say};
use crate::tools;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

pub(super) struct Postgres {
    child: Child,
    folder: PathBuf,
    port: u16,
}

impl Postgres {
    pub(super) fn start(workspace: &Workspace) -> Result<Self> {
        let bin = tools::postgres(workspace)?;
        let folder = as_postgres("mktemp", &["-d", "-t", "opssight-postgres.XXXXXX"]);
        let folder = PathBuf::from(process::capture(&mut { folder })?.trim());
        let (data, password) = (folder.join("data"), folder.join("password"));
        let (data, password) = (data.to_string_lossy().into_owned(), password.to_string_lossy().into_owned());
        let keep = format!("printf %s '{PASSWORD}' > '{password}'");
        process::capture(&mut as_postgres("sh", &["-c", &keep]))?;
        let initdb = bin.join("initdb").to_string_lossy().into_owned();
        let pwfile = format!("--pwfile={password}");
        process::capture(&mut as_postgres(
            &initdb,
            &[
                "-D",
                &data,
                "-A",
                "scram-sha-256",
                &pwfile,
                "-U",
                "opssight",
                "-E",
                "UTF8",
                "--locale=C.UTF-8",
                "--no-sync",
            ],
        ))?;
        let port = free_port()?;
        let sockets = format!("unix_socket_directories={}", folder.display());
        let port_text = port.to_string();
        let mut server = as_postgres(&bin.join("postgres").to_string_lossy(), &["-D", &data, "-p", &port_text]);
        // What a test may lose with the machine, it need not flush.
        for setting in
            ["listen_addresses=127.0.0.1", &sockets, "fsync=off", "max_connections=300", "log_min_messages=fatal"]
        {
            server.args(["-c", setting]);
        }
        let log = fs::File::create(folder.join("log")).context("make PostgreSQL's log")?;
        let errors = log.try_clone()?;
        server.stdin(Stdio::null()).stdout(log).stderr(errors);
        let child = server.spawn().context("start PostgreSQL")?;
        let mut postgres = Self { child, folder, port };
        postgres.wait(&bin)?;
        say(&format!("    PostgreSQL answers at 127.0.0.1:{port}"));
        Ok(postgres)
    }

    fn wait(&mut self, bin: &Path) -> Result<()> {
        let port = self.port.to_string();
        wait("PostgreSQL", &mut self.child, || {
            let mut ready = Command::new(bin.join("pg_isready"));
            process::succeeds(ready.args(["-q", "-h", "127.0.0.1", "-p", &port]))
        })
    }

    pub(super) fn address(&self) -> String {
        format!("postgres://opssight:{PASSWORD}@127.0.0.1:{}/postgres", self.port)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // "Fast": whoever is connected is cut off.
        let _gone_already = kill_process(Pid::from_child(&self.child), Signal::INT);
        let _ended = self.child.wait();
        let _left = process::capture(&mut as_postgres("rm", &["-rf", &self.folder.to_string_lossy()]));
    }
}

/// PostgreSQL refuses to run as root.
fn as_postgres(program: &str, arguments: &[&str]) -> Command {
    let mut command = if rustix::process::geteuid().is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", program]);
        command
    } else {
        Command::new(program)
    };
    command.args(arguments).current_dir("/");
    command
}
