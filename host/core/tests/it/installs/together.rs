//! Changes of one plugin at the same time: whatever comes in between, each sees what the one before it left.

use super::world::{World, digest, in_shadow, now, package, request};
use opssight_core::error::StoreError;
use opssight_core::id::PluginId;
use opssight_core::plugins::installs::{
    Data, HealthRule, InstallError, RevocationTarget, ShadowRule, VersionFigures, Watched,
};
use proptest::prelude::*;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};

pub(super) type Work<T> = Pin<Box<dyn Future<Output = T>>>;

/// A step of it; what it came to, if that was the last one.
pub(super) fn step<T>(work: &mut Work<T>) -> Option<T> {
    match work.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

/// Run all of it, a step of one and a step of another, as `order` says and then by turns; what each came to.
pub(super) fn together<T>(mut work: Vec<Work<T>>, order: &[usize]) -> Vec<T> {
    let mut done: Vec<Option<T>> = work.iter().map(|_| None).collect();
    for next in order.iter().copied().chain(0..).take(200_000) {
        let at = next % work.len();
        if done[at].is_none() {
            done[at] = step(&mut work[at]);
        }
        if done.iter().all(Option::is_some) {
            return done.into_iter().flatten().collect();
        }
    }
    panic!("somebody waits for ever");
}

pub(super) fn plugin() -> PluginId {
    PluginId::from("example")
}

#[derive(Debug, Clone)]
pub(super) enum Change {
    Install(usize),
    InShadow(usize),
    Approve(usize),
    RollBack,
    Enable(bool),
    Shadow(usize),
    Promote(usize),
    Drop(usize),
    Revoke(usize),
    Pardon(usize),
    Uninstall,
    Watch,
}

const WIDTHS: [usize; 5] = [2, 1, 3, 2, 4];

pub(super) fn bytes(version: usize) -> Vec<u8> {
    package("example", &format!("1.{version}.0"), WIDTHS[version])
}

pub(super) fn digest_of(version: usize) -> String {
    digest(&bytes(version))
}

pub(super) fn change() -> impl Strategy<Value = Change> {
    let version = || 0..WIDTHS.len();
    prop_oneof![
        4 => version().prop_map(Change::Install),
        2 => version().prop_map(Change::InShadow),
        1 => version().prop_map(Change::Approve),
        2 => Just(Change::RollBack),
        2 => any::<bool>().prop_map(Change::Enable),
        1 => version().prop_map(Change::Shadow),
        1 => version().prop_map(Change::Promote),
        1 => version().prop_map(Change::Drop),
        1 => version().prop_map(Change::Revoke),
        1 => version().prop_map(Change::Pardon),
        1 => Just(Change::Uninstall),
        2 => Just(Change::Watch),
    ]
}

pub(super) fn work(world: &World, change: &Change) -> Work<Result<Vec<Watched>, InstallError>> {
    let (desk, change) = (world.desk.clone(), change.clone());
    Box::pin(async move {
        let id = plugin();
        let rule = ShadowRule { calls: 2, differences: 0 };
        match change {
            Change::Install(version) => {
                let (bytes, digest) = (bytes(version), digest_of(version));
                drop(desk.install(request(&bytes, Some(&digest))).await?);
            }
            Change::InShadow(version) => drop(desk.install(in_shadow(&bytes(version), None, 2)).await?),
            Change::Approve(version) => drop(desk.approve(&id, &digest_of(version), "admin").await?),
            Change::RollBack => drop(desk.rollback(&id, None, "admin", "why not").await?),
            Change::Enable(enabled) => drop(desk.enable(&id, enabled, "admin").await?),
            Change::Shadow(version) => drop(desk.shadow(&id, &digest_of(version), rule, "admin").await?),
            Change::Promote(version) => drop(desk.promote(&id, &digest_of(version), "admin").await?),
            Change::Drop(version) => drop(desk.drop_shadow(&id, &digest_of(version), "admin", "why not").await?),
            Change::Revoke(version) => {
                desk.revoke(RevocationTarget::Digest(digest_of(version)), "bad", "admin").await?;
            }
            Change::Pardon(version) => desk.pardon(&RevocationTarget::Digest(digest_of(version)), "admin").await?,
            Change::Uninstall => desk.uninstall(&id, Data::Keep, "admin").await?,
            Change::Watch => return desk.watch(Some(HealthRule::default())).await,
        }
        Ok(Vec::new())
    })
}

/// What runs is what is kept.
pub(super) fn check(world: &World, story: &str) {
    let (disk, running) = (world.house.disk(), world.engine.running());
    let Some(install) = disk.installs.get(&plugin()) else {
        assert!(running.active.is_empty(), "{story}: it is called uninstalled");
        assert!(running.loaded.is_empty(), "{story}: {:?} is loaded uninstalled", running.loaded);
        return;
    };
    let shadow = install.shadow.as_ref().map(|shadow| &shadow.digest);
    assert_eq!(running.shadow.get(&plugin()), shadow, "{story}: another shadow");
    assert!(shadow.is_none_or(|shadow| running.loaded.contains_key(shadow)), "{story}: the shadow is not loaded");
    for version in &install.versions {
        assert!(disk.packages.contains_key(&version.digest), "{story}: a package is lost");
    }
    let Some(active) = install.active() else { return };
    assert_eq!(running.active[&plugin()], (active.digest.clone(), install.enabled), "{story}: another one is called");
    assert_eq!(running.loaded.get(&active.digest), Some(&false), "{story}: what is called is not loaded, or stopped");
    for (id, (_, pinned)) in &disk.connections {
        assert_eq!(pinned.as_ref(), Some(&active.digest), "{story}: {id:?} runs another version");
    }
}

pub(super) fn world() -> World {
    let world = World::new();
    for version in [0, 1] {
        world.install(&bytes(version));
        world.pass(1);
    }
    world.connect("c1", "example");
    let figures = VersionFigures { calls: 10, faults: 10 };
    world.engine.running().figures.insert(digest_of(1), figures);
    world.house.slow.store(true, Ordering::SeqCst);
    world
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, max_shrink_iters: 4_000, ..ProptestConfig::default() })]

    #[test]
    fn changes_at_the_same_time_end_as_one_after_the_other(
        changes in proptest::collection::vec(change(), 2..6),
        order in proptest::collection::vec(0..6_usize, 1..60),
    ) {
        let world = world();
        let done = together(changes.iter().map(|change| work(&world, change)).collect(), &order);
        for (change, outcome) in changes.iter().zip(done) {
            if let Err(error @ (InstallError::Stale | InstallError::Store(_))) = outcome {
                panic!("{change:?} of {changes:?}: {error}");
            }
        }
        check(&world, &format!("{changes:?} {order:?}"));
    }
}

