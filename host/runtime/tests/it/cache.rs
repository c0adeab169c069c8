//! Compiled plugins on disk are only ever used as we wrote them.

use crate::guests::checking;
use crate::harness::House;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

/// What this thread's host counts.
struct Counted(PrometheusHandle);

impl Counted {
    fn while_doing(work: impl FnOnce(&Self)) {
        let recorder = PrometheusBuilder::new().build_recorder();
        let counted = Self(recorder.handle());
        metrics::with_local_recorder(&recorder, || work(&counted));
    }

    /// How often a compiled plugin on disk met this fate.
    fn aot(&self, outcome: &str) -> u64 {
        let name = format!("opssight_plugin_aot_total{{outcome=\"{outcome}\"}} ");
        let text = self.0.render();
        text.lines().find_map(|line| line.strip_prefix(&name)?.parse().ok()).unwrap_or(0)
    }
}

fn artefact(house: &House) -> PathBuf {
    let mut files = std::fs::read_dir(house.data.path().join("aot")).unwrap();
    let file = files.next().unwrap().unwrap().path();
    assert!(files.next().is_none(), "one file, and nothing half written");
    file
}

#[tokio::test]
async fn a_poisoned_artefact_is_not_loaded_but_compiled_again() {
    let house = House::new();
    let package = checking("", "(i32.const 1024)", json!({}));
    house.install(&package);
    let file = artefact(&house);
    let good = std::fs::read(&file).unwrap();
    for at in [0, 31, 32, 100, good.len() / 2, good.len() - 1] {
        let mut poisoned = good.clone();
        poisoned[at] ^= 0x40;
        std::fs::write(&file, &poisoned).unwrap();
        house.try_check(&package).await.unwrap();
        assert_eq!(std::fs::read(artefact(&house)).unwrap().len(), good.len());
        assert_ne!(std::fs::read(&file).unwrap(), poisoned, "byte {at}");
    }
    std::fs::write(&file, &good[..20]).unwrap();
    house.try_check(&package).await.unwrap();
}

#[tokio::test]
async fn an_artefact_of_another_host_or_another_plugin_is_not_loaded() {
    let (house, other) = (House::new(), House::new());
    let package = checking("", "(i32.const 1024)", json!({}));
    house.install(&package);
    other.install(&package);
    let foreign = std::fs::read(artefact(&other)).unwrap();
    assert_eq!(artefact(&house).file_name(), artefact(&other).file_name());
    std::fs::write(artefact(&house), &foreign).unwrap();
    house.try_check(&package).await.unwrap();
    assert_ne!(std::fs::read(artefact(&house)).unwrap(), foreign);
}

#[test]
fn the_key_is_readable_by_the_host_alone_and_survives_a_restart() {
    let house = House::new();
    let key = house.data.path().join("aot.key");
    assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read(&key).unwrap().len(), 32);
}

#[test]
fn the_directory_is_the_hosts_alone_also_after_somebody_opened_it() {
    let house = House::new();
    let directory = house.data.path().join("aot");
    let mode = || std::fs::metadata(&directory).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(), 0o700);
    std::fs::set_permissions(&directory, std::fs::Permissions::from_mode(0o755)).unwrap();
    let _again = House::at(house.data);
    assert_eq!(mode(), 0o700);
}

#[test]
fn a_file_that_is_as_we_wrote_it_is_used_and_nothing_is_compiled() {
    let data = tempfile::TempDir::new().unwrap();
    let package = checking("", "(i32.const 1024)", json!({}));
    Counted::while_doing(|counted| {
        let house = House::at(data);
        house.install(&package);
        assert_eq!((counted.aot("compiled"), counted.aot("used")), (1, 0));
        House::at(house.data).install(&package);
        assert_eq!((counted.aot("compiled"), counted.aot("used")), (1, 1));
    });
}

#[test]
fn a_file_of_another_engine_is_stale_and_goes_when_its_plugin_is_compiled_again() {
    let house = House::new();
    let package = checking("", "(i32.const 1024)", json!({}));
    house.install(&package);
    let file = artefact(&house);
    // As a host with another wasmtime would have named it.
    let (digest, engine) = file.file_stem().unwrap().to_str().unwrap().split_once('-').unwrap();
    let other: String = engine.chars().rev().collect();
    let stale = file.with_file_name(format!("{digest}-{other}.cwasm"));
    std::fs::rename(&file, &stale).unwrap();
    Counted::while_doing(|counted| {
        house.install(&package);
        assert_eq!((counted.aot("compiled"), counted.aot("used"), counted.aot("stale")), (1, 0, 1));
    });
    assert_eq!(artefact(&house), file, "only the new one is left");
}

/// Row 24 of the hostile table, through the front door: whatever bytes are changed, in whatever file, the host says
/// what is wrong with it, does not use it, and compiles anew.
#[test]
fn no_file_with_any_flipped_bytes_is_ever_used() {
    let house = House::new();
    let package = checking("", "(i32.const 1024)", json!({}));
    house.install(&package);
    let file = artefact(&house);
    let length = std::fs::read(&file).unwrap().len();
    let flips = prop::collection::vec((0..length, 1_u8..), 1..16);
    let cut = prop::option::of(0..length);
    let mut runner = TestRunner::new(Config { cases: 48, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&(flips, cut), |(flips, cut)| {
        let good = std::fs::read(&file).unwrap();
        let mut bad = good.clone();
        flips.into_iter().for_each(|(at, bits)| bad[at] ^= bits);
        bad.truncate(cut.unwrap_or(length));
        prop_assume!(bad != good);
        std::fs::write(&file, &bad).unwrap();
        Counted::while_doing(|counted| {
            house.install(&package);
            let refused: u64 = ["poisoned", "truncated", "foreign"].iter().map(|kind| counted.aot(kind)).sum();
            assert_eq!((counted.aot("used"), counted.aot("compiled"), refused), (0, 1, 1));
            assert_eq!(counted.aot("does-not-fit"), 0, "it never got as far as the engine");
        });
        prop_assert_ne!(std::fs::read(&file).unwrap(), bad);
        Ok(())
    });
    outcome.unwrap();
}
