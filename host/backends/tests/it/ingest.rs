//! From items to the read model.

use crate::items::{change, deployment, finished, item, job, merged, ms, push, review, run, started};
use crate::ports::{Ports, effect};
use opssight_core::delivery::ChangeQuery;
use opssight_core::identity::{Role, SecretHash, Session};
use opssight_core::items::{Body, Item};
use opssight_core::pipelines::RunQuery;
use opssight_core::vocabulary::{DeploymentState, Release, Repository, ReviewState, RunResult};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};

/// Some of everything, with several observations of the same things.
fn story() -> Vec<Item> {
    let release = |tag: &str, deleted| Release {
        id: "r1".to_owned(),
        service: "acme/shop".to_owned(),
        tag: tag.to_owned(),
        deleted,
        published_at: Some(ms(70)),
        ..Release::default()
    };
    let repository =
        |archived, removed| Repository { service: "acme/shop".to_owned(), archived, removed, ..Repository::default() };
    vec![
        item(1, Body::Run(run("1", 1, 0))),
        started(run("1", 1, 0), 5),
        finished(run("1", 1, 0), 9, RunResult::Failure),
        started(run("1", 2, 20), 22),
        finished(run("1", 2, 20), 30, RunResult::Success),
        job("j1", "1", 1, "test", (5, 8), RunResult::Failure),
        job("j2", "1", 2, "test", (22, 29), RunResult::Success),
        job("j3", "9", 1, "orphan", (22, 29), RunResult::Success),
        item(40, Body::Change(change(7, 2, "aaa"))),
        item(41, Body::Change(change(7, 2, "bbb"))),
        merged(change(7, 2, "bbb"), 50),
        review("v1", 7, 45, ReviewState::Commented),
        review("v1", 7, 45, ReviewState::Approved),
        review("v2", 8, 46, ReviewState::ChangesRequested),
        push(44, &[("aaa", -100), ("bbb", -50), ("zzz", 1)]),
        push(45, &[("bbb", -60), ("aaa", -90)]),
        deployment("d1", 60, DeploymentState::Running, 61),
        deployment("d1", 60, DeploymentState::Failure, 62),
        deployment("d2", 63, DeploymentState::Success, 64),
        deployment("d2", 63, DeploymentState::Inactive, 80),
        item(70, Body::Release(release("v1", None))),
        item(71, Body::Release(release("v1", Some(true)))),
        item(72, Body::Repository(repository(Some(true), None))),
        item(73, Body::Repository(repository(Some(false), Some(true)))),
    ]
}

/// An order of the story's items, some of them repeated, and how many come with each delivery.
fn telling() -> impl Strategy<Value = (Vec<usize>, usize)> {
    let count = story().len();
    let shuffled = Just((0..count).collect::<Vec<_>>()).prop_shuffle();
    (shuffled, proptest::collection::vec(0..count, 0..10), 1_usize..6).prop_map(|(mut order, again, batch)| {
        order.extend(again);
        (order, batch)
    })
}

pub(crate) async fn every_order_of_deliveries_ends_the_same(ports: Ports) {
    ports.apply(story()).await;
    ports.follow_all(100).await;
    let expected = ports.dump().await;
    assert!(expected.lines().count() > 15, "{expected}");
    let mut runner = TestRunner::new(Config { cases: 1, failure_persistence: None, ..Config::default() });
    for _ in 0..20 {
        let (order, batch) = telling().new_tree(&mut runner).unwrap().current();
        let other = crate::ports::sqlite().await;
        for items in order.chunks(batch) {
            other.apply(items.iter().map(|place| story()[*place].clone()).collect()).await;
            other.follow_all(3).await;
        }
        assert_eq!(other.dump().await, expected, "order {order:?} by {batch}");
    }
}

pub(crate) async fn replaying_changes_nothing(ports: Ports) {
    assert!(ports.apply(story()).await > 0);
    let dump = ports.dump().await;
    let (_, last) = ports.events.bounds().await.unwrap();
    for told in story() {
        assert_eq!(ports.apply(vec![told]).await, 0);
    }
    assert_eq!(ports.dump().await, dump);
    assert_eq!(ports.events.bounds().await.unwrap().1, last);
}

