//! Two processes on one store: what is changed in one of them is done in the other.

use super::together::{Change, bytes, change, check, digest_of, plugin, together, work, world};
use super::world::{World, in_shadow, now};
use opssight_core::plugins::installs::{Comparison, InstallError, VersionFigures, Watched};
use opssight_core::time::Timestamp;
use proptest::prelude::*;
use std::sync::atomic::Ordering;

/// Both look again, and once more when what failed is due again.
fn settle(worlds: &[World]) {
    worlds[0].house.slow.store(false, Ordering::SeqCst);
    for _ in 0..2 {
        for world in worlds {
            for watched in now(world.desk.watch(None)).unwrap() {
                assert!(!matches!(watched, Watched::Failed(..)), "{watched:?}");
            }
        }
        worlds[0].pass(60);
    }
}

fn two() -> [World; 2] {
    let first = world();
    first.house.slow.store(false, Ordering::SeqCst);
    let second = first.beside();
    [first, second]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, max_shrink_iters: 4_000, ..ProptestConfig::default() })]

    #[test]
    fn what_is_changed_in_one_process_is_done_in_both(
        changes in proptest::collection::vec((0..2_usize, change()), 1..7),
        order in proptest::collection::vec(0..6_usize, 1..60),
    ) {
        let worlds = two();
        worlds[0].house.slow.store(true, Ordering::SeqCst);
        let works = changes.iter().map(|(at, change)| work(&worlds[*at], change)).collect();
        for (change, outcome) in changes.iter().zip(together(works, &order)) {
            // Of two at the same moment in two processes the second may be told to look again.
            if let Err(error @ InstallError::Store(_)) = outcome {
                panic!("{change:?} of {changes:?}: {error}");
            }
        }
        settle(&worlds);
        for (n, world) in worlds.iter().enumerate() {
            check(world, &format!("process {n}: {changes:?} {order:?}"));
        }
    }
}

#[test]
fn a_revocation_in_one_process_stops_the_other() {
    let worlds = two();
    now(work(&worlds[0], &Change::Revoke(1))).unwrap();
    assert_eq!(worlds[1].engine.running().loaded.get(&digest_of(1)), Some(&false), "nobody told it yet");
    settle(&worlds);
    assert_ne!(worlds[1].engine.running().loaded.get(&digest_of(1)), Some(&false));
    // And what is free again runs in both, as something new.
    now(work(&worlds[1], &Change::Pardon(1))).unwrap();
    now(work(&worlds[1], &Change::Install(1))).unwrap();
    settle(&worlds);
    for world in &worlds {
        check(world, "pardoned");
        assert_eq!(world.engine.running().active[&plugin()].0, digest_of(1));
    }
}

#[test]
fn the_failures_of_both_roll_a_version_back_once() {
    let worlds = two();
    now(work(&worlds[0], &Change::Install(2))).unwrap();
    settle(&worlds);
    for world in &worlds {
        world.engine.running().figures.insert(digest_of(2), VersionFigures { calls: 10, faults: 10 });
    }
    let watched: Vec<_> = worlds.iter().flat_map(|world| now(work(world, &Change::Watch)).unwrap()).collect();
    assert_eq!(watched, [Watched::RolledBack(plugin())]);
    settle(&worlds);
    for world in &worlds {
        check(world, "rolled back");
    }
}

#[test]
fn comparisons_of_both_count() {
    let worlds = two();
    let request = in_shadow(&bytes(3), Some(&digest_of(3)), 2);
    now(worlds[1].desk.install(request)).unwrap();
    settle(&worlds);
    for world in &worlds {
        let same = Comparison {
            call: "c".into(),
            connection: "c1".into(),
            kind: "webhook".to_owned(),
            at: Timestamp(0),
            difference: None,
        };
        world.engine.running().comparisons.insert(plugin(), vec![same]);
    }
    settle(&worlds);
    settle(&worlds);
    for world in &worlds {
        check(world, "compared");
        assert_eq!(world.engine.running().active[&plugin()].0, digest_of(3));
    }
}

/// A package that this process cannot load now: the one before runs on, and it is tried again.
#[test]
fn what_cannot_be_loaded_is_tried_again_later() {
    let worlds = two();
    now(work(&worlds[0], &Change::Install(2))).unwrap();
    let package = worlds[0].house.disk().packages.remove(&digest_of(2)).unwrap();
    let watch = || now(worlds[1].desk.watch(None)).unwrap();
    assert!(matches!(watch().as_slice(), [Watched::Failed(..)]));
    assert_eq!(watch(), [], "it is not tried at every look");
    assert_eq!(worlds[1].engine.running().active[&plugin()].0, digest_of(1));
    worlds[0].house.disk().packages.insert(digest_of(2), package);
    worlds[0].pass(60);
    assert_eq!(watch(), []);
    check(&worlds[1], "it is there again");
    assert_eq!(bytes(2).len(), worlds[0].house.disk().packages[&digest_of(2)].len());
}
