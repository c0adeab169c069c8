//! One rule after the other.

use super::world::{World, altered, digest, in_shadow, key, now, package};
use opssight_core::id::{CallId, PluginId};
use opssight_core::plugins::installs::{
    Approval, Comparison, Data, HealthRule, InstallError, InstallRequest, Notice, PackageStore, RevocationTarget,
    ShadowRule, VersionFigures, VersionState, Watched,
};
use opssight_core::plugins::trust::TrustPolicy;
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

fn id(text: &str) -> PluginId {
    PluginId::from(text)
}

fn code<T: std::fmt::Debug>(outcome: Result<T, InstallError>) -> String {
    outcome.unwrap_err().code().to_owned()
}

fn state(world: &World, plugin: &str, digest: &str) -> VersionState {
    world.install_of(plugin).version(digest).unwrap().state.clone()
}

#[test]
fn nothing_runs_before_somebody_agreed_to_these_very_bytes() {
    let world = World::new();
    let first = package("example", "1.0.0", 1);
    match world.offer(&first, None).unwrap_err() {
        InstallError::ConsentNeeded(inspection) => {
            assert_eq!(inspection.digest, digest(&first));
            assert_eq!(inspection.wants.abilities.len(), 1);
            assert_eq!(inspection.pins, Some(key('a')));
        }
        other => panic!("{other}"),
    }
    assert!(world.house.disk().packages.is_empty() && world.engine.running().loaded.is_empty());
    assert_eq!(code(world.offer(&first, Some("sha256:other"))), "other-digest");
    let installed = world.install(&first);
    assert_eq!(world.engine.running().active[&id("example")], (installed, true));
    assert_eq!(world.house.disk().pins["acme"].key, key('a'));
}

#[test]
fn a_narrower_update_is_applied_and_a_wider_one_waits_while_the_old_one_runs() {
    let world = World::new();
    let first = world.install(&package("example", "1.0.0", 2));
    world.connect("c", "example");
    let narrower = package("example", "1.1.0", 1);
    assert_eq!(world.offer(&narrower, None).unwrap().approval, Approval::Active);
    assert_eq!(world.pinned("c"), Some(digest(&narrower)));
    assert_eq!(state(&world, "example", &first), VersionState::Kept);

    let wider = package("example", "2.0.0", 3);
    let offered = world.offer(&wider, None).unwrap();
    assert_eq!(offered.approval, Approval::Waiting);
    assert_eq!(offered.inspection.update.unwrap().1.added.len(), 2);
    assert_eq!(world.pinned("c"), Some(digest(&narrower)));
    // Asked again, it waits as before; a newer offer takes its place.
    assert_eq!(world.offer(&wider, None).unwrap().approval, Approval::Waiting);
    let wider_still = package("example", "2.1.0", 4);
    world.offer(&wider_still, None).unwrap();
    assert_eq!(code(now(world.desk.approve(&id("example"), &digest(&wider), "admin"))), "not-now");
    now(world.desk.approve(&id("example"), &digest(&wider_still), "admin")).unwrap();
    assert_eq!(world.pinned("c"), Some(digest(&wider_still)));
    assert_eq!(world.events(), ["installed", "updated", "waiting", "waiting", "approved"]);
}

#[test]
fn what_is_not_believed_or_not_right_is_refused_by_name() {
    let world = World::new();
    world.install(&package("example", "1.5.0", 1));
    world.install(&package("github", "1.0.0", 1));
    let cases = [
        ("unsigned", altered("other", "1.0.0", 1, |package| package["seal"] = json!(null))),
        ("wrong-key", altered("other", "1.0.0", 1, |package| package["seal"]["key"] = json!(key('b')))),
        ("other-publisher", altered("other", "1.0.0", 1, |package| package["manifest"]["publisher"] = json!("emca"))),
        ("similar-name", package("gihtub", "1.0.0", 1)),
        ("downgrade", package("example", "1.4.9", 1)),
        ("changed-version", package("example", "1.5.0", 2)),
        ("does-not-fit", altered("other", "1.0.0", 1, |package| package["does-not-compile"] = json!(true))),
        (
            "name-taken",
            altered("example", "9.0.0", 1, |package| {
                package["manifest"]["publisher"] = json!("emca");
                package["seal"] = json!({ "publisher": "emca", "key": key('c') });
            }),
        ),
        ("malformed", b"\0asm".to_vec()),
    ];
    for (expect, package) in cases {
        let before = world.house.disk().packages.len();
        assert_eq!(code(world.offer(&package, Some(&digest(&package)))), expect);
        assert_eq!(world.house.disk().packages.len(), before, "{expect}");
        if let Ok(inspection) = now(world.desk.inspect(&package.as_slice().into())) {
            let told = inspection.refused.map(|refused| refused.code);
            assert_eq!(told.as_deref(), (expect != "does-not-fit").then_some(expect));
        }
    }
    let alike = InstallRequest {
        allow_similar_name: true,
        consent: Some(digest(&package("gihtub", "1.0.0", 1))),
        ..super::world::request(&package("gihtub", "1.0.0", 1), None)
    };
    assert_eq!(now(world.desk.install(alike)).unwrap().approval, Approval::Active);
}

