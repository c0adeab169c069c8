//! Whatever people, rules, crashes and restarts do in whatever order, this holds.

use super::world::{World, digest, in_shadow, now, package, request};
use opssight_core::id::{CallId, PluginId};
use opssight_core::plugins::installs::{
    Comparison, Data, HealthRule, InstallRequest, RevocationTarget, ShadowRule, VersionFigures, VersionState,
};
use opssight_core::time::Timestamp;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

/// Versions 1.0.0 to 1.7.0; how many things each wants.
const WIDTHS: [usize; 8] = [2, 1, 3, 3, 2, 4, 1, 5];
const PLUGIN: &str = "example";

#[derive(Debug, Clone)]
enum Op {
    Install {
        version: usize,
        consent: bool,
    },
    InstallInShadow {
        version: usize,
        consent: bool,
    },
    Place(usize),
    Approve(usize),
    Reject(usize),
    RollBack(Option<usize>),
    Shadow(usize),
    Promote,
    Drop,
    Revoke(Option<usize>),
    Pardon(Option<usize>),
    Uninstall(Data),
    Enable(bool),
    Connect,
    Fail,
    Compare(bool),
    Watch,
    Restart,
    /// The power goes before the write with this number, and comes back.
    Crash {
        writes: u32,
        during: Box<Op>,
    },
}

fn op() -> impl Strategy<Value = Op> {
    let version = 0..WIDTHS.len();
    let optional = || proptest::option::of(0..WIDTHS.len());
    let simple = prop_oneof![
        6 => (version.clone(), any::<bool>()).prop_map(|(version, consent)| Op::Install { version, consent }),
        2 => (version.clone(), any::<bool>()).prop_map(|(version, consent)| Op::InstallInShadow { version, consent }),
        3 => version.clone().prop_map(Op::Place),
        3 => version.clone().prop_map(Op::Approve),
        1 => version.clone().prop_map(Op::Reject),
        3 => optional().prop_map(Op::RollBack),
        2 => version.prop_map(Op::Shadow),
        1 => Just(Op::Promote),
        1 => Just(Op::Drop),
        2 => optional().prop_map(Op::Revoke),
        3 => optional().prop_map(Op::Pardon),
        1 => prop_oneof![Just(Data::Keep), Just(Data::Remove)].prop_map(Op::Uninstall),
        1 => any::<bool>().prop_map(Op::Enable),
        2 => Just(Op::Connect),
        2 => Just(Op::Fail),
        2 => any::<bool>().prop_map(Op::Compare),
        3 => Just(Op::Watch),
        2 => Just(Op::Restart),
    ];
    let crash =
        (1..5_u32, simple_boxed(simple.clone().boxed())).prop_map(|(writes, during)| Op::Crash { writes, during });
    prop_oneof![8 => simple, 1 => crash]
}

fn simple_boxed(simple: BoxedStrategy<Op>) -> impl Strategy<Value = Box<Op>> {
    simple.prop_map(Box::new)
}

fn bytes(version: usize) -> Vec<u8> {
    package(PLUGIN, &format!("1.{version}.0"), WIDTHS[version])
}

fn width(digest_of: &str) -> usize {
    (0..WIDTHS.len()).find(|version| digest(&bytes(*version)) == digest_of).map(|version| WIDTHS[version]).unwrap()
}

/// What was seen so far.
struct Story {
    world: World,
    connections: u32,
    active: Option<String>,
    highest: Option<semver::Version>,
    /// Digests that somebody agreed to, or that want no more than what ran when they came.
    agreed: BTreeSet<String>,
}

fn plugin() -> PluginId {
    PluginId::from(PLUGIN)
}

fn target(version: Option<usize>) -> RevocationTarget {
    match version {
        None => RevocationTarget::Plugin(plugin()),
        Some(version) => RevocationTarget::Digest(digest(&bytes(version))),
    }
}

impl Story {
    fn agree(&mut self, version: usize) {
        self.agreed.insert(digest(&bytes(version)));
    }

    fn install(&mut self, version: usize, consent: bool, request: impl FnOnce(&[u8], Option<&str>) -> InstallRequest) {
        let package = bytes(version);
        if consent {
            self.agree(version);
        }
        let consent = consent.then(|| digest(&package));
        drop(now(self.world.desk.install(request(&package, consent.as_deref()))));
    }

    fn place(&mut self, version: usize) {
        let is_first = {
            let disk = self.world.house.disk();
            disk.installs.is_empty() && disk.events.iter().all(|event| event.what != "uninstalled")
        };
        drop(self.world.place(&bytes(version)));
        // Whatever was answered: the power may have gone between the write and the answer.
        if is_first && self.world.active(PLUGIN).is_some() {
            self.agree(version);
        }
    }

    /// The digest of the shadow; one of no version when there is none.
    fn shadow(&self) -> String {
        let disk = self.world.house.disk();
        let shadow = disk.installs.get(&PluginId::from(PLUGIN)).and_then(|install| install.shadow.as_ref());
        shadow.map_or_else(|| "sha256:0".to_owned(), |shadow| shadow.digest.clone())
    }

