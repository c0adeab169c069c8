//! How a plugin lies in a registry: the layout of Wasm OCI artifacts of the CNCF, as `wkg` reads and writes it, and
//! one small manifest per plugin that makes a registry searchable.
//!
//! ```text
//! <prefix>/<id>:<version>            config application/vnd.wasm.config.v0+json, one layer application/wasm
//! <prefix>/opssight.index:<id>       the entry of the newest version, as an annotation
//! ```
//!
//! With a prefix that ends with a namespace, `wkg get <namespace>:<id>` finds the same packages.

use crate::digest::Digest;
use crate::package::Package;
use opssight_core::plugins::catalogue::CatalogueEntry;
use semver::Version;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;

pub(super) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.wasm.config.v0+json";
const LAYER: &str = "application/wasm";
const EMPTY: &str = "application/vnd.oci.empty.v1+json";
const ENTRY: &str = "application/vnd.opssight.entry.v1";
/// The annotation that holds an entry, as JSON.
const ENTRY_ANNOTATION: &str = "dev.opssight.entry";
/// The repository of entries. No plugin can have this name: names have no dots.
pub(super) const INDEX: &str = "opssight.index";
/// What stands for nothing in a manifest that needs something.
pub(super) const NOTHING: &[u8] = b"{}";

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Manifest {
    schema_version: u32,
    #[serde(default)]
    media_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    artifact_type: Option<String>,
    config: Descriptor,
    layers: Vec<Descriptor>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Descriptor {
    pub(super) media_type: String,
    pub(super) digest: String,
    pub(super) size: u64,
}

impl Descriptor {
    fn of(media_type: &str, bytes: &[u8]) -> Self {
        let digest = Digest::of(bytes).to_string();
        Self { media_type: media_type.to_owned(), digest, size: bytes.len() as u64 }
    }
}

/// The config blob of a package. Its time is fixed, so that the same package makes the same manifest everywhere.
pub(super) fn config(package: &Package) -> Vec<u8> {
    let config = json!({
        "created": "1970-01-01T00:00:00Z",
        "author": package.manifest.publisher,
        "architecture": "wasm",
        "os": "wasip2",
        "layerDigests": [package.digest.as_str()],
        "component": { "exports": package.surface.exports, "imports": package.surface.imports, "target": null },
    });
    config.to_string().into_bytes()
}

impl Manifest {
    /// Of a package and its config blob.
    pub(super) fn of(package: &Package, config: &[u8]) -> Self {
        let declared = &package.manifest;
        let mut annotations = BTreeMap::new();
        let mut note = |name: &str, value: &str| {
            annotations.insert(format!("org.opencontainers.image.{name}"), value.to_owned());
        };
        note("title", &declared.name);
        note("version", &declared.version.to_string());
        note("description", &declared.description);
        note("vendor", &declared.publisher);
        note("licenses", &declared.licence);
        if let Some(homepage) = &declared.homepage {
            note("url", homepage);
        }
        Self {
            schema_version: 2,
            media_type: MANIFEST.to_owned(),
            artifact_type: None,
            config: Descriptor::of(CONFIG, config),
            layers: vec![Descriptor::of(LAYER, &package.bytes)],
            annotations,
        }
    }

    /// Of an entry of the index.
    pub(super) fn of_entry(entry: &CatalogueEntry) -> Result<Self, serde_json::Error> {
        let entry = CatalogueEntry { place: String::new(), ..entry.clone() };
        Ok(Self {
            schema_version: 2,
            media_type: MANIFEST.to_owned(),
            artifact_type: Some(ENTRY.to_owned()),
            config: Descriptor::of(EMPTY, NOTHING),
            layers: vec![Descriptor::of(EMPTY, NOTHING)],
            annotations: BTreeMap::from([(ENTRY_ANNOTATION.to_owned(), serde_json::to_string(&entry)?)]),
        })
    }

    /// The layer that is the package; in words, why there is none.
    pub(super) fn package(&self) -> Result<&Descriptor, String> {
        if self.config.media_type != CONFIG {
            return Err(format!("it is not WebAssembly, but {}", self.config.media_type.escape_debug()));
        }
        match self.layers.as_slice() {
            [layer] if layer.media_type == LAYER => Ok(layer),
            layers => Err(format!("it has {} layers, expected one of the type {LAYER}", layers.len())),
        }
    }

    /// The entry that it holds.
    pub(super) fn entry(&self) -> Option<CatalogueEntry> {
        serde_json::from_str(self.annotations.get(ENTRY_ANNOTATION)?).ok()
    }
}

/// A version as a tag: tags have no plus sign.
pub(super) fn tag(version: &Version) -> String {
    version.to_string().replace('+', "_")
}

/// And back; none for tags that are no versions.
pub(super) fn version(tag: &str) -> Option<Version> {
    Version::parse(&tag.replace('_', "+")).ok()
}
