//! Compiled plugins on disk are only ever used as we wrote them.

use crate::guests::checking;
use crate::harness::House;
use serde_json::json;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

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