    fn act(&mut self, op: &Op) {
        let desk = self.world.desk.clone();
        let id = plugin();
        match op {
            Op::Install { version, consent } => self.install(*version, *consent, request),
            Op::InstallInShadow { version, consent } => {
                self.install(*version, *consent, |package, consent| in_shadow(package, consent, 2));
            }
            Op::Place(version) => self.place(*version),
            Op::Approve(version) => {
                self.agree(*version);
                drop(now(desk.approve(&id, &digest(&bytes(*version)), "admin")));
            }
            Op::Reject(version) => drop(now(desk.reject(&id, &digest(&bytes(*version)), "admin"))),
            Op::RollBack(version) => {
                let digest = version.map(|version| digest(&bytes(version)));
                drop(now(desk.rollback(&id, digest.as_deref(), "admin", "why not")));
            }
            Op::Shadow(version) => {
                let rule = ShadowRule { calls: 2, differences: 0 };
                drop(now(desk.shadow(&id, &digest(&bytes(*version)), rule, "admin")));
            }
            Op::Promote => {
                let shadow = self.shadow();
                self.agreed.insert(shadow.clone());
                drop(now(desk.promote(&id, &shadow, "admin")));
            }
            Op::Drop => drop(now(desk.drop_shadow(&id, &self.shadow(), "admin", "why not"))),
            Op::Revoke(version) => drop(now(desk.revoke(target(*version), "bad", "admin"))),
            Op::Pardon(version) => drop(now(desk.pardon(&target(*version), "admin"))),
            Op::Uninstall(data) => drop(now(desk.uninstall(&id, *data, "admin"))),
            Op::Enable(enabled) => drop(now(desk.enable(&id, *enabled, "admin"))),
            Op::Connect => {
                if self.world.active(PLUGIN).is_some() {
                    self.connections += 1;
                    self.world.connect(&format!("c{}", self.connections), PLUGIN);
                }
            }
            Op::Fail => {
                if let Some(active) = self.world.active(PLUGIN) {
                    let figures = VersionFigures { calls: 10, faults: 10 };
                    self.world.engine.running().figures.insert(active, figures);
                }
            }
            Op::Compare(different) => {
                let comparison = Comparison {
                    call: CallId("call".to_owned()),
                    connection: "c1".into(),
                    kind: "webhook".to_owned(),
                    at: Timestamp(0),
                    difference: different.then(|| "other items".to_owned()),
                };
                self.world.engine.running().comparisons.entry(id).or_default().push(comparison);
            }
            Op::Watch => drop(now(desk.watch(Some(HealthRule::default())))),
            Op::Restart => drop(self.world.restart()),
            Op::Crash { writes, during } => {
                self.world.house.fuse.store(*writes, Ordering::SeqCst);
                self.act(during);
                self.world.restart();
                // What is left of it is old enough one day.
                self.world.house.disk().kept_at.clear();
                now(self.world.desk.sweep()).unwrap();
            }
        }
    }

    /// What must hold after every step.
    fn check(&mut self, op: &Op) {
        let disk = self.world.house.disk();
        let running = self.world.engine.running();
        let install = disk.installs.get(&plugin());
        for (id, (_, pinned)) in &disk.connections {
            let Some(pinned) = pinned else { continue };
            assert_eq!(running.loaded.get(pinned), Some(&false), "{op:?}: {id:?} runs what is not loaded or stopped");
            let version = install.and_then(|install| install.version(pinned)).unwrap();
            let is_revoked = disk.revoked.iter().any(|revoked| revoked.target.covers(&plugin(), version));
            assert!(!is_revoked, "{op:?}: {id:?} runs a revoked version");
        }
        let Some(install) = install else {
            assert!(running.active.is_empty() && running.loaded.is_empty(), "{op:?}: something runs uninstalled");
            assert!(disk.packages.is_empty() || matches!(op, Op::Install { .. }), "{op:?}");
            (self.active, self.highest) = (None, None);
            return;
        };
        let of = |wanted: VersionState| install.versions.iter().filter(move |version| version.state == wanted);
        assert!(of(VersionState::Active).count() <= 1, "{op:?}: two active versions");
        assert!(of(VersionState::Waiting).count() <= 1, "{op:?}: two versions wait");
        let shadow: Vec<&str> = of(VersionState::Shadow).map(|version| version.digest.as_str()).collect();
        let expect: Vec<&str> = install.shadow.iter().map(|shadow| shadow.digest.as_str()).collect();
        assert_eq!(shadow, expect, "{op:?}: the shadow is not the shadow");
        assert!(shadow.is_empty() || install.active().is_some(), "{op:?}: compared with nothing");
        assert_eq!(running.shadow.get(&plugin()).map(String::as_str), shadow.first().copied(), "{op:?}");
        for version in &install.versions {
            assert!(disk.packages.contains_key(&version.digest), "{op:?}: a package is lost");
        }
        assert!(self.highest.as_ref().is_none_or(|highest| *highest <= install.highest), "{op:?}: highest fell");
        self.highest = Some(install.highest.clone());

        let active = install.active();
        if let Some(active) = active {
            let revoked = disk.revoked.iter().any(|revoked| revoked.target.covers(&plugin(), active));
            assert!(!revoked, "{op:?}: a revoked version is active");
            let (slot, enabled) = &running.active[&plugin()];
            assert_eq!((slot, *enabled), (&active.digest, install.enabled), "{op:?}: another version is called");
            assert!(active.manifest.version <= install.highest, "{op:?}");
        }
        let active = active.map(|active| active.digest.clone());
        if let Some(digest) = active.as_ref().filter(|_| active != self.active) {
            let narrower = self.active.as_ref().is_some_and(|before| width(digest) <= width(before));
            assert!(self.agreed.contains(digest) || narrower, "{op:?}: nobody agreed to {digest}");
            self.agreed.insert(digest.clone());
        }
        self.active = active;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, max_shrink_iters: 4_000, ..ProptestConfig::default() })]

    #[test]
    fn random_lives_keep_what_must_hold(ops in proptest::collection::vec(op(), 1..60)) {
        let world = World::new();
        let mut story =
            Story { world, connections: 0, active: None, highest: None, agreed: BTreeSet::new() };
        for op in &ops {
            story.world.pass(1);
            story.act(op);
            story.check(op);
        }
    }
}
