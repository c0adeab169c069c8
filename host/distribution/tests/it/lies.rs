//! Hostile places (row 74 and its neighbours): what a place says is not believed, and nothing it sends is read without
//! end.

use crate::liar::{Answer, Liar};
use crate::packages::{bytes, changed, package};
use opssight_core::plugins::catalogue::CatalogueError;
use opssight_distribution::{Digest, Open, Place, RegistryCredentials};
use serde_json::{Value, json};
use std::time::Duration;

fn open(liar: &Liar) -> Open {
    patient(liar, Duration::from_secs(10))
}

fn patient(liar: &Liar, patience: Duration) -> Open {
    let place: Place = format!("oci://{}/acme", liar.host).parse().unwrap();
    Open::with_patience(&place, &RegistryCredentials::default(), patience).unwrap()
}

fn manifest(layer: &Value) -> String {
    json!({
        "schemaVersion": 2,
        "config": { "mediaType": "application/vnd.wasm.config.v0+json", "digest": "x", "size": 2 },
        "layers": [layer],
    })
    .to_string()
}

fn layer(digest: &str, size: usize) -> Value {
    json!({ "mediaType": "application/wasm", "digest": digest, "size": size })
}

/// A registry with one version whose manifest and blob are these.
fn registry(manifest: String, blob: Vec<u8>) -> Liar {
    Liar::start(move |_, request| {
        if request.path.contains("/tags/") {
            Answer::json(r#"{ "tags": ["1.0.0"] }"#)
        } else if request.path.contains("/manifests/") {
            Answer::json(&manifest)
        } else {
            Answer::body(blob.clone())
        }
    })
}

#[tokio::test]
async fn other_bytes_than_the_manifest_names_are_refused() {
    let (promised, given) = (package("example", "1.0.0"), changed("example", "1.0.0"));
    let size = given.bytes.len().max(promised.bytes.len());
    let liar = registry(manifest(&layer(promised.digest.as_str(), size)), given.bytes.to_vec());
    let error = open(&liar).fetch(&"example@1.0.0".parse().unwrap()).await.unwrap_err();
    assert!(matches!(error, CatalogueError::OtherDigest { .. }), "{error}");
    // And by digest, which is how what was seen in a search is fetched.
    let error = open(&liar).fetch(&format!("example@{}", promised.digest).parse().unwrap()).await.unwrap_err();
    assert!(matches!(error, CatalogueError::OtherDigest { .. }), "{error}");
}

#[tokio::test]
async fn another_plugin_or_version_under_the_name_is_refused() {
    for (id, version) in [("evil", "1.0.0"), ("example", "0.9.0")] {
        let given = package(id, version);
        let liar = registry(manifest(&layer(given.digest.as_str(), given.bytes.len())), given.bytes.to_vec());
        let error = open(&liar).fetch(&"example@1.0.0".parse().unwrap()).await.unwrap_err();
        assert!(matches!(error, CatalogueError::NotThePlugin { .. }), "{error}");
        assert!(error.to_string().contains(&format!("what it gives is {id} {version}")), "{error}");
    }
}

#[tokio::test]
async fn what_is_no_plugin_is_said_to_be_none() {
    let good = package("example", "1.0.0");
    let good_layer = layer(good.digest.as_str(), good.bytes.len());
    let text = b"not a component".to_vec();
    let text_layer = layer(Digest::of(&text).as_str(), text.len());
    let mut container: Value = serde_json::from_str(&manifest(&good_layer)).unwrap();
    container["config"]["mediaType"] = json!("application/vnd.oci.image.config.v1+json");
    let mut layers: Value = serde_json::from_str(&manifest(&good_layer)).unwrap();
    layers["layers"] = json!([good_layer, good_layer]);
    // Signed, then changed: the seal does not fit.
    let mut tampered = good.bytes.to_vec();
    tampered[20] ^= 1;
    let tampered_layer = layer(Digest::of(&tampered).as_str(), tampered.len());
    // (manifest, blob, what is said)
    let cases = [
        (manifest(&text_layer), text, "not a WebAssembly component"),
        (container.to_string(), good.bytes.to_vec(), "it is not WebAssembly, but application/vnd.oci.image.config"),
        (layers.to_string(), good.bytes.to_vec(), "2 layers"),
        (manifest(&tampered_layer), tampered, "seal does not fit its content"),
        (manifest(&layer("sha256:../../etc/passwd", 10)), Vec::new(), "its layer has no digest"),
    ];
    for (manifest, blob, said) in cases {
        let liar = registry(manifest, blob);
        let error = open(&liar).fetch(&"example@1.0.0".parse().unwrap()).await.unwrap_err();
        assert!(matches!(error, CatalogueError::NotThePlugin { .. }), "{error}");
        assert!(error.to_string().contains(said), "{error}");
    }
}

#[tokio::test]
async fn nothing_is_read_without_end() {
    let endless = Liar::start(|_, _| Answer::endless());
    let place = open(&endless);
    let error = place.versions("example").await.unwrap_err();
    assert!(matches!(error, CatalogueError::TooLarge { .. }), "{error}");
    let by_digest = format!("example@{}", Digest::of(b"x"));
    let error = place.fetch(&by_digest.parse().unwrap()).await.unwrap_err();
    assert!(matches!(error, CatalogueError::TooLarge { .. }), "{error}");

    // What is honestly too large is not read at all.
    let huge = registry(manifest(&layer(Digest::of(b"x").as_str(), 1 << 30)), Vec::new());
    let error = open(&huge).fetch(&"example".parse().unwrap()).await.unwrap_err();
    assert!(matches!(error, CatalogueError::TooLarge { .. }), "{error}");
    // And what is larger than the manifest says ends there.
    let good = package("example", "1.0.0");
    let longer = registry(manifest(&layer(good.digest.as_str(), 10)), good.bytes.to_vec());
    let error = open(&longer).fetch(&"example".parse().unwrap()).await.unwrap_err();
    assert!(matches!(error, CatalogueError::TooLarge { limit: 10, .. }), "{error}");
}

#[tokio::test]
async fn pages_of_versions_neither_go_round_nor_elsewhere() {
    let page = |next: &'static str| {
        let liar = Liar::start(move |_, _| {
            Answer::json(r#"{ "tags": ["1.0.0", "2.0.0"] }"#).with("link", &format!(r#"<{next}>; rel="next""#))
        });
        async move { open(&liar).versions("example").await.unwrap_err().to_string() }
    };
    let error = page("/v2/acme/example/tags/list?n=2").await;
    assert!(error.contains("in a circle"), "{error}");
    let error = page("http://169.254.169.254/v2/").await;
    assert!(error.contains("another host"), "{error}");
}

#[tokio::test]
async fn who_is_silent_or_not_there_is_unreachable() {
    let silent = Liar::start(|_, _| Answer::silence());
    let error = patient(&silent, Duration::from_millis(500)).versions("example").await.unwrap_err();
    assert!(matches!(error, CatalogueError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains("silent for 0.5 s"), "{error}");
    let gone = Liar { host: "127.0.0.1:1".to_owned() };
    let error = open(&gone).versions("example").await.unwrap_err();
    assert!(matches!(error, CatalogueError::Unreachable { .. }), "{error}");
    let broken = Liar::start(|_, _| Answer::json("{}"));
    assert!(open(&broken).versions("example").await.unwrap().is_empty());
    let ill = Liar::start(|_, _| Answer::status(500));
    let error = open(&ill).versions("example").await.unwrap_err();
    assert!(error.to_string().contains("it answered 500"), "{error}");
}

#[tokio::test]
async fn an_index_cannot_speak_for_another_plugin_or_paint_the_terminal() {
    let entry = |id: &str, digest: &str| {
        let entry = json!({
            "id": id, "version": "1.0.0", "digest": digest, "name": "Safe\u{1b}[2J", "publisher": "acme",
            "key": "ed25519:short", "description": "\u{202e}backwards", "size": 1,
        });
        let empty = json!({ "mediaType": "application/vnd.oci.empty.v1+json", "digest": "x", "size": 2 });
        json!({
            "schemaVersion": 2, "config": empty, "layers": [empty],
            "annotations": { "dev.opssight.entry": entry.to_string() },
        })
        .to_string()
    };
    let good = Digest::of(b"x").to_string();
    let liar = Liar::start(move |_, request| {
        let path = request.path.as_str();
        if path.contains("/tags/") {
            Answer::json(r#"{ "tags": ["honest", "poser", "climber", "..%2f..", "UPPER"] }"#)
        } else if path.ends_with("/honest") {
            Answer::json(&entry("honest", &good))
        } else if path.ends_with("/poser") {
            Answer::json(&entry("github", &good))
        } else if path.ends_with("/climber") {
            Answer::json(&entry("climber", "sha256:../../etc/passwd"))
        } else {
            panic!("{path} was asked for")
        }
    });
    let found = open(&liar).search("", 10).await.unwrap();
    assert_eq!(found.entries.len(), 1);
    assert_eq!((found.entries[0].id.as_str(), found.entries[0].name.as_str()), ("honest", "Safe[2J"));
    assert_eq!((found.entries[0].description.as_str(), &found.entries[0].key), ("backwards", &None));
    assert_eq!(found.problems.len(), 2, "{:?}", found.problems);
}

#[test]
fn a_seal_for_another_publisher_is_refused() {
    let packed = opssight_package::unsealed(&bytes("example", "1.0.0", json!({}))).unwrap().to_vec();
    let resealed = opssight_package::sign(&packed, "evil", &crate::packages::KEY).unwrap();
    let error = opssight_distribution::Package::read(resealed).unwrap_err();
    assert!(error.contains("sealed for evil, but its manifest says that acme"), "{error}");
}
