//! Several places in order: the host's catalogue.

use crate::packages::{changed, package};
use opssight_core::plugins::catalogue::{Catalogue, CatalogueError};
use opssight_distribution::{Open, Place, Places, RegistryCredentials};
use std::path::Path;
use std::time::Duration;

fn dir(path: &Path) -> Open {
    open(&format!("dir:{}", path.display()))
}

fn open(text: &str) -> Open {
    let place: Place = text.parse().unwrap();
    Open::with_patience(&place, &RegistryCredentials::default(), Duration::from_secs(2)).unwrap()
}

#[tokio::test]
async fn the_first_place_that_knows_a_plugin_speaks_for_it() {
    let (ours, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (ours, theirs) = (dir(ours.path()), dir(theirs.path()));
    let (trusted, intruder) = (package("example", "1.0.0"), package("example", "9.9.9"));
    ours.publish(&trusted).await.unwrap();
    theirs.publish(&intruder).await.unwrap();
    theirs.publish(&package("other", "0.1.0")).await.unwrap();
    let catalogue = Places::new(vec![ours.clone(), theirs.clone()]);

    let (bytes, reference) = catalogue.fetch("example", None).await.unwrap();
    assert_eq!(bytes, &trusted.bytes[..]);
    assert_eq!(reference, format!("{}/example@{}", ours.place(), trusted.digest));
    // A version that only the later place claims to have is not taken from there; bytes that are named may come from
    // anywhere.
    assert!(matches!(catalogue.fetch("example", Some("^9")).await, Err(CatalogueError::NotFound { .. })));
    let (bytes, _) = catalogue.fetch("example", Some(intruder.digest.as_str())).await.unwrap();
    assert_eq!(bytes, &intruder.bytes[..]);
    assert!(catalogue.fetch("other", Some("0.1.0")).await.is_ok());

    let found = catalogue.search("", 10).await.unwrap();
    let seen: Vec<_> = found.entries.iter().map(|entry| (entry.id.as_str(), entry.version.to_string())).collect();
    assert_eq!(seen, [("example", "1.0.0".to_owned()), ("other", "0.1.0".to_owned())]);
    let versions = catalogue.versions("example").await.unwrap();
    assert_eq!(versions.len(), 1);
    assert_eq!(versions[0].place, ours.place().to_string());
    assert!(catalogue.versions("nothing").await.unwrap().is_empty());
}

#[tokio::test]
async fn a_place_that_is_down_is_told_and_not_passed_over() {
    let theirs = tempfile::tempdir().unwrap();
    let theirs = dir(theirs.path());
    theirs.publish(&changed("example", "9.9.9")).await.unwrap();
    let catalogue = Places::new(vec![open("oci://127.0.0.1:1/acme"), theirs]);
    // Looking around goes on without it, and says so.
    let found = catalogue.search("", 10).await.unwrap();
    assert_eq!(found.entries.len(), 1);
    assert!(found.problems[0].starts_with("failed to reach oci://127.0.0.1:1/acme"), "{:?}", found.problems);
    // But what it would have said decides what is installed.
    assert!(matches!(catalogue.fetch("example", None).await, Err(CatalogueError::Unreachable { .. })));
    assert!(matches!(catalogue.versions("example").await, Err(CatalogueError::Unreachable { .. })));
}

#[tokio::test]
async fn a_host_without_places_says_what_to_configure() {
    let error = Places::default().search("", 10).await.unwrap_err();
    assert!(error.to_string().contains("plugins.catalogues"), "{error}");
    let error = Places::default().fetch("../etc", None).await.unwrap_err();
    assert!(matches!(error, CatalogueError::Request(_)), "{error}");
}

/// Row 74h: an index that was true once is put back in its place.
#[tokio::test]
async fn a_place_that_offers_less_than_before_is_not_believed_to_offer_its_newest() {
    let folder = tempfile::tempdir().unwrap();
    let mirror = open(&format!("mirror:{}", folder.path().display()));
    let (old, new) = (package("example", "1.0.0"), package("example", "1.1.0"));
    mirror.publish(&old).await.unwrap();
    let index = folder.path().join("index.json");
    let before = std::fs::read(&index).unwrap();
    mirror.publish(&new).await.unwrap();
    let after = std::fs::read(&index).unwrap();
    let catalogue = Places::new(vec![mirror]);
    assert_eq!(catalogue.fetch("example", None).await.unwrap().0, &new.bytes[..]);

    std::fs::write(&index, before).unwrap();
    let error = catalogue.fetch("example", None).await.unwrap_err();
    assert!(
        matches!(&error, CatalogueError::WentBack { before, now, .. } if before == "1.1.0" && now == "1.0.0"),
        "{error}"
    );
    let found = catalogue.search("", 10).await.unwrap();
    assert_eq!(found.problems.len(), 1, "{:?}", found.problems);
    assert!(found.problems[0].contains("withheld"), "{:?}", found.problems);
    // Who names the old one means it, and who remembers nothing cannot tell.
    assert_eq!(catalogue.fetch("example", Some("1.0.0")).await.unwrap().0, &old.bytes[..]);
    assert!(catalogue.fetch("example", Some(old.digest.as_str())).await.is_ok());
    assert!(Places::new(catalogue.list().to_vec()).fetch("example", None).await.is_ok());

    std::fs::write(&index, after).unwrap();
    assert_eq!(catalogue.fetch("example", None).await.unwrap().0, &new.bytes[..]);
    assert!(catalogue.search("", 10).await.unwrap().problems.is_empty());
}
