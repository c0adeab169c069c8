//! Backups, restores, and how a store is.

use crate::hooks::delivery;
use crate::items::{change, deployment, finished, job, merged, push, run};
use crate::ports::{at, connection, effect, open_at, options};
use crate::server::Database;
use opssight_backends::{OpenError, Store, StoreOptions, UpkeepError, backup, database_status, file_status, restore};
use opssight_core::connections::ConnectionStore;
use opssight_core::delivery::DeliveryStore;
use opssight_core::hooks::Inbox;
use opssight_core::identity::{IdentityStore, SecretHash};
use opssight_core::ingest::Ingest;
use opssight_core::plugins::{Credential, Credentials, StateWrite};
use opssight_core::vocabulary::{DeploymentState, RunResult};
use std::path::Path;

/// Something in most tables.
pub(crate) async fn furnish(dir: &Path) -> String {
    let store = open_at(dir).await;
    let inputs = [("token".to_owned(), "s3cret-s3cret".to_owned())].into();
    let credential = Credential { scheme: "bearer".to_owned(), inputs };
    let credentials = Credentials::from([("api".to_owned(), credential)]);
    store.insert(&connection("c"), &credentials, &["runs".to_owned()]).await.unwrap();
    store.bootstrap(&SecretHash::of("admin"), at(0)).await.unwrap();
    for n in 0..450 {
        store.accept(delivery(&format!("u{n}"))).await.unwrap();
    }
    let mut brought = effect(vec![
        finished(run("1", 1, 0), 9, RunResult::Success),
        job("j1", "1", 1, "build \u{e4} \u{1f680}", (1, 8), RunResult::Success),
        merged(change(7, 0, "abc"), 20),
        push(3, &[("abc", 2)]),
        deployment("d1", 30, DeploymentState::Success, 40),
    ]);
    brought.state = vec![StateWrite { key: "etag".to_owned(), value: Some(vec![0, 1, 255]) }];
    store.apply(brought).await.unwrap();
    while store.follow(100).await.unwrap() > 0 {}
    let dump = store.read_model_dump().await.unwrap();
    store.close().await;
    dump
}

#[tokio::test]
async fn a_backup_is_made_beside_a_host_and_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let before = furnish(dir.path()).await;
    let store = open_at(dir.path()).await;
    let file = dir.path().join("backup.sqlite");
    assert!(backup(dir.path(), &file).await.unwrap() > 10_000, "while it is open");
    assert!(matches!(backup(dir.path(), &file).await, Err(UpkeepError::Exists(_))));
    store.apply(effect(vec![finished(run("2", 1, 0), 9, RunResult::Failure)])).await.unwrap();
    assert_ne!(store.read_model_dump().await.unwrap(), before);
    assert!(matches!(restore(dir.path(), &file, options()).await, Err(UpkeepError::Open(OpenError::InUse { .. }))));
    store.close().await;
    let kept = restore(dir.path(), &file, options()).await.unwrap().unwrap();
    let again = restore(dir.path(), &file, options()).await.unwrap().unwrap();
    assert!(kept != again && kept.exists() && again.exists(), "an earlier one is not replaced");
    assert_eq!(open_at(dir.path()).await.read_model_dump().await.unwrap(), before);
    // Into an empty folder as well.
    let other = tempfile::tempdir().unwrap();
    assert_eq!(restore(other.path(), &file, options()).await.unwrap(), None);
    assert_eq!(open_at(other.path()).await.read_model_dump().await.unwrap(), before);
}

#[tokio::test]
async fn what_a_restore_that_was_killed_left_behind_becomes_part_of_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let before = furnish(dir.path()).await;
    let file = dir.path().join("backup.sqlite");
    backup(dir.path(), &file).await.unwrap();
    let store = open_at(dir.path()).await;
    store.apply(effect(vec![finished(run("2", 1, 0), 9, RunResult::Failure)])).await.unwrap();
    let left = dir.path().join("restore.new");
    std::fs::create_dir(&left).unwrap();
    std::fs::copy(dir.path().join("opssight.sqlite-wal"), left.join("opssight.sqlite-wal")).unwrap();
    store.close().await;
    restore(dir.path(), &file, options()).await.unwrap();
    assert!(!left.exists());
    assert_eq!(open_at(dir.path()).await.read_model_dump().await.unwrap(), before);
}

