//! Publishing to and fetching from a real OCI registry.

use crate::packages::{KEY, changed, package};
use crate::server::Server;
use opssight_core::plugins::catalogue::CatalogueError;
use opssight_distribution::{Digest, Open, Place, Published, RegistryCredentials};
use serde_json::json;

fn place(server: &Server) -> Open {
    let place: Place = format!("oci://{}/acme", server.host).parse().unwrap();
    Open::new(&place, &RegistryCredentials::default()).unwrap()
}

#[tokio::test]
async fn what_is_published_is_found_and_fetched_with_its_digest() {
    let server = Server::start();
    let place = place(&server);
    let (old, new) = (package("example", "1.9.0"), package("example", "1.10.0"));
    assert!(place.search("", 10).await.unwrap().entries.is_empty());
    assert_eq!(place.publish(&new).await.unwrap(), Published::New);
    assert_eq!(place.publish(&old).await.unwrap(), Published::New);
    assert_eq!(place.publish(&package("other", "0.1.0-rc.1+build.7")).await.unwrap(), Published::New);

    let versions = place.versions("example").await.unwrap();
    assert_eq!(versions.iter().map(ToString::to_string).collect::<Vec<_>>(), ["1.10.0", "1.9.0"]);
    assert!(place.versions("nothing").await.unwrap().is_empty());

    // (what is asked for, what comes)
    let by_digest = format!("example@{}", old.digest);
    for (text, expected) in
        [("example", &new), ("example@1.9.0", &old), ("example@<1.10", &old), (by_digest.as_str(), &old)]
    {
        let fetched = place.fetch(&text.parse().unwrap()).await.unwrap();
        assert_eq!((&fetched.digest, &fetched.bytes), (&expected.digest, &expected.bytes), "{text}");
    }
    // A tag has no plus sign, a version has.
    let built = place.fetch(&"other@0.1.0-rc.1+build.7".parse().unwrap()).await.unwrap();
    assert_eq!(built.manifest.version.to_string(), "0.1.0-rc.1+build.7");

    let found = place.search("PIPELINES acme", 10).await.unwrap();
    assert!(found.problems.is_empty(), "{:?}", found.problems);
    // The older version that was published later is not the newest.
    assert_eq!(found.entries[0], new.entry(place.place()));
    assert_eq!(found.entries[0].key, Some(KEY.public()));
    assert_eq!(found.entries[0].kinds, ["health"]);
    assert_eq!(found.entries.iter().map(|entry| entry.id.as_str()).collect::<Vec<_>>(), ["example", "other"]);
    assert_eq!(place.search("example pipelines", 1).await.unwrap().entries.len(), 1);
    assert!(place.search("deployments", 10).await.unwrap().entries.is_empty());
}

#[tokio::test]
async fn a_published_version_keeps_its_content() {
    let server = Server::start();
    let place = place(&server);
    let first = package("example", "1.0.0");
    place.publish(&first).await.unwrap();
    assert_eq!(place.publish(&first).await.unwrap(), Published::Unchanged);
    let error = place.publish(&changed("example", "1.0.0")).await.unwrap_err();
    assert!(matches!(&error, CatalogueError::Changed { there, .. } if there == first.digest.as_str()), "{error}");
    assert!(error.to_string().contains("a version does not change"), "{error}");
    let fetched = place.fetch(&"example@1.0.0".parse().unwrap()).await.unwrap();
    assert_eq!(fetched.digest, first.digest);
}

/// The layout that `wkg` reads: repository `<namespace>/<name>`, the version as tag, a wasm config that names the layer,
/// one layer of the type application/wasm.
#[tokio::test]
async fn a_package_lies_in_the_registry_as_wkg_expects_it() {
    let server = Server::start();
    let package = package("example", "1.0.0");
    place(&server).publish(&package).await.unwrap();

    assert_eq!(server.get("/v2/acme/example/tags/list").await, json!({ "name": "acme/example", "tags": ["1.0.0"] }));
    let manifest = server.get("/v2/acme/example/manifests/1.0.0").await;
    assert_eq!(manifest["schemaVersion"], 2);
    assert_eq!(manifest["mediaType"], "application/vnd.oci.image.manifest.v1+json");
    assert_eq!(manifest["config"]["mediaType"], "application/vnd.wasm.config.v0+json");
    let layer = json!([{
        "mediaType": "application/wasm", "digest": package.digest.as_str(), "size": package.bytes.len(),
    }]);
    assert_eq!(manifest["layers"], layer);
    assert_eq!(
        manifest["annotations"],
        json!({
            "org.opencontainers.image.title": "Example CI",
            "org.opencontainers.image.version": "1.0.0",
            "org.opencontainers.image.description": "Pipelines of Example CI.",
            "org.opencontainers.image.vendor": "acme",
            "org.opencontainers.image.licenses": "Apache-2.0",
            "org.opencontainers.image.url": "https://acme.example/ci",
        })
    );
    let config =
        server.get(&format!("/v2/acme/example/blobs/{}", manifest["config"]["digest"].as_str().unwrap())).await;
    assert_eq!(
        config,
        json!({
            "created": "1970-01-01T00:00:00Z", "author": "acme", "architecture": "wasm", "os": "wasip2",
            "layerDigests": [package.digest.as_str()],
            "component": { "exports": ["opssight:plugin/health@1.0.0"], "imports": [], "target": null },
        })
    );
}

#[tokio::test]
async fn what_is_not_there_is_said_with_what_is() {
    let server = Server::start();
    let place = place(&server);
    place.publish(&package("example", "1.0.0")).await.unwrap();
    let missing = format!("example@{}", Digest::of(b"nothing"));
    // (what is asked for, what is said)
    for (text, said) in [
        ("example@2.0.0", "no such version; there are 1.0.0"),
        ("example@^2", "no such version; there are 1.0.0"),
        ("exmaple", "no plugin of this name"),
        (missing.as_str(), "no package there has this digest"),
    ] {
        let error = place.fetch(&text.parse().unwrap()).await.unwrap_err();
        assert!(matches!(error, CatalogueError::NotFound { .. }), "{text}: {error}");
        assert!(error.to_string().contains(said), "{text}: {error}");
    }
}
