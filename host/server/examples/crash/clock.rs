//! A wall clock that is set while a host runs. What measures how much time passes stays right.

use std::path::{Path, PathBuf};

pub(crate) struct Clock {
    /// Of Debian's `faketime`, for programs with threads.
    pub(crate) library: PathBuf,
    /// What it says, beside the right time.
    pub(crate) file: PathBuf,
}

impl Clock {
    /// That is right for now.
    pub(crate) fn in_folder(folder: &Path) -> Self {
        let clock = Self { library: library(), file: folder.join("clock") };
        clock.set(0);
        clock
    }

    /// Whoever reads it finds the whole of the new time, or of the old one.
    pub(crate) fn set(&self, secs: i64) {
        let beside = self.file.with_extension("new");
        std::fs::write(&beside, format!("{secs:+}s\n")).expect("the clock's file");
        std::fs::rename(&beside, &self.file).expect("the clock's file");
    }
}

/// Wherever this machine's architecture has it.
pub(crate) fn library() -> PathBuf {
    let places = std::fs::read_dir("/usr/lib").expect("a system's libraries");
    let mut found = places.filter_map(|place| Some(place.ok()?.path().join("faketime/libfaketimeMT.so.1")));
    found.find(|library| library.is_file()).expect("libfaketime is there: `cargo xtask crash` installs it")
}

/// What a host leaves in memory for itself when it is killed.
pub(crate) fn tidy(process: u32) {
    for name in [format!("faketime_shm_{process}"), format!("sem.faketime_sem_{process}")] {
        // One that ended by itself has removed it.
        let _gone = std::fs::remove_file(Path::new("/dev/shm").join(name));
    }
}