/// Switched on and off at the same moment, the host once called a plugin that it said was off.
#[test]
fn what_is_switched_is_what_is_kept() {
    for first in 0..40 {
        let world = world();
        let order = [vec![0; first], vec![1; 60]].concat();
        let changes = [Change::Enable(false), Change::Enable(true)];
        for done in together(changes.iter().map(|change| work(&world, change)).collect(), &order) {
            done.unwrap();
        }
        check(&world, &format!("after {first} steps"));
    }
}

/// At whatever step of an installation it comes.
#[test]
fn a_revocation_wins_over_an_installation_under_way() {
    for first in 0..60 {
        let world = world();
        let order = [vec![0; first], vec![1; 60]].concat();
        let changes = [Change::Install(2), Change::Revoke(2)];
        let mut done = together(changes.iter().map(|change| work(&world, change)).collect(), &order);
        done.pop().unwrap().unwrap();
        if let Err(error) = done.pop().unwrap() {
            assert_eq!(error.code(), "revoked", "after {first} steps");
        }
        assert_ne!(world.active("example"), Some(digest_of(2)), "after {first} steps");
        assert_ne!(world.pinned("c1"), Some(digest_of(2)), "after {first} steps");
        assert_ne!(world.engine.running().loaded.get(&digest_of(2)), Some(&false), "after {first} steps");
    }
}

