//! Room on the disk of the data folder.

use super::Finding;
use opssight_cli::bytes;
use rustix::fs::{StatVfs, statvfs};
use std::path::Path;

/// Less than this, or than one part in so many, is worth a warning.
const LITTLE_BYTES: u64 = 1 << 30;
const LITTLE_PART: u64 = 10;
/// With less a host cannot work: SQLite's log alone grows to 64 MiB before it is written back.
const FLOOR_BYTES: u64 = 128 << 20;
/// Files that can still be made: one part in so many is worth a warning.
const LITTLE_FILES_PART: u64 = 20;
/// What a start makes, and some.
const FLOOR_FILES: u64 = 64;

pub(super) fn look(folder: &Path) -> Vec<Finding> {
    match statvfs(folder) {
        Ok(found) => vec![judge(&Room::of(&found), folder)],
        Err(error) => {
            let why = std::io::Error::from(error);
            vec![Finding::warning("disk", format!("how full the disk of {} is is not told: {why}", folder.display()))]
        }
    }
}

/// What a disk has and had.
struct Room {
    free: u64,
    size: u64,
    free_files: u64,
    /// None where they are not counted.
    files: Option<u64>,
}

impl Room {
    fn of(found: &StatVfs) -> Self {
        let files = Some(found.f_files).filter(|files| *files > 0);
        Self {
            free: found.f_bavail.saturating_mul(found.f_frsize),
            size: found.f_blocks.saturating_mul(found.f_frsize),
            free_files: found.f_favail,
            files,
        }
    }
}

fn judge(room: &Room, folder: &Path) -> Finding {
    const CHECK: &str = "disk";
    let (at, left) = (folder.display(), format!("{} of {} are free", bytes(room.free), bytes(room.size)));
    if room.free < FLOOR_BYTES {
        return Finding::failing(CHECK, format!("the disk of {at} is full: {left}")).mend("make room");
    }
    if let Some(files) = room.files.filter(|_| room.free_files < FLOOR_FILES) {
        let detail = format!("the disk of {at} takes no more files: {} of {files} can be made", room.free_files);
        return Finding::failing(CHECK, detail)
            .mend("remove files that nobody needs: its room for names (inodes) is used up");
    }
    if room.free < LITTLE_BYTES || room.free < room.size / LITTLE_PART {
        return Finding::warning(CHECK, format!("the disk of {at} is nearly full: {left}")).mend("make room");
    }
    if let Some(files) = room.files.filter(|files| room.free_files < files / LITTLE_FILES_PART) {
        let detail = format!("the disk of {at} takes few more files: {} of {files} can be made", room.free_files);
        return Finding::warning(CHECK, detail).mend("remove files that nobody needs");
    }
    Finding::ok(CHECK, left)
}

#[cfg(test)]
mod tests {
    use super::*;
    use opssight_cli::FindingStatus as Status;

    #[test]
    fn a_disk_is_judged_by_what_is_left_of_it() {
        const GIB: u64 = 1 << 30;
        for (free, size, free_files, files, status, says) in [
            (50 * GIB, 100 * GIB, 1_000_000, Some(2_000_000), Status::Ok, "are free"),
            (9 * GIB, 100 * GIB, 1_000_000, Some(2_000_000), Status::Warning, "nearly full"),
            (GIB - 1, 2 * GIB, 1_000_000, Some(2_000_000), Status::Warning, "nearly full"),
            (FLOOR_BYTES - 1, FLOOR_BYTES, 1_000_000, Some(2_000_000), Status::Failing, "is full"),
            (50 * GIB, 100 * GIB, 90_000, Some(2_000_000), Status::Warning, "few more files"),
            (50 * GIB, 100 * GIB, 63, Some(2_000_000), Status::Failing, "no more files"),
            (50 * GIB, 100 * GIB, 0, None, Status::Ok, "are free"),
        ] {
            let found = judge(&Room { free, size, free_files, files }, Path::new("/data"));
            assert!(found.status == status && found.detail.contains(says), "{found:?}");
        }
    }
}
