//! What only SQLite promises here: its lock, its key, its plans, its group commit.

use crate::hooks::delivery;
use crate::items::{finished, run};
use crate::ports::{at, effect, open_at, options};
use opssight_backends::{OpenError, Store, StoreOptions};
use opssight_core::hooks::{Inbox, NewDelivery, Settled, Settlement};
use opssight_core::identity::{IdentityStore, SecretHash};
use opssight_core::vocabulary::RunResult;
use std::time::Instant;

#[tokio::test]
async fn a_directory_is_open_once() {
    let dir = tempfile::tempdir().unwrap();
    let first = open_at(dir.path()).await;
    let second = Store::open(dir.path(), options()).await;
    let Err(OpenError::InUse { by, .. }) = second else { panic!("{second:?}") };
    assert_eq!(by, format!("pid {}", std::process::id()));
    first.close().await;
    assert!(Store::open(dir.path(), options()).await.is_ok());
}

#[tokio::test]
async fn another_master_key_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    open_at(dir.path()).await.close().await;
    let other = StoreOptions { master_key: [8; 32], ..options() };
    let refused = Store::open(dir.path(), other).await;
    assert!(matches!(refused, Err(OpenError::WrongKey)), "{refused:?}");
}

#[tokio::test]
async fn a_damaged_file_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let store = open_at(dir.path()).await;
    for n in 0..50 {
        store.accept(delivery(&format!("u{n}"))).await.unwrap();
    }
    store.close().await;
    let file = dir.path().join("opssight.sqlite");
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 20_000].fill(0xa5);
    std::fs::write(&file, bytes).unwrap();
    let refused = Store::open(dir.path(), options()).await;
    assert!(matches!(refused, Err(OpenError::Damaged(_) | OpenError::Sql { .. })), "{refused:?}");
}

#[tokio::test]
async fn what_was_kept_is_there_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let store = open_at(dir.path()).await;
    store.accept(delivery("u1")).await.unwrap();
    store.bootstrap(&SecretHash::of("s"), at(0)).await.unwrap();
    store.close().await;
    assert!(store.accept(delivery("u2")).await.is_err());
    let store = open_at(dir.path()).await;
    assert!(store.problems().await.unwrap().is_empty());
    assert!(store.accept(delivery("u1")).await.unwrap().duplicate);
    assert!(store.is_admin(&SecretHash::of("s")).await.unwrap());
}

/// Accept, lease and settle through group commits. Prints what this machine does; fails only if something is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn group_commit_carries_many_deliveries() {
    const COUNT: usize = 4000;
    let dir = tempfile::tempdir().unwrap();
    let store = open_at(dir.path()).await;
    let body = vec![b'x'; 10_000];
    let began = Instant::now();
    let accepts = (0..COUNT).map(|n| {
        let (store, body) = (store.clone(), body.clone());
        async move { store.accept(NewDelivery { body, ..delivery(&format!("u{n}")) }).await.unwrap() }
    });
    futures::StreamExt::collect::<Vec<_>>(futures::StreamExt::buffer_unordered(futures::stream::iter(accepts), 200))
        .await;
    let accepted = began.elapsed();
    let began = Instant::now();
    let mut settled = 0;
    loop {
        let leased = store.lease(64, at(20), at(80)).await.unwrap();
        if leased.is_empty() {
            break;
        }
        let settles = leased.into_iter().enumerate().map(|(n, leased)| {
            let items = vec![finished(run(&format!("{settled}-{n}"), 1, 0), 9, RunResult::Success)];
            let how = Settled::Done { effect: effect(items), note: None };
            store.settle(Settlement { id: leased.id, fence: leased.fence, now: at(50), how })
        });
        let done = futures::future::join_all(settles).await;
        settled += done.into_iter().filter(|held| *held.as_ref().unwrap()).count();
    }
    assert_eq!(settled, COUNT);
    let per_second = |elapsed: std::time::Duration| COUNT as f64 / elapsed.as_secs_f64();
    eprintln!("accept: {:.0}/s, lease and settle: {:.0}/s", per_second(accepted), per_second(began.elapsed()));
    assert_eq!(store.read_model_dump().await.unwrap().lines().count(), COUNT);
}