#[tokio::test]
async fn a_backup_takes_the_place_of_a_store_that_is_damaged() {
    let dir = tempfile::tempdir().unwrap();
    let before = furnish(dir.path()).await;
    let (backed_up, file) = (dir.path().join("backup.sqlite"), dir.path().join("opssight.sqlite"));
    backup(dir.path(), &backed_up).await.unwrap();
    let whole = std::fs::read(&file).unwrap();
    for damaged in [[&whole[..whole.len() / 2], &[0xa5; 20_000]].concat(), b"no database at all".repeat(100)] {
        std::fs::write(&file, &damaged).unwrap();
        std::fs::write(dir.path().join("opssight.sqlite-wal"), b"a log of nothing").unwrap();
        let kept = restore(dir.path(), &backed_up, options()).await.unwrap().unwrap();
        assert!(std::fs::read(&kept).unwrap() == damaged, "what was there is kept as it was");
        let store = open_at(dir.path()).await;
        assert_eq!(store.read_model_dump().await.unwrap(), before);
        store.close().await;
    }
}

#[tokio::test]
async fn a_restore_that_cannot_be_made_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let before = furnish(dir.path()).await;
    let file = dir.path().join("backup.sqlite");
    backup(dir.path(), &file).await.unwrap();
    let store = open_at(dir.path()).await;
    restore(dir.path(), &file, options()).await.unwrap_err();
    store.close().await;
    let other = StoreOptions { keys: [9; 32].into(), ..options() };
    restore(dir.path(), &file, other).await.unwrap_err();
    assert!(!dir.path().join("restore.new").exists());
    assert_eq!(open_at(dir.path()).await.read_model_dump().await.unwrap(), before);
}

#[tokio::test]
async fn what_is_no_backup_of_this_store_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let before = furnish(dir.path()).await;
    let file = dir.path().join("backup.sqlite");
    backup(dir.path(), &file).await.unwrap();
    let bad = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let whole = std::fs::read(&file).unwrap();
    for (path, why) in [
        (dir.path().join("absent"), "no such file"),
        (bad("text", b"hello, I am not a database at all, but long enough"), "no database"),
        (bad("half", &whole[..whole.len() / 2]), "d"),
        (bad("empty", b""), "not one of OpsSight"),
    ] {
        let refused = restore(dir.path(), &path, options()).await.unwrap_err();
        assert!(matches!(&refused, UpkeepError::NotABackup { why: told, .. } if told.contains(why)), "{refused}");
    }
    // Sealed with another key: found out at once, and undone.
    let other = StoreOptions { keys: [9; 32].into(), ..options() };
    let elsewhere = tempfile::tempdir().unwrap();
    Store::open(elsewhere.path(), other.clone()).await.unwrap().close().await;
    let refused = restore(elsewhere.path(), &file, other.clone()).await.unwrap_err();
    assert!(matches!(refused, UpkeepError::Open(OpenError::MissingKey(_))), "{refused}");
    Store::open(elsewhere.path(), other).await.unwrap().close().await;
    assert_eq!(open_at(dir.path()).await.read_model_dump().await.unwrap(), before);
}

#[tokio::test]
async fn how_a_store_is_can_be_asked_beside_a_host() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(file_status(dir.path()).await, Err(UpkeepError::Missing(_))));
    furnish(dir.path()).await;
    let _store = open_at(dir.path()).await;
    let status = file_status(dir.path()).await.unwrap();
    assert_eq!((status.waiting, status.pending.len(), status.unknown.len()), (450, 0, 0));
    assert!(status.bytes > 10_000 && status.applied.contains(&11));

    let database = Database::create().await;
    let status = database_status(&database.address).await.unwrap();
    assert_eq!((status.applied.len(), status.pending.first()), (0, Some(&11)));
    let _store = Store::connect(&database.address, options()).await.unwrap();
    let status = database_status(&database.address).await.unwrap();
    assert_eq!((status.members, status.pending.len(), status.waiting), (1, 0, 0));
    assert!(!status.at.contains("only-for-tests"), "{}", status.at);
}