#[test]
fn a_kill_switch_waits_for_no_compiler() {
    for target in [RevocationTarget::Digest(digest_of(2)), RevocationTarget::Plugin(plugin())] {
        let world = world();
        world.house.slow.store(false, Ordering::SeqCst);
        world.engine.compiles.store(true, Ordering::SeqCst);
        let mut install = work(&world, &Change::Install(2));
        assert!(step(&mut install).is_none(), "the compiler is not at work");
        now(world.desk.revoke(target.clone(), "bad", "admin")).unwrap();
        assert!(step(&mut install).is_none(), "the compiler is not at work any more");
        world.engine.compiles.store(false, Ordering::SeqCst);
        assert_eq!(step(&mut install).unwrap().unwrap_err().code(), "revoked", "{target:?}");
        assert!(!world.engine.running().loaded.contains_key(&digest_of(2)), "{target:?}");
    }
}

/// Each holds its package in memory, whether it waits for its turn or for the compiler.
#[test]
fn too_many_at_once_are_turned_away_and_leave_nothing_behind() {
    for compiles in [false, true] {
        let world = world();
        let mut changes = vec![work(&world, &Change::Enable(false))];
        assert!(step(&mut changes[0]).is_none(), "nobody has the turn");
        world.house.slow.store(false, Ordering::SeqCst);
        world.engine.compiles.store(compiles, Ordering::SeqCst);
        let mut packages: Vec<Weak<[u8]>> = Vec::new();
        for n in 0..30 {
            let bytes = package("example", &format!("2.0.{n}"), 1);
            let request = request(&bytes, Some(&digest(&bytes)));
            packages.push(Arc::downgrade(&request.package));
            let desk = world.desk.clone();
            let mut install: Work<_> = Box::pin(async move { desk.install(request).await.map(|_| Vec::new()) });
            match step(&mut install) {
                None => changes.push(install),
                Some(outcome) => assert!(matches!(outcome, Err(InstallError::Busy(_))), "{outcome:?}"),
            }
        }
        let held = packages.iter().filter(|package| package.strong_count() > 0).count();
        assert_eq!((held, changes.len()), (16, 17), "compiles: {compiles}");
        world.engine.compiles.store(false, Ordering::SeqCst);
        for done in together(changes, &[0]) {
            done.unwrap();
        }
        assert!(packages.iter().all(|package| package.strong_count() == 0));
        check(&world, "30 at once");
        // Of all that was installed: what runs, and what one would go back to.
        assert_eq!(world.engine.running().loaded.len(), 2);
    }
}

#[test]
fn what_is_being_changed_keeps_no_other_plugin_from_being_looked_after() {
    let world = world();
    world.house.slow.store(false, Ordering::SeqCst);
    let failing = VersionFigures { calls: 10, faults: 10 };
    world.install(&package("jenkins", "1.0.0", 1));
    let second = world.install(&package("jenkins", "1.1.0", 1));
    world.engine.running().figures.insert(second, failing);
    world.house.slow.store(true, Ordering::SeqCst);
    let mut change = work(&world, &Change::Enable(false));
    assert!(step(&mut change).is_none(), "nobody has the turn");
    world.house.slow.store(false, Ordering::SeqCst);
    let watch = || now(world.desk.watch(Some(HealthRule::default()))).unwrap();
    assert_eq!(watch(), [Watched::RolledBack(PluginId::from("jenkins"))]);
    step(&mut change).unwrap().unwrap();
    assert_eq!(watch(), [Watched::RolledBack(plugin())]);
}

#[test]
fn a_failing_store_frees_the_turn() {
    let world = world();
    world.house.slow.store(false, Ordering::SeqCst);
    world.house.fuse.store(1, Ordering::SeqCst);
    let failed = now(world.desk.enable(&plugin(), false, "admin"));
    assert!(matches!(failed, Err(InstallError::Store(StoreError { .. }))));
    world.house.fuse.store(0, Ordering::SeqCst);
    assert!(!now(world.desk.enable(&plugin(), false, "admin")).unwrap().enabled);
}
