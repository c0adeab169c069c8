use super::{INSTALLING, SCRIPT, install, script};
use crate::talk::Talk;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Installs the build script at once, and whatever that needs after a while.
fn npm(folder: &Path, secs: &str) -> PathBuf {
    let file = folder.join("npm");
    let text =
        format!("#!/bin/sh\nmkdir -p $(dirname {SCRIPT})\ntouch {SCRIPT}\nsleep {secs}\ntouch node_modules/all\n");
    fs::write(&file, text).unwrap();
    fs::set_permissions(&file, PermissionsExt::from_mode(0o755)).unwrap();
    file
}

#[tokio::test]
async fn packages_that_were_installed_only_in_part_are_installed_again() {
    let desk = tempfile::tempdir().unwrap();
    let project = desk.path();
    assert_eq!(script(project), None);
    let slow = npm(project, "600");
    let half = async {
        while !project.join(SCRIPT).is_file() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let mut talk = Talk::to_nobody();
    tokio::select! {
        done = install(&slow, project, &mut talk) => panic!("{done:?}"),
        () = half => {}
    }
    assert_eq!(script(project), None, "npm was interrupted");

    install(&npm(project, "0"), project, &mut talk).await.unwrap();
    assert_eq!(script(project), Some(project.join(SCRIPT)));
    assert!(project.join("node_modules/all").is_file() && !project.join(INSTALLING).exists());

    // A member of a workspace has the packages of the whole.
    let member = project.join("packages/mine");
    fs::create_dir_all(&member).unwrap();
    assert_eq!(script(&member), Some(project.join(SCRIPT)));
}
