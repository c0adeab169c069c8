//! The calls of all cases in one file, beside the package that they were made on.

use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

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
    pub(super) fn next_case(&mut self) -> PathBuf {
        self.cases += 1;
        self.case(self.cases)
    }

    /// Write the recording with the package, and say what became of it.
    pub(crate) fn finish(self, package: &[u8]) -> Result<String> {
        fs::create_dir_all(&self.folder).with_context(|| format!("make {}", self.folder.display()))?;
        let mut calls = String::new();
        for number in 1..=self.cases {
            let path = self.case(number);
            // A case that could not be played has made no call.
            if path.exists() {
                calls += &fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
            }
        }
        let file = self.folder.join("calls.json");
        fs::write(&file, calls).with_context(|| format!("write {}", file.display()))?;
        let again = self.folder.join("plugin.wasm");
        fs::write(&again, package).with_context(|| format!("write {}", again.display()))?;
        Ok(format!(
            "recorded; `opssight plugin replay {} --package {}` makes the calls again",
            file.display(),
            again.display()
        ))
    }

    fn case(&self, number: usize) -> PathBuf {
        self.desk.path().join(format!("{number}.json"))
    }
}