pub(crate) async fn a_commit_and_its_change_meet_in_either_order(ports: Ports) {
    ports.apply(vec![push(5, &[("aaa", -100)]), item(6, Body::Change(change(1, 2, "aaa")))]).await;
    ports.apply(vec![item(6, Body::Change(change(2, 2, "bbb")))]).await;
    ports.apply(vec![push(7, &[("bbb", -100)])]).await;
    // A wild time is dropped.
    let mut wild = push(8, &[("bbb", 0)]);
    if let Body::Push(push) = &mut wild.body {
        push.commits[0].committed_at = 5;
    }
    assert_eq!(ports.apply(vec![wild]).await, 0);
    let changes = ports.delivery.changes(&ChangeQuery::default()).await.unwrap().items;
    assert_eq!(changes.len(), 2);
    for change in changes {
        assert_eq!(change.begun_at(), Some(crate::ports::at(-100)), "change {}", change.number);
    }
}

pub(crate) async fn a_review_may_come_before_its_change(ports: Ports) {
    ports.apply(vec![review("v", 3, 10, ReviewState::Approved)]).await;
    ports.apply(vec![item(6, Body::Change(change(3, 2, "aaa")))]).await;
    let changes = ports.delivery.changes(&ChangeQuery::default()).await.unwrap().items;
    assert_eq!(changes.len(), 1);
    assert_eq!((changes[0].title.as_deref(), changes[0].approved_at), (Some("Change 3"), Some(crate::ports::at(10))));
}

pub(crate) async fn a_command_that_fails_harms_no_other(ports: Ports) {
    let session = Session {
        token: SecretHash::of("t"),
        label: String::new(),
        owner: None,
        role: Role::Admin,
        created_at: crate::ports::at(0),
        expires_at: crate::ports::at(100),
    };
    // All at once, so that they share transactions; a token can be kept only once.
    let effects = (0..40).map(|n| {
        let id = format!("{n}");
        ports.ingest.apply(effect(vec![finished(run(&id, 1, n), n + 5, RunResult::Success)]))
    });
    let sessions = (0..10).map(|_| ports.identity.insert_session(&session, crate::ports::at(0)));
    let (applied, kept) = futures::join!(futures::future::join_all(effects), futures::future::join_all(sessions));
    assert!(applied.iter().all(|applied| applied.as_ref().unwrap().changed == 1));
    assert_eq!(kept.iter().filter(|kept| kept.is_ok()).count(), 1);
    assert_eq!(ports.dump().await.lines().count(), 40);
}

pub(crate) async fn a_large_page_equals_single_items(ports: Ports) {
    let items: Vec<Item> = (0..700_i64)
        .map(|n| match n % 4 {
            0 => finished(run(&format!("{}", n / 8), 1, n), n + 5, RunResult::Success),
            1 => job(&format!("{n}"), &format!("{}", n / 8), 1, "test", (n, n + 3), RunResult::Success),
            2 => merged(change(u64::try_from(n / 8).unwrap() + 1, n, &format!("h{n}")), n + 1),
            _ => push(n, &[(&format!("h{}", n - 1), n - 50), (&format!("h{}", n - 5), n - 60)]),
        })
        .collect();
    ports.apply(items.clone()).await;
    let single = crate::ports::sqlite().await;
    for item in items {
        single.apply(vec![item]).await;
    }
    assert_eq!(ports.dump().await, single.dump().await);
    assert_eq!(ports.dump().await.lines().filter(|line| line.starts_with("jobs ")).count(), 175);
}

pub(crate) async fn names_of_any_length_and_language_are_kept(ports: Ports) {
    // Nothing repeats in it, so that no database makes it smaller than it is.
    let long: String = (0..3_000_u32).filter_map(|n| char::from_u32(0x2_0000 + n * 13)).collect();
    let mut run = run("1", 1, 0);
    (run.service, run.pipeline, run.branch) = (long.clone(), Some(long.clone()), Some(long.clone()));
    let mut change = change(7, 0, &long);
    change.service = long.clone();
    let items = vec![
        finished(run, 9, RunResult::Success),
        job("j1", "1", 1, &long, (1, 8), RunResult::Success),
        merged(change, 20),
    ];
    assert_eq!(ports.apply(items).await, 3);
    let kept = ports.runs.runs(&RunQuery::default()).await.unwrap().items.remove(0);
    assert!(long.starts_with(&kept.service) && kept.service.len() > 900, "{} bytes", kept.service.len());
}
