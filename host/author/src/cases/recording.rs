//! The calls of all cases in one file, beside the package that they were made on.

use anyhow::{Context, Result, bail};
use opssight_testkit::plugins::evidence::CallRecord;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The file with the calls.
pub(crate) const CALLS: &str = "calls.json";

/// Calls that are being written down.
pub(crate) struct Recording {
    folder: PathBuf,
    /// Where the calls of each case are until the end.
    desk: TempDir,
    cases: usize,
}

impl Recording {
    /// Into a folder that is empty or not there yet: a recording is never changed.
    pub(crate) fn start(folder: &Path) -> Result<Self> {
        if fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) {
            bail!("record into {}: there is something in it; name another folder", folder.display());
        }
        Ok(Self { folder: folder.to_owned(), desk: TempDir::new()?, cases: 0 })
    }

    /// A file for the calls of the next case.
    pub(crate) fn next_case(&mut self) -> PathBuf {
        self.cases += 1;
        self.case(self.cases)
    }

    /// What was recorded, as it is written and read.
    pub(crate) fn calls(&self) -> Result<(String, Vec<CallRecord>)> {
        let mut calls = String::new();
        for number in 1..=self.cases {
            let path = self.case(number);
            // A case that could not be played has made no call.
            if path.exists() {
                calls += &fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
            }
        }
        let records = CallRecord::parse_all(calls.as_bytes()).context("read what was recorded")?;
        if records.is_empty() {
            bail!("record into {}: no case made a call", self.folder.display());
        }
        Ok((calls, records))
    }

    /// Write the calls, with the package that they were made on. Where they are.
    pub(crate) fn write(self, calls: &str, package: &[u8]) -> Result<PathBuf> {
        fs::create_dir_all(&self.folder).with_context(|| format!("make {}", self.folder.display()))?;
        for (name, bytes) in [(CALLS, calls.as_bytes()), ("plugin.wasm", package)] {
            let file = self.folder.join(name);
            fs::write(&file, bytes).with_context(|| format!("write {}", file.display()))?;
        }
        Ok(self.folder)
    }

    fn case(&self, number: usize) -> PathBuf {
        self.desk.path().join(format!("{number}.json"))
    }
}