#[test]
fn a_rolled_back_version_does_not_come_back_by_itself() {
    let mut world = World::new();
    let one = world.install(&package("example", "1.0.0", 1));
    world.connect("c", "example");
    world.pass(1);
    let two = world.install(&package("example", "2.0.0", 1));
    world.pass(1);
    let three_bytes = package("example", "3.0.0", 1);
    let three = world.install(&three_bytes);
    now(world.desk.rollback(&id("example"), None, "admin", "it is slow")).unwrap();
    assert_eq!((world.active("example"), world.pinned("c")), (Some(two.clone()), Some(two.clone())));
    assert!(matches!(state(&world, "example", &three), VersionState::Withdrawn(_)));
    assert_eq!(world.house.disk().replayed, 1);
    // Back again is further back, and not to what was just left.
    now(world.desk.rollback(&id("example"), None, "admin", "this as well")).unwrap();
    assert_eq!(world.active("example"), Some(one.clone()));
    assert_eq!(code(now(world.desk.rollback(&id("example"), None, "admin", "more"))), "not-now");
    assert_eq!(code(now(world.desk.rollback(&id("example"), Some(&one), "admin", "here"))), "not-now");
    assert_eq!(code(world.offer(&three_bytes, Some(&three))), "not-now");
    assert_eq!(world.place(&three_bytes).unwrap(), Approval::Unchanged);
    world.restart();
    assert_eq!(world.active("example"), Some(one));
    // By hand it may.
    now(world.desk.rollback(&id("example"), Some(&three), "admin", "mended upstream")).unwrap();
    assert_eq!(world.active("example"), Some(three));
    // A downgrade by installing stays refused: what ran here counts, not what runs.
    assert_eq!(code(world.offer(&package("example", "2.5.0", 1), None)), "downgrade");
}

#[test]
fn the_plugin_folder_counts_as_consent_once() {
    let mut world = World::new();
    let first = package("example", "1.0.0", 1);
    assert_eq!(world.place(&first).unwrap(), Approval::Active);
    assert_eq!(world.place(&first).unwrap(), Approval::Unchanged);
    let wider = package("example", "1.1.0", 2);
    for _ in 0..3 {
        assert_eq!(world.place(&wider).unwrap(), Approval::Waiting);
        world.restart();
    }
    assert_eq!(world.events(), ["installed", "waiting"]);
    now(world.desk.reject(&id("example"), &digest(&wider), "admin")).unwrap();
    assert_eq!(world.place(&wider).unwrap(), Approval::Unchanged);
    now(world.desk.uninstall(&id("example"), Data::Keep, "admin")).unwrap();
    assert_eq!(code(world.place(&first)), "consent-needed");
    assert_eq!(code(world.place(&first)), "consent-needed");
    assert_eq!(world.events().iter().filter(|what| *what == "refused").count(), 1);
    assert_eq!(code(world.place(&wider)), "consent-needed");
    assert_eq!(world.offer(&first, Some(&digest(&first))).unwrap().approval, Approval::Active);
}

