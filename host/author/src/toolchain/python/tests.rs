use super::{check_version, environment};
use crate::talk::Talk;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Makes environments as Python does, but slowly, without a network, and with a note of each. An environment that
/// somebody else empties meanwhile has no interpreter.
const PYTHON: &str = r#"#!/bin/sh
[ "$1" = -c ] && echo 3.12.1 && exit 0
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

#[tokio::test]
async fn a_python_that_is_too_old_is_told_from_one_that_does_not_run() {
    let desk = tempfile::tempdir().unwrap();
    let python = desk.path().join("python3");
    // (what it says, how it ends, what is told; none where it is good)
    for (says, code, told) in [
        ("3.10.0", 0, None),
        ("3.14.0rc1", 0, None),
        ("4.0.1", 0, None),
        ("3.9.19", 0, Some("use Python 3.9.19")),
        ("2.7.18", 0, Some("it is too old")),
        ("", 0, Some("it is too old")),
        ("cannot load libpython", 127, Some("ask Python for its version")),
    ] {
        fs::write(&python, format!("#!/bin/sh\necho {says}\nexit {code}\n")).unwrap();
        fs::set_permissions(&python, PermissionsExt::from_mode(0o755)).unwrap();
        let error = check_version(&python).await.err().map(|error| error.to_string());
        match (told, error) {
            (None, None) => {}
            (Some(told), Some(error)) => {
                assert!(error.contains(told) && (code == 0 || error.contains(says)), "{error}");
            }
            (told, error) => panic!("{says}: {told:?}, {error:?}"),
        }
    }
}
