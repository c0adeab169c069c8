//! PostgreSQL, as a user of its own where this one is root, because it refuses to run as that.

use crate::command::{run, succeeds, which};
use crate::part::{Package, Part};
use crate::place::{Lasting, Place};
use crate::server::Server;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) const PACKAGE: Package = Package::Apt("postgresql");

/// The newest of those that the distribution has, or one on the PATH.
pub(crate) fn find() -> Option<PathBuf> {
    let newest = || {
        let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
        let programs = versions.filter_map(|version| Some(version.ok()?.path().join("bin/postgres")));
        programs.filter(|program| program.is_file()).max()
    };
    newest().or_else(|| which("postgres"))
}

pub(crate) fn start(program: &Path, place: &Place) -> Result<Server> {
    let beside = |name: &str| program.with_file_name(name);
    let data = place.path("data");
    give_to_postgres(&place.folder)?;
    if !Path::new(&data).join("PG_VERSION").exists() {
        init(&beside("initdb"), place)?;
    }
    let port = place.port.to_string();
    let mut postgres = as_postgres(program, &["-D", &data, "-p", &port]);
    let sockets = format!("unix_socket_directories={}", place.folder.display());
    for setting in ["listen_addresses=127.0.0.1", &sockets, "max_connections=300", "log_min_messages=fatal"] {
        postgres.args(["-c", setting]);
    }
    if place.lasting == Lasting::ThisRun {
        // What may be lost with the machine need not be flushed.
        postgres.args(["-c", "fsync=off"]);
    }
    let ready = || succeeds(Command::new(beside("pg_isready")).args(["-q", "-h", "127.0.0.1", "-p", &port]));
    Server::start(Part::Postgres, &mut postgres, place, ready)
}

fn init(initdb: &Path, place: &Place) -> Result<()> {
    // An earlier try may have left half of it.
    let (data, beside, password) = (place.path("data"), place.path("data.new"), place.path("initial"));
    let _nothing = fs::remove_dir_all(&beside);
    crate::place::write_private(Path::new(&password), &place.password)?;
    give_to_postgres(Path::new(&password))?;
    let mut init = as_postgres(initdb, &["-D", &beside, "-A", "scram-sha-256"]);
    init.arg(format!("--pwfile={password}")).args(["-U", "opssight", "-E", "UTF8", "--locale=C.UTF-8"]);
    if place.lasting == Lasting::ThisRun {
        init.arg("--no-sync");
    }
    let made = run(&mut init);
    let _gone = fs::remove_file(&password);
    made?;
    fs::rename(&beside, &data).with_context(|| format!("name the folder {data}"))
}

/// What is in a folder of it belongs to its user.
fn give_to_postgres(path: &Path) -> Result<()> {
    if !is_root() {
        return Ok(());
    }
    run(Command::new("chown").arg("postgres:postgres").arg(path))?;
    if !succeeds(&mut as_postgres(Path::new("test"), &["-r", &path.to_string_lossy()])) {
        bail!(
            "PostgreSQL does not run as root, and its user `postgres` cannot get to {}: choose a folder that everybody \
             may go through, or run this as another user",
            path.display()
        );
    }
    Ok(())
}

fn as_postgres(program: &Path, arguments: &[&str]) -> Command {
    let mut command = if is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    command.args(arguments).current_dir("/");
    command
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