#[test]
fn a_revoked_version_is_stopped_now_and_stays_stopped() {
    let mut world = World::new();
    let one_bytes = package("example", "1.0.0", 1);
    let one = world.install(&one_bytes);
    world.connect("c", "example");
    let target = RevocationTarget::Digest(one.clone());
    assert_eq!(now(world.desk.revoke(target.clone(), "it mines coins", "admin")).unwrap(), 1);
    assert_eq!((world.active("example"), world.pinned("c")), (None, None));
    // Deliveries are still taken, before and after a restart, and nothing of it runs.
    assert!(world.engine.running().active.contains_key(&id("example")));
    assert!(world.restart().is_empty());
    assert!(world.engine.running().active.contains_key(&id("example")) && world.engine.running().loaded.is_empty());
    assert_eq!(code(world.offer(&one_bytes, Some(&one))), "revoked");
    assert_eq!(code(now(world.desk.rollback(&id("example"), Some(&one), "admin", "please"))), "revoked");
    // Another version may run; a pardoned one may again, afresh.
    let two = world.install(&package("example", "1.1.0", 1));
    assert_eq!(world.pinned("c"), Some(two));
    now(world.desk.pardon(&target, "admin")).unwrap();
    assert_eq!(code(now(world.desk.pardon(&target, "admin"))), "not-now");
    now(world.desk.rollback(&id("example"), Some(&one), "admin", "it was a mistake")).unwrap();
    assert!(!world.engine.running().loaded[&one]);
    assert_eq!(world.pinned("c"), Some(one));
}

#[test]
fn a_key_takes_everything_with_it_and_pardons_do_not_reach_further() {
    let world = World::new();
    let one = world.install(&package("example", "1.0.0", 1));
    let two = world.install(&package("another", "1.0.0", 1));
    let (by_key, by_digest) = (RevocationTarget::Key(key('a')), RevocationTarget::Digest(one.clone()));
    now(world.desk.revoke(by_key.clone(), "stolen", "admin")).unwrap();
    now(world.desk.revoke(by_digest, "and this", "admin")).unwrap();
    assert_eq!((world.active("example"), world.active("another")), (None, None));
    assert_eq!(code(world.offer(&package("third-one", "1.0.0", 1), None)), "key-revoked");
    now(world.desk.pardon(&by_key, "admin")).unwrap();
    assert_eq!(state(&world, "another", &two), VersionState::Kept);
    assert!(matches!(state(&world, "example", &one), VersionState::Withdrawn(_)));
    // Nothing runs that nobody chose.
    assert_eq!(world.active("another"), None);
    now(world.desk.rollback(&id("another"), None, "admin", "it is fine")).unwrap();
    assert_eq!(world.active("another"), Some(two));
}

#[test]
fn what_a_pardon_lifts_is_not_what_a_person_rejected() {
    let world = World::new();
    world.install(&package("example", "1.0.0", 1));
    let wider = package("example", "2.0.0", 2);
    world.offer(&wider, None).unwrap();
    now(world.desk.reject(&id("example"), &digest(&wider), "admin")).unwrap();
    let other = RevocationTarget::Digest("sha256:0".to_owned());
    now(world.desk.revoke(other.clone(), "r", "admin")).unwrap();
    now(world.desk.pardon(&other, "admin")).unwrap();
    assert!(matches!(state(&world, "example", &digest(&wider)), VersionState::Withdrawn(_)));
}

#[test]
fn a_fresh_version_that_fails_is_rolled_back_by_itself() {
    let world = World::new();
    let good = world.install(&package("example", "1.0.0", 1));
    world.connect("c", "example");
    world.pass(1);
    let bad = world.install(&package("example", "1.1.0", 1));
    let rule = HealthRule { window_secs: 60, faults: 5, percent: 20 };
    let figures = |calls, faults| {
        world.engine.running().figures.insert(bad.clone(), VersionFigures { calls, faults });
        now(world.desk.watch(Some(rule))).unwrap()
    };
    // (calls, faults): too few, too rare, enough.
    assert!(figures(4, 4).is_empty() && figures(100, 19).is_empty());
    assert_eq!(figures(100, 20), [Watched::RolledBack(id("example"))]);
    assert_eq!(world.pinned("c"), Some(good));
    assert_eq!(world.house.disk().replayed, 1);
    // Tried again by hand, it is judged by what it does now, and after the window not at all.
    now(world.desk.rollback(&id("example"), Some(&bad), "admin", "again")).unwrap();
    assert!(now(world.desk.watch(Some(rule))).unwrap().is_empty());
    world.pass(61);
    assert!(figures(100, 100).is_empty());
}

fn compared(world: &World, different: &[bool]) {
    let comparison = |different: &bool| Comparison {
        call: CallId("call".to_owned()),
        connection: "c".into(),
        kind: "webhook".to_owned(),
        at: opssight_core::time::Timestamp(0),
        difference: different.then(|| "two items instead of one".to_owned()),
    };
    let comparisons = different.iter().map(comparison).collect();
    world.engine.running().comparisons.insert(id("example"), comparisons);
}

