//! Directories and mirrors.

use crate::packages::{bytes, changed, package};
use opssight_core::plugins::catalogue::CatalogueError;
use opssight_distribution::{Open, Place, Published, Reference, RegistryCredentials};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

fn open(scheme: &str, path: &Path) -> Open {
    let place: Place = format!("{scheme}:{}", path.display()).parse().unwrap();
    Open::new(&place, &RegistryCredentials::default()).unwrap()
}

#[tokio::test]
async fn a_directory_and_a_mirror_do_what_a_registry_does() {
    for scheme in ["dir", "mirror"] {
        let folder = tempfile::tempdir().unwrap();
        let place = open(scheme, &folder.path().join("made/by/publishing"));
        assert!(matches!(place.search("", 9).await, Err(CatalogueError::Unreachable { .. })));
        let (old, new) = (package("example", "1.9.0"), package("example", "1.10.0"));
        for package in [&new, &old, &package("other", "0.1.0")] {
            assert_eq!(place.publish(package).await.unwrap(), Published::New, "{scheme}");
        }
        assert_eq!(place.publish(&old).await.unwrap(), Published::Unchanged);
        let error = place.publish(&changed("example", "1.9.0")).await.unwrap_err();
        assert!(matches!(error, CatalogueError::Changed { .. }), "{error}");

        let versions = place.versions("example").await.unwrap();
        assert_eq!(versions.iter().map(ToString::to_string).collect::<Vec<_>>(), ["1.10.0", "1.9.0"]);
        let by_digest = format!("example@{}", old.digest);
        for (text, expected) in
            [("example", &new), ("example@1.9.0", &old), ("example@<1.10", &old), (by_digest.as_str(), &old)]
        {
            let fetched = place.fetch(&text.parse().unwrap()).await.unwrap();
            assert_eq!(fetched.bytes, expected.bytes, "{scheme} {text}");
        }
        assert!(matches!(place.fetch(&"example@3".parse().unwrap()).await, Err(CatalogueError::NotFound { .. })));
        let found = place.search("pipelines", 9).await.unwrap();
        assert_eq!(found.entries[0], new.entry(place.place()));
        assert_eq!(found.entries.len(), 2);
    }
}

#[tokio::test]
async fn a_directory_is_known_by_content_and_not_by_names_of_files() {
    let folder = tempfile::tempdir().unwrap();
    let place = open("dir", folder.path());
    fs::write(folder.path().join("zzz.wasm"), bytes("example", "1.0.0", json!({}))).unwrap();
    fs::write(folder.path().join("github-9.9.9.wasm"), b"not a component").unwrap();
    fs::write(folder.path().join("notes.txt"), b"hello").unwrap();
    let found = place.search("", 9).await.unwrap();
    assert_eq!(found.entries.iter().map(|entry| entry.id.as_str()).collect::<Vec<_>>(), ["example"]);
    assert!(found.problems[0].contains("github-9.9.9.wasm: read the package"), "{:?}", found.problems);
    assert!(place.fetch(&"github".parse().unwrap()).await.is_err());
}

#[tokio::test]
async fn copies_keep_their_digests_and_seals() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (from, to) = (open("dir", from.path()), open("mirror", to.path()));
    let package = package("example", "1.0.0");
    from.publish(&package).await.unwrap();
    let wanted: [Reference; 1] = ["example".parse().unwrap()];
    let copied = from.copy(&to, &wanted).await.unwrap();
    assert_eq!((copied[0].published, &copied[0].package.digest), (Published::New, &package.digest));
    assert_eq!(from.copy(&to, &wanted).await.unwrap()[0].published, Published::Unchanged);
    assert_eq!(to.fetch(&wanted[0]).await.unwrap().signature, package.signature);
}

fn edit_index(folder: &Path, edit: impl FnOnce(&mut Value)) {
    let path = folder.join("index.json");
    let mut index: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    edit(&mut index);
    fs::write(path, index.to_string()).unwrap();
}

