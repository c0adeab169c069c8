//! Packages to publish.

use opssight_distribution::Package;
use opssight_package::SigningKey;
use serde_json::{Value, json};
use std::sync::LazyLock;

/// The key of the publisher "acme".
pub(crate) static KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate().unwrap());

/// A component that exports one of the contract's interfaces, with nothing in it.
fn component() -> Vec<u8> {
    let text = r#"(component (instance $i) (export "opssight:plugin/health@1.0.0" (instance $i)))"#;
    wat::parse_str(text).unwrap()
}

/// Bytes of a signed package.
pub(crate) fn bytes(id: &str, version: &str, more: Value) -> Vec<u8> {
    let mut manifest = json!({
        "id": id, "version": version, "contract": "1.0", "name": "Example CI", "publisher": "acme",
        "description": "Pipelines of Example CI.", "licence": "Apache-2.0", "homepage": "https://acme.example/ci",
    });
    manifest.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let packed = opssight_package::embed(&component(), &serde_json::from_value(manifest).unwrap()).unwrap();
    opssight_package::sign(&packed, "acme", &KEY).unwrap()
}

/// The package itself.
pub(crate) fn package(id: &str, version: &str) -> Package {
    Package::read(bytes(id, version, json!({}))).unwrap()
}

/// The same version with other content.
pub(crate) fn changed(id: &str, version: &str) -> Package {
    Package::read(bytes(id, version, json!({ "description": "Something else." }))).unwrap()
}
