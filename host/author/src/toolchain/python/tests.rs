use super::environment;
use crate::talk::Talk;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Makes environments as Python does, but slowly, without a network, and with a note of each. An environment that
/// somebody else empties meanwhile has no interpreter.
const PYTHON: &str = r#"#!/bin/sh
[ "$1" = -c ] && exit 0
if [ "$2" = venv ]; then
    echo venv >> "$NOTES"
    rm -rf "$4/bin"
    sleep 0.3
    mkdir -p "$4/bin"
    cp "$0" "$4/bin/python"
    exit 0
fi
echo pip >> "$NOTES"
sleep 0.3
"#;

fn python(folder: &Path) -> PathBuf {
    let file = folder.join("python3");
    let notes = format!("NOTES={}", folder.join("notes").display());
    fs::write(&file, PYTHON.replacen("[ ", &format!("{notes}\n[ "), 1)).unwrap();
    fs::set_permissions(&file, PermissionsExt::from_mode(0o755)).unwrap();
    file
}

#[tokio::test]
async fn two_first_builds_at_once_make_one_environment_and_both_have_it() {
    let desk = tempfile::tempdir().unwrap();
    let (python, folder) = (python(desk.path()), desk.path().join("cache/componentize-py-1"));
    let (mut one, mut other) = (Talk::to_nobody(), Talk::to_nobody());
    let (one, other) = tokio::join!(environment(&python, &folder, &mut one), environment(&python, &folder, &mut other));
    let expected = folder.join("bin/python");
    assert_eq!((one.unwrap(), other.unwrap()), (expected.clone(), expected.clone()));
    assert!(expected.is_file());
    assert_eq!(fs::read_to_string(desk.path().join("notes")).unwrap(), "venv\npip\n");
}

#[tokio::test]
async fn an_environment_that_was_only_half_made_is_made_again() {
    let desk = tempfile::tempdir().unwrap();
    let (python, folder) = (python(desk.path()), desk.path().join("cache/componentize-py-1"));
    // Whoever made it was killed: the interpreter is there, the mark that it is complete is not.
    fs::create_dir_all(folder.join("bin")).unwrap();
    fs::write(folder.join("bin/python"), "").unwrap();
    environment(&python, &folder, &mut Talk::to_nobody()).await.unwrap();
    environment(&python, &folder, &mut Talk::to_nobody()).await.unwrap();
    assert_eq!(fs::read_to_string(desk.path().join("notes")).unwrap(), "venv\npip\n");
}