#[test]
fn a_shadow_is_promoted_dropped_or_waits_by_its_rule() {
    let rule = HealthRule::default();
    // (width of the newer, agreed beforehand, differences, what becomes of it)
    let cases = [
        (1, false, vec![false; 3], Watched::Promoted(id("example"))),
        (2, false, vec![false; 3], Watched::Waits(id("example"))),
        (2, true, vec![false; 3], Watched::Promoted(id("example"))),
        (1, true, vec![false, true], Watched::Dropped(id("example"))),
    ];
    for (width, agreed, differences, expect) in cases {
        let world = World::new();
        let old = world.install(&package("example", "1.0.0", 1));
        let newer = package("example", "1.1.0", width);
        let consent = agreed.then(|| digest(&newer));
        let installed = now(world.desk.install(in_shadow(&newer, consent.as_deref(), 3))).unwrap();
        assert_eq!(installed.approval, Approval::Shadow);
        assert_eq!(world.engine.running().shadow[&id("example")], digest(&newer));
        compared(&world, &[false, false]);
        if differences.len() > 2 {
            assert!(now(world.desk.watch(Some(rule))).unwrap().is_empty());
            assert_eq!(world.active("example"), Some(old.clone()));
        }
        compared(&world, &differences);
        assert_eq!(now(world.desk.watch(Some(rule))).unwrap(), std::slice::from_ref(&expect));
        assert!(world.engine.running().shadow.is_empty() && world.install_of("example").shadow.is_none());
        let promoted = matches!(expect, Watched::Promoted(_));
        assert_eq!(world.active("example"), Some(if promoted { digest(&newer) } else { old }));
        match expect {
            Watched::Waits(_) => assert_eq!(state(&world, "example", &digest(&newer)), VersionState::Waiting),
            Watched::Dropped(_) => {
                assert!(matches!(state(&world, "example", &digest(&newer)), VersionState::Withdrawn(_)));
            }
            _ => {}
        }
    }
}

#[test]
fn a_person_decides_about_a_shadow_before_its_rule() {
    let world = World::new();
    let old = world.install(&package("example", "1.0.0", 1));
    world.pass(1);
    let newer = world.install(&package("example", "1.1.0", 1));
    let rule = ShadowRule { calls: 10, differences: 0 };
    assert_eq!(code(now(world.desk.shadow(&id("example"), &newer, rule, "admin"))), "not-now");
    assert_eq!(code(now(world.desk.shadow(&id("example"), "sha256:0", rule, "admin"))), "no-such-version");
    now(world.desk.shadow(&id("example"), &old, rule, "admin")).unwrap();
    // Another version than the one that was looked at is not meant.
    assert_eq!(code(now(world.desk.drop_shadow(&id("example"), &newer, "admin", "no need"))), "not-now");
    assert_eq!(world.active("example"), Some(newer.clone()));
    now(world.desk.drop_shadow(&id("example"), &old, "admin", "no need")).unwrap();
    assert_eq!(code(now(world.desk.promote(&id("example"), &old, "admin"))), "not-now");
    now(world.desk.shadow(&id("example"), &old, rule, "admin")).unwrap();
    // Another version than the one that was looked at is not agreed to.
    assert_eq!(code(now(world.desk.promote(&id("example"), &newer, "admin"))), "not-now");
    now(world.desk.promote(&id("example"), &old, "admin")).unwrap();
    assert_eq!(world.active("example"), Some(old));
}

#[test]
fn switched_off_means_off_whatever_is_installed_meanwhile() {
    let mut world = World::new();
    world.install(&package("example", "1.0.0", 1));
    now(world.desk.enable(&id("example"), false, "admin")).unwrap();
    now(world.desk.revoke(RevocationTarget::Plugin(id("example")), "r", "admin")).unwrap();
    now(world.desk.pardon(&RevocationTarget::Plugin(id("example")), "admin")).unwrap();
    world.restart();
    let two = world.install(&package("example", "1.1.0", 1));
    assert_eq!(world.engine.running().active[&id("example")], (two.clone(), false));
    now(world.desk.enable(&id("example"), true, "admin")).unwrap();
    assert_eq!(world.engine.running().active[&id("example")], (two, true));
    // The operator's own switch stands above.
    world.desk.enabled = false;
    now(world.desk.restore()).unwrap();
    let three = world.install(&package("example", "1.2.0", 1));
    now(world.desk.enable(&id("example"), true, "admin")).unwrap();
    assert_eq!(world.engine.running().active[&id("example")], (three, false));
}

