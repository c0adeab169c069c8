//! What only SQLite promises here: its lock, its key, its plans, its group commit.

use crate::hooks::delivery;
use crate::items::{finished, run};
use crate::ports::{at, effect, open_at, options};
use futures::FutureExt;
use opssight_backends::{OpenError, Store, StoreOptions};
use opssight_core::hooks::{Inbox, Leasing, NewDelivery, Settled, Settlement};
use opssight_core::identity::{IdentityStore, SecretHash};
use opssight_core::vocabulary::RunResult;
use std::time::{Duration, Instant};

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
async fn what_was_committed_is_moved_into_the_main_file_while_the_store_is_open() {
    let dir = tempfile::tempdir().unwrap();
    let store = open_at(dir.path()).await;
    let (body, deliveries) = (vec![7; 64 << 10], 100);
    for n in 0..deliveries {
        store.accept(NewDelivery { body: body.clone(), ..delivery(&format!("u{n}")) }).await.unwrap();
    }
    let main_file = || std::fs::metadata(dir.path().join("opssight.sqlite")).unwrap().len();
    let all = deliveries * body.len() as u64;
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut more = 0;
    while main_file() < all && Instant::now() < deadline {
        // It is never quiet, so that this is not the tidying up of a store that rests.
        store.accept(delivery(&format!("more-{more}"))).await.unwrap();
        more += 1;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(main_file() >= all, "{} of {all} bytes", main_file());
    store.close().await;
}

#[tokio::test]
async fn another_master_key_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    open_at(dir.path()).await.close().await;
    let other = StoreOptions { keys: [8; 32].into(), ..options() };
    let refused = Store::open(dir.path(), other).await;
    assert!(matches!(refused, Err(OpenError::MissingKey(_))), "{refused:?}");
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
        let leased = store.lease(&Leasing::up_to(64, at(20), at(80))).await.unwrap();
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

#[tokio::test]
async fn d9_overload_is_told_and_loses_nothing_that_was_accepted() {
    let dir = tempfile::tempdir().unwrap();
    let tight = StoreOptions { waiting_writes: 4, patience: Duration::from_millis(1), ..options() };
    let store = Store::open(dir.path(), tight).await.unwrap();
    let accepts = (0..2000).map(|n| store.accept(delivery(&format!("u{n}"))).map(move |done| (n, done)));
    let answered = futures::future::join_all(accepts).await;
    let mut kept = 0;
    for (n, done) in &answered {
        match done {
            Ok(accepted) => {
                kept += 1;
                let (row, _) = store.delivery(&accepted.id).await.unwrap().unwrap();
                assert_eq!(row.upstream_id, format!("u{n}"));
            }
            Err(error) => {
                let source = std::error::Error::source(error).unwrap().to_string();
                assert_eq!(source, "queue the write: too many are waiting");
            }
        }
    }
    assert!(kept > 0 && kept < answered.len(), "{kept} of {} were kept", answered.len());
    assert_eq!(store.lease(&Leasing::up_to(5000, at(20), at(80))).await.unwrap().len(), kept);
}

/// A full disk, as SQLite sees one: the file may not grow any more.
#[tokio::test]
async fn d10_a_full_store_refuses_and_keeps_what_it_accepted() {
    let dir = tempfile::tempdir().unwrap();
    let full = StoreOptions { most_pages: Some(200), ..options() };
    let store = Store::open(dir.path(), full).await.unwrap();
    let big = |n: i32| NewDelivery { body: vec![b'x'; 50_000], ..delivery(&format!("u{n}")) };
    let (mut kept, mut refused) = (Vec::new(), 0);
    for wave in 0..4 {
        let accepts = (0..20).map(|n| store.accept(big(wave * 100 + n)));
        for done in futures::future::join_all(accepts).await {
            match done {
                Ok(accepted) => kept.push(accepted.id),
                Err(_) => refused += 1,
            }
        }
    }
    assert!(!kept.is_empty() && refused > 0, "{} kept, {refused} refused", kept.len());
    store.close().await;
    let store = open_at(dir.path()).await;
    assert!(store.problems().await.unwrap().is_empty());
    let leased = store.lease(&Leasing::up_to(5000, at(20), at(80))).await.unwrap();
    assert_eq!(leased.len(), kept.len());
    for id in kept {
        assert_eq!(store.delivery(&id).await.unwrap().unwrap().1.body.map(|body| body.len()), Some(50_000));
    }
    // With room again it goes on.
    assert!(!store.accept(big(9999)).await.unwrap().duplicate);
}