/// Row 74: an index that lies about a digest, or whose digest is a path.
#[tokio::test]
async fn a_mirror_whose_index_lies_is_found_out() {
    let folder = tempfile::tempdir().unwrap();
    let place = open("mirror", folder.path());
    let (real, evil) = (package("example", "1.0.0"), package("evil", "6.6.6"));
    place.publish(&real).await.unwrap();
    place.publish(&evil).await.unwrap();
    let wanted: Reference = "example@1.0.0".parse().unwrap();

    // It says that another package is this one.
    edit_index(folder.path(), |index| {
        let example =
            index["packages"].as_array_mut().unwrap().iter_mut().find(|entry| entry["id"] == "example").unwrap();
        example["digest"] = json!(evil.digest.as_str());
    });
    let error = place.fetch(&wanted).await.unwrap_err();
    assert!(matches!(error, CatalogueError::NotThePlugin { .. }), "{error}");

    // It has other bytes under the digest.
    let blob = folder.path().join("blobs/sha256").join(real.digest.digits());
    fs::write(&blob, &evil.bytes).unwrap();
    let by_digest = format!("example@{}", real.digest).parse().unwrap();
    let error = place.fetch(&by_digest).await.unwrap_err();
    assert!(matches!(error, CatalogueError::OtherDigest { .. }), "{error}");

    // Its digest climbs out of the folder.
    fs::write(folder.path().parent().unwrap().join("outside"), b"secret").unwrap();
    for digest in ["sha256:../../../outside", "../../../outside", "sha256:", "md5:00"] {
        edit_index(folder.path(), |index| {
            for entry in index["packages"].as_array_mut().unwrap() {
                entry["digest"] = json!(digest);
            }
        });
        assert!(matches!(place.fetch(&wanted).await, Err(CatalogueError::NotFound { .. })), "{digest}");
        assert_eq!(place.search("", 9).await.unwrap().problems.len(), 2);
    }
    fs::remove_file(folder.path().parent().unwrap().join("outside")).unwrap();
}

#[tokio::test]
async fn a_link_does_not_lead_out_of_a_place() {
    let (folder, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let package = package("example", "1.0.0");
    let secret = outside.path().join("secret.wasm");
    fs::write(&secret, &package.bytes).unwrap();
    symlink(&secret, folder.path().join("linked.wasm")).unwrap();
    let found = open("dir", folder.path()).search("", 9).await.unwrap();
    assert!(found.entries.is_empty() && found.problems.len() == 1, "{found:?}");

    let blobs = folder.path().join("blobs/sha256");
    fs::create_dir_all(&blobs).unwrap();
    symlink(&secret, blobs.join(package.digest.digits())).unwrap();
    let by_digest: Reference = format!("example@{}", package.digest).parse().unwrap();
    assert!(open("mirror", folder.path()).fetch(&by_digest).await.is_err());
}

#[tokio::test]
async fn what_is_too_large_or_unreadable_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let huge = fs::File::create(folder.path().join("huge.wasm")).unwrap();
    huge.set_len(opssight_distribution::MAX_PACKAGE + 1).unwrap();
    fs::create_dir(folder.path().join("folder.wasm")).unwrap();
    let found = open("dir", folder.path()).search("", 9).await.unwrap();
    assert_eq!(found.problems.len(), 2);
    assert!(found.problems[0].contains("is not a file"), "{:?}", found.problems);
    assert!(found.problems[1].contains("larger than"), "{:?}", found.problems);

    let mirror = open("mirror", folder.path());
    for (text, said) in [("{", "is not readable"), (r#"{ "format": 2, "packages": [] }"#, "has the format 2")] {
        fs::write(folder.path().join("index.json"), text).unwrap();
        let error = mirror.search("", 9).await.unwrap_err();
        assert!(error.to_string().contains(said), "{error}");
    }
}