#[test]
fn uninstalling_takes_or_leaves_the_connections() {
    for (data, left) in [(Data::Keep, 1), (Data::Remove, 0)] {
        let world = World::new();
        world.install(&package("example", "1.0.0", 1));
        world.connect("c", "example");
        now(world.desk.uninstall(&id("example"), data, "admin")).unwrap();
        assert_eq!(world.house.disk().connections.len(), left);
        assert!(world.house.disk().packages.is_empty() && world.engine.running().loaded.is_empty());
        assert!(world.engine.running().active.is_empty());
        assert_eq!(code(now(world.desk.uninstall(&id("example"), data, "admin"))), "not-installed");
        if data == Data::Keep {
            assert_eq!(world.pinned("c"), None);
            let again = world.install(&package("example", "1.0.0", 1));
            assert_eq!(world.pinned("c"), Some(again));
        }
    }
}

#[test]
fn what_is_lost_on_the_disk_is_told_and_mended_by_installing_it_again() {
    let mut world = World::new();
    let bytes = package("example", "1.0.0", 1);
    let one = world.install(&bytes);
    world.install(&package("healthy", "1.0.0", 1));
    world.house.disk().packages.remove(&one);
    let failed = world.restart();
    assert_eq!(failed.len(), 1);
    assert!(failed[0].1.to_string().contains("install it again"), "{}", failed[0].1);
    assert!(world.engine.running().active.contains_key(&id("healthy")));
    assert_eq!(world.offer(&bytes, None).unwrap().approval, Approval::Unchanged);
    assert_eq!(world.engine.running().active[&id("example")].0, one);
}

#[test]
fn packages_that_nothing_refers_to_go_when_no_host_can_be_about_to_install_them() {
    let world = World::new();
    let one = world.install(&package("example", "1.0.0", 1));
    for digest in ["sha256:left", "sha256:coming"] {
        now(world.house.put(digest, b"")).unwrap();
        world.pass(86_000);
    }
    assert_eq!(now(world.desk.sweep()).unwrap(), 1);
    let there: Vec<String> = world.house.disk().packages.keys().cloned().collect();
    assert_eq!(BTreeSet::from_iter(there), BTreeSet::from([one, "sha256:coming".to_owned()]));
}

#[test]
fn the_configuration_decides_about_the_keys_that_it_lists() {
    let policy = TrustPolicy { publishers: [("acme".to_owned(), key('b'))].into(), ..TrustPolicy::default() };
    let world = World::with(policy);
    assert_eq!(code(world.offer(&package("example", "1.0.0", 1), None)), "wrong-key");
    assert_eq!(code(now(world.desk.trust("acme", Some(key('a')), "admin"))), "not-now");
    now(world.desk.trust("other", Some(key('c')), "admin")).unwrap();
    assert_eq!(world.house.disk().pins["other"].key, key('c'));
    now(world.desk.trust("other", None, "admin")).unwrap();
    assert!(world.house.disk().pins.is_empty());
}

#[test]
fn an_author_at_work_may_change_a_version_and_put_the_same_bytes_back() {
    let world = World::with(TrustPolicy { dev: true, ..TrustPolicy::default() });
    let unsigned = |text: &str| {
        altered("example", "1.0.0", 1, |package| {
            package["seal"] = json!(null);
            package["manifest"]["description"] = json!(text);
        })
    };
    for text in ["a", "b", "a"] {
        assert_eq!(world.place(&unsigned(text)).unwrap(), Approval::Active);
        assert_eq!(world.active("example"), Some(digest(&unsigned(text))));
    }
}

#[test]
fn old_versions_are_let_go_of_but_not_the_way_back() {
    let world = World::new();
    for patch in 0..30 {
        world.install(&package("example", &format!("1.0.{patch}"), 1));
        world.pass(1);
    }
    let install = world.install_of("example");
    assert_eq!(install.versions.len(), 12);
    assert_eq!(world.house.disk().packages.len(), 12);
    // Only what runs and what one would go back to is in memory.
    assert_eq!(world.engine.running().loaded.len(), 2);
    let previous = install.previous.unwrap();
    assert_eq!(install.versions[1].digest, previous);
}

