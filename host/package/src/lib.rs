//! One plugin, one file: a component that carries its manifest in a custom section.
//!
//! Used by whoever builds a package (`xtask`, later `opssight plugin pack`) and whoever reads one (`runtime`).
//! It never runs or compiles anything.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod seal;

pub use seal::{SEAL_SECTION, SealError, SigningKey, seal, sign, unsealed};

use opssight_core::plugins::Manifest;
use opssight_core::plugins::manifest::ManifestError;
use wasm_encoder::{ComponentSection, Encode};

/// Name of the custom section.
pub const SECTION: &str = "opssight:manifest";
/// A manifest is read by people. The largest of ours has 12 kB.
pub const MAX_MANIFEST: usize = 256 << 10;

/// Why a package cannot be made or read.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// Not a component at all.
    #[error("read the package: it is not a WebAssembly component (build it for wasm32-wasip2)")]
    NotAComponent,
    /// The bytes are broken.
    #[error("read the package: {0}")]
    Malformed(String),
    /// It carries no manifest, or more than one.
    #[error("find the manifest: the component has {0} sections named {SECTION}, expected one")]
    Manifests(usize),
    /// Nobody would read it.
    #[error("read the manifest: it has {0} bytes, and a manifest has at most {MAX_MANIFEST}")]
    TooLarge(usize),
    /// The manifest is not JSON of the right shape.
    #[error("read the manifest: {0}")]
    Shape(#[from] serde_json::Error),
    /// The manifest breaks a rule.
    #[error("accept the manifest: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Rules(Vec<ManifestError>),
}

/// Append the manifest to a component.
pub fn embed(component: &[u8], manifest: &Manifest) -> Result<Vec<u8>, PackageError> {
    let problems = manifest.problems();
    if !problems.is_empty() {
        return Err(PackageError::Rules(problems));
    }
    if !wasmparser::Parser::is_component(component) {
        return Err(PackageError::NotAComponent);
    }
    let json = serde_json::to_vec(manifest)?;
    if json.len() > MAX_MANIFEST {
        return Err(PackageError::TooLarge(json.len()));
    }
    let section = wasm_encoder::CustomSection { name: SECTION.into(), data: json.into() };
    let mut package = component.to_vec();
    package.push(section.id());
    section.encode(&mut package);
    Ok(package)
}

/// Find and check the manifest of a package.
pub fn manifest(package: &[u8]) -> Result<Manifest, PackageError> {
    if !wasmparser::Parser::is_component(package) {
        return Err(PackageError::NotAComponent);
    }
    let mut found = Vec::new();
    let mut depth = 0_usize;
    for payload in wasmparser::Parser::new(0).parse_all(package) {
        match payload.map_err(|error| PackageError::Malformed(error.to_string()))? {
            wasmparser::Payload::ModuleSection { .. } | wasmparser::Payload::ComponentSection { .. } => depth += 1,
            wasmparser::Payload::End(_) => depth = depth.saturating_sub(1),
            // Only the outermost component speaks for the package; a nested one may carry anything.
            wasmparser::Payload::CustomSection(section) if depth == 0 && section.name() == SECTION => {
                found.push(section.data());
            }
            _ => {}
        }
    }
    let [json] = found.as_slice() else {
        return Err(PackageError::Manifests(found.len()));
    };
    if json.len() > MAX_MANIFEST {
        return Err(PackageError::TooLarge(json.len()));
    }
    let manifest: Manifest = serde_json::from_slice(json)?;
    let problems = manifest.problems();
    if problems.is_empty() { Ok(manifest) } else { Err(PackageError::Rules(problems)) }
}
