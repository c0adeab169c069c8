use super::{Watch, changed_source, watch_sources};
use notify::event::{CreateKind, Flag};
use notify::{Error, Event, EventKind};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

#[tokio::test]
async fn saving_a_source_is_one_change_and_what_tools_write_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    fs::create_dir_all(root.join("src")).unwrap();
    let mut watch = Watch::start(&root).unwrap();
    let made = || {
        fs::create_dir_all(root.join("target/opssight")).unwrap();
        fs::write(root.join("target/made.wasm"), "x").unwrap();
        fs::write(root.join("Cargo.lock"), "x").unwrap();
    };
    made();
    assert!(tokio::time::timeout(Duration::from_millis(400), watch.changed()).await.is_err());
    fs::write(root.join("src/a.ts"), "1").unwrap();
    fs::write(root.join("src/a.ts"), "2").unwrap();
    let changed = tokio::time::timeout(Duration::from_secs(10), watch.changed()).await.unwrap().unwrap();
    assert_eq!(changed, Some(root.join("src/a.ts")));
    // The folders were looked at once more, when what tools made was there.
    made();
    assert!(tokio::time::timeout(Duration::from_millis(400), watch.changed()).await.is_err());
}

#[test]
fn only_folders_with_sources_are_watched() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    for made in
        ["src/deep", "tests", "target/debug/deps", "node_modules/a", ".git/objects", "elsewhere/debug", "env/lib"]
    {
        fs::create_dir_all(root.join(made)).unwrap();
    }
    // A target folder of another name, and an environment, by what their tools put into them.
    fs::write(root.join("elsewhere/CACHEDIR.TAG"), "").unwrap();
    fs::write(root.join("env/pyvenv.cfg"), "").unwrap();
    let found = watched(root, |_| Ok(())).unwrap();
    assert_eq!(found, ["", "src", "src/deep", "tests"]);
}

/// Below the root, in the order of their names.
fn watched(root: &Path, mut watch: impl FnMut(&Path) -> notify::Result<()>) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    watch_sources(root, |folder| {
        watch(folder)?;
        found.push(folder.strip_prefix(root).unwrap().display().to_string());
        Ok(())
    })?;
    found.sort();
    Ok(found)
}

#[test]
fn a_folder_that_is_made_while_its_parent_comes_to_be_watched_is_watched_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let made = |watched: &Path| {
        if watched == root {
            fs::create_dir_all(root.join("late/deep")).unwrap();
        }
        Ok(())
    };
    assert_eq!(watched(root, made).unwrap(), ["", "late", "late/deep"]);
}

#[test]
fn a_folder_that_is_gone_or_closed_is_passed_over_and_no_watches_left_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    fs::create_dir_all(root.join("a/deep")).unwrap();
    fs::create_dir_all(root.join("b")).unwrap();
    let meet = |at: &str, error: fn() -> Error| {
        let at = root.join(at);
        watched(root, |folder| if folder == at { Err(error()) } else { Ok(()) })
    };
    for error in [
        Error::path_not_found as fn() -> Error,
        || Error::io(io::ErrorKind::NotFound.into()),
        || Error::io(io::ErrorKind::PermissionDenied.into()),
    ] {
        assert_eq!(meet("a", error).unwrap(), ["", "b"]);
        // Without the root nothing would ever change.
        assert!(meet("", error).is_err());
    }
    let full = meet("a", || Error::new(notify::ErrorKind::MaxFilesWatch)).unwrap_err();
    assert_eq!(full.to_string(), format!("watch {}", root.join("a").display()));
}

#[test]
fn events_that_were_lost_are_a_change_of_the_root() {
    let root = Path::new("/mine");
    let of = |path: &str| Event::new(EventKind::Create(CreateKind::File)).add_path(PathBuf::from(path));
    let lost = Event::new(EventKind::Other).set_flag(Flag::Rescan);
    for (event, expected) in [
        (of("/mine/src/a.ts"), Some("/mine/src/a.ts")),
        (of("/mine/target/a.wasm"), None),
        (of("/mine/Cargo.lock"), None),
        (lost, Some("/mine")),
    ] {
        assert_eq!(changed_source(root, event.clone()), expected.map(PathBuf::from), "{event:?}");
    }
}

#[tokio::test]
async fn a_folder_that_is_new_is_watched_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let mut watch = Watch::start(&root).unwrap();
    fs::create_dir_all(root.join("src/deep")).unwrap();
    let changed = tokio::time::timeout(Duration::from_secs(10), watch.changed()).await.unwrap().unwrap();
    assert_eq!(changed, Some(root.join("src")));
    let saved = root.join("src/deep/a.ts");
    fs::write(&saved, "1").unwrap();
    let changed = tokio::time::timeout(Duration::from_secs(10), watch.changed()).await.unwrap().unwrap();
    assert_eq!(changed, Some(saved));
}

#[tokio::test]
async fn a_save_outlives_that_nobody_waits_for_it_for_a_moment() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let mut watch = Watch::start(&root).unwrap();
    let saved = root.join("a.ts");
    tokio::spawn({
        let saved = saved.clone();
        async move {
            tokio::time::sleep(Duration::from_millis(50)).await;
            fs::write(saved, "1").unwrap();
        }
    });
    // Interrupted after the save was seen, and before it is quiet.
    for _ in 0..250 {
        if watch.pending.is_some() {
            break;
        }
        assert!(tokio::time::timeout(Duration::from_millis(20), watch.changed()).await.is_err());
    }
    let changed = tokio::time::timeout(Duration::from_secs(10), watch.changed()).await.unwrap().unwrap();
    assert_eq!(changed, Some(saved));
}
