//! What runs in a folder, for whoever comes later: who started it may be gone.

use crate::part::Part;
use crate::place::write_private;
use crate::process::Process;
use crate::server::stop_signal;
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};

/// The file of it in a server's folder.
const FILE: &str = "running";

/// A server that was started, as its folder says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Which.
    pub part: Part,
    /// Its port.
    pub port: u16,
    /// Its process.
    pub pid: i32,
    process: Process,
    folder: PathBuf,
}

impl Record {
    pub(crate) fn keep(folder: &Path, process: Process, port: u16) -> Result<()> {
        write_private(&folder.join(FILE), &format!("{} {} {port}\n", process.id, process.began))
    }

    pub(crate) fn forget(folder: &Path) {
        // One that stays names a process that is gone.
        let _gone = fs::remove_file(folder.join(FILE));
    }

    /// Those of the servers below a folder that run.
    pub fn all(folder: &Path) -> Vec<Self> {
        Part::ALL.into_iter().filter_map(|part| Self::of(part, folder)).collect()
    }

    /// That of one server, if it runs.
    pub fn of(part: Part, folder: &Path) -> Option<Self> {
        let folder = folder.join(part.name());
        let text = fs::read_to_string(folder.join(FILE)).ok()?;
        let mut words = text.split_whitespace();
        let process = Process { id: words.next()?.parse().ok()?, began: words.next()?.parse().ok()? };
        let port = words.next()?.parse().ok()?;
        process.is_running().then_some(Self { part, port, pid: process.id, process, folder })
    }

    /// The password that it asks for.
    pub fn password(&self) -> Result<String> {
        let path = self.folder.join("password");
        fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))
    }
}

/// Stop what runs below a folder; what that was.
pub fn stop_all(folder: &Path) -> Vec<Record> {
    let running = Record::all(folder);
    for record in running.iter().rev() {
        record.process.stop(stop_signal(record.part), || record.process.is_running());
        Record::forget(&record.folder);
    }
    running
}