/// A disk that fails under the files of a plugin keeps nothing of it running.
#[test]
fn nothing_runs_uninstalled_also_when_a_package_cannot_be_removed() {
    let world = World::new();
    for version in ["1.0.0", "1.1.0"] {
        world.install(&package("example", version, 1));
    }
    // The first write goes through, and no other.
    world.house.fuse.store(2, Ordering::SeqCst);
    now(world.desk.uninstall(&id("example"), Data::Keep, "admin")).unwrap();
    assert!(world.engine.running().loaded.is_empty());
    assert_eq!(world.house.disk().packages.len(), 2, "the disk did fail");
}

/// Comparisons are told once: whoever changes the plugin at the same moment must not make them unsaid.
#[test]
fn a_change_at_the_same_moment_loses_no_comparison() {
    let world = World::new();
    world.install(&package("example", "1.0.0", 1));
    now(world.desk.install(in_shadow(&package("example", "1.1.0", 1), None, 9))).unwrap();
    let before = world.events();
    compared(&world, &[false, false]);
    world.house.rivals.store(3, Ordering::SeqCst);
    assert_eq!(now(world.desk.watch(None)).unwrap(), []);
    compared(&world, &[false]);
    assert_eq!(now(world.desk.watch(None)).unwrap(), []);
    assert_eq!(world.install_of("example").shadow.unwrap().compared, 3);
    assert_eq!(world.events(), before, "counting is no news");
}

#[test]
fn a_pardon_that_a_crash_cut_short_is_finished_at_the_next_start() {
    let mut world = World::new();
    let one = world.install(&package("example", "1.0.0", 1));
    let target = RevocationTarget::Digest(one.clone());
    now(world.desk.revoke(target.clone(), "bad", "admin")).unwrap();
    // The end of the revocation is kept, and the mark on the install is not taken away any more.
    world.house.fuse.store(2, Ordering::SeqCst);
    now(world.desk.pardon(&target, "admin")).unwrap_err();
    assert!(matches!(state(&world, "example", &one), VersionState::Withdrawn(_)));
    world.restart();
    assert_eq!(state(&world, "example", &one), VersionState::Kept);
}

fn tells(world: &World, plugin: &str, count: usize) {
    let tell =
        |n| Notice { plugin: id(plugin), digest: "sha256:1".to_owned(), what: "breaker-opened".to_owned(), detail: n };
    world.engine.running().notices.extend((0..count).map(|n| tell(n.to_string())));
}

/// What the runtime tells is told once: a store that takes nothing for a while must not make it unsaid.
#[test]
fn what_the_runtime_tells_waits_for_the_store() {
    let world = World::new();
    tells(&world, "example", 3);
    // The store takes one of them.
    world.house.fuse.store(2, Ordering::SeqCst);
    now(world.desk.watch(None)).unwrap_err();
    tells(&world, "example", 1);
    now(world.desk.watch(None)).unwrap_err();
    world.house.fuse.store(0, Ordering::SeqCst);
    now(world.desk.watch(None)).unwrap();
    now(world.desk.watch(None)).unwrap();
    let details: Vec<String> = world.house.disk().events.iter().map(|event| event.detail.clone()).collect();
    assert_eq!(details, ["0", "1", "2", "0"]);
}

#[test]
fn what_waits_too_long_for_the_store_is_counted() {
    let world = World::new();
    world.house.fuse.store(1, Ordering::SeqCst);
    tells(&world, "one", 700);
    now(world.desk.watch(None)).unwrap_err();
    tells(&world, "other", 900);
    now(world.desk.watch(None)).unwrap_err();
    // The store takes how many of the first were lost, and fails again.
    world.house.fuse.store(2, Ordering::SeqCst);
    now(world.desk.watch(None)).unwrap_err();
    world.house.fuse.store(0, Ordering::SeqCst);
    now(world.desk.watch(None)).unwrap();
    let disk = world.house.disk();
    let lost: Vec<_> = disk.events.iter().filter(|event| event.what == "notices-lost").collect();
    assert_eq!(lost.len(), 1);
    assert_eq!(lost[0].plugin, id("one"));
    assert!(lost[0].detail.starts_with("600 things"), "{}", lost[0].detail);
    assert_eq!(disk.events.len(), 1 + 1_000);
    assert_eq!(disk.events.iter().filter(|event| event.plugin == id("other")).count(), 900);
}
