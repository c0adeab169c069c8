//! The servers that tests talk to: real ones, each on a private loopback port with a folder of its own, stopped by its
//! own id. Nothing of the machine's own services is touched.

mod victoria;

use crate::process::{self, say};
use crate::tools;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use victoria::Victoria;

/// How long a server may take to answer, on a machine that is busy.
const START: Duration = Duration::from_secs(60);
const PASSWORD: &str = "only-for-tests";

/// What tests need. Stopped when it is dropped.
pub(crate) struct Services {
    postgres: Postgres,
    victoria: Victoria,
}

impl Services {
    /// Install what is missing, and start all of them.
    pub(crate) fn start(workspace: &Workspace) -> Result<Self> {
        Ok(Self { postgres: Postgres::start(workspace)?, victoria: Victoria::start(workspace)? })
    }

    /// The variables by which tests find them.
    pub(crate) fn variables(&self) -> [(&'static str, String); 2] {
        [("OPSSIGHT_TEST_POSTGRES", self.postgres.address()), ("OPSSIGHT_TEST_VICTORIA", self.victoria.address())]
    }
}

/// Start them and wait for Ctrl-C, so that single tests can be run beside.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    crate::interrupt::watch()?;
    let services = Services::start(workspace)?;
    for (name, value) in services.variables() {
        process::print(&format!("export {name}={value}"))?;
    }
    say("Ctrl-C stops them.");
    while !crate::interrupt::seen() {
        std::thread::sleep(Duration::from_millis(200));
    }
    Ok(())
}

struct Postgres {
    child: Child,
    folder: PathBuf,
    port: u16,
}

impl Postgres {
    fn start(workspace: &Workspace) -> Result<Self> {
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
        let deadline = Instant::now() + START;
        loop {
            let mut ready = Command::new(bin.join("pg_isready"));
            ready.args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()]);
            if process::succeeds(&mut ready) {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait().context("look at PostgreSQL")? {
                bail!("PostgreSQL ended before it answered ({status})");
            }
            if Instant::now() > deadline {
                bail!("PostgreSQL did not answer within {} s", START.as_secs());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn address(&self) -> String {
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

fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("find a free port")?;
    Ok(listener.local_addr().context("find a free port")?.port())
}
