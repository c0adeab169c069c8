//! PostgreSQL, as a user of its own, because it refuses to run as root.

use super::server::{Server, free_port};
use super::{PASSWORD, Service};
use crate::process;
use crate::tools;
use crate::workspace::Workspace;
use anyhow::Result;
use rustix::process::Signal;
use std::path::{Path, PathBuf};
use std::process::Command;

pub(super) fn start(workspace: &Workspace) -> Result<Service> {
    let bin = tools::postgres(workspace)?;
    let made = process::capture(&mut as_postgres("mktemp", &["-d", "-t", "opssight-postgres.XXXXXX"]))?;
    let folder = Folder(PathBuf::from(made.trim()));
    let (path, port) = (folder.0.clone(), free_port()?);
    init(&bin, &path)?;
    let data = path.join("data").to_string_lossy().into_owned();
    let mut postgres = as_postgres(&bin.join("postgres").to_string_lossy(), &["-D", &data, "-p", &port.to_string()]);
    let sockets = format!("unix_socket_directories={}", path.display());
    // What a test may lose with the machine, it need not flush.
    for setting in
        ["listen_addresses=127.0.0.1", &sockets, "fsync=off", "max_connections=300", "log_min_messages=fatal"]
    {
        postgres.args(["-c", setting]);
    }
    let ready = || {
        let mut ready = Command::new(bin.join("pg_isready"));
        process::succeeds(ready.args(["-q", "-h", "127.0.0.1", "-p", &port.to_string()]))
    };
    // "Fast": whoever is connected is cut off.
    let server = Server::start("PostgreSQL", &mut postgres, (&path, Box::new(folder)), Signal::INT, ready)?;
    let address = format!("postgres://opssight:{PASSWORD}@127.0.0.1:{port}/postgres");
    Ok(Service { _server: server, variables: vec![("OPSSIGHT_TEST_POSTGRES", address)] })
}

fn init(bin: &Path, folder: &Path) -> Result<()> {
    let (data, password) = (folder.join("data"), folder.join("password"));
    let (data, password) = (data.to_string_lossy(), password.to_string_lossy());
    process::capture(&mut as_postgres("sh", &["-c", &format!("printf %s '{PASSWORD}' > '{password}'")]))?;
    let mut initdb = as_postgres(&bin.join("initdb").to_string_lossy(), &["-D", &data, "-A", "scram-sha-256"]);
    initdb.arg(format!("--pwfile={password}")).args(["-U", "opssight", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]);
    process::capture(&mut initdb)?;
    Ok(())
}

/// It belongs to another user.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _left = process::capture(&mut as_postgres("rm", &["-rf", &self.0.to_string_lossy()]));
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
