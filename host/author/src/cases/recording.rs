//! The calls of all cases in one file, beside the package that they were made on.

use anyhow::{Context, Result};
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
    /// Make the folder and put the package into it. What was recorded there before stays until the end.
    pub(crate) fn start(folder: &Path, package: &[u8]) -> Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
        let file = folder.join("plugin.wasm");
        fs::write(&file, package).with_context(|| format!("write {}", file.display()))?;
        Ok(Self { folder: folder.to_owned(), desk: TempDir::new()?, cases: 0 })
    }

    /// A file for the calls of the next case.
    pub(super) fn next_case(&mut self) -> PathBuf {
        self.cases += 1;
        self.case(self.cases)
    }

    /// Write the recording, and say what became of it.
    pub(crate) fn finish(self) -> Result<String> {
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
