//! Disks that are nearly full, full, or have no room for names. Each is a small one of the test's own, that only the
//! program under test sees and that ends with it.

use super::{House, Looked, said};
use std::process::{Command, Output};

/// Run `opssight` where the data folder is a disk with these options, after a shell made it as the test wants it.
fn on_disk(house: &House, options: &str, before: &str, arguments: &[&str]) -> Output {
    std::fs::create_dir_all(house.data()).expect("a folder");
    let script = format!(
        "set -e; mount -t tmpfs -o {options},mode=700 none \"$DATA\"; cd \"$DATA\"; {before}; cd /; exec \"$@\""
    );
    let mut command = Command::new("unshare");
    // Mounting needs root, or a world in which one is.
    if !rustix::process::geteuid().is_root() {
        command.arg("--map-root-user");
    }
    command.args(["--mount", "sh", "-c", &script, "sh", env!("CARGO_BIN_EXE_opssight")]);
    command.args(arguments).arg("--data").arg(house.data()).args(["--listen", "127.0.0.1:0"]);
    command.env("DATA", house.data()).output().expect("unshare runs")
}

fn look(options: &str, before: &str) -> Looked {
    Looked::of(&on_disk(&House::new(), options, before, &["doctor", "-o", "json"]))
}

#[test]
fn a_disk_is_looked_at_before_it_is_full() {
    let found = look("size=512m", "true");
    assert!(found.is("warning", "disk").contains("is nearly full: 512.0 MiB of 512.0 MiB are free"), "{}", found.all);
    assert_eq!(found.code, 0);
    let found = look("size=64m", "true");
    assert!(found.is("failing", "disk").contains("is full"), "{}", found.all);
    assert_eq!(found.fix("disk"), "make room");
    let found = look("size=2g,nr_inodes=40", "true");
    assert!(found.is("failing", "disk").contains("takes no more files"), "{}", found.all);
    assert!(found.fix("disk").contains("inodes"), "{}", found.all);
}

#[test]
fn a_start_on_a_full_disk_is_refused_with_one_clear_message() {
    // From a disk without room for one page to one that has room for the beginning of a start.
    for room in [0, 8, 64, 200, 500] {
        let fill = format!("head -c {}k /dev/zero > filler", 1024 - room);
        let output = on_disk(&House::new(), "size=1m", &fill, &["serve"]);
        let said = said(&output);
        assert_eq!(output.status.code(), Some(1), "{room} KiB: {said}");
        let last = said.lines().last().unwrap_or_default();
        assert!(last.starts_with("opssight: failed to "), "{room} KiB: {said}");
        // The system's own words, where it is not the database that notices.
        let says = ["the disk is full; make room", "No space left on device"];
        assert!(says.iter().any(|words| last.contains(words)), "{room} KiB: {said}");
        assert!(!said.contains("panicked"), "{room} KiB: {said}");
    }
}
