//! One plugin, one file: a component that carries its manifest in a custom section.
//!
//! Used by whoever makes a package (`opssight plugin pack`, the testkit) and whoever reads one (`runtime`,
//! `distribution`). It never runs or compiles anything.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod seal;
mod surface;

pub use seal::{SEAL_SECTION, SealError, SigningKey, seal, sign, unsealed};
pub use surface::{Surface, surface};

use opssight_core::fact::clean;
use opssight_core::plugins::Manifest;
use opssight_core::plugins::manifest::ManifestError;
use wasm_encoder::{ComponentSection, Encode};
use wasmparser::{Parser, Payload};

/// Name of the custom section.
pub const SECTION: &str = "opssight:manifest";

/// A manifest is text that people read before they agree; none comes near this.
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
    /// A part of it carries a manifest or a seal of its own.
    #[error(
        "read the package: a component or module inside of it has a section named {0}: build it from parts that are not packages"
    )]
    Nested(&'static str),
    /// A seal that is not the one at its end.
    #[error(
        "read the package: it has a section named {SEAL_SECTION} that is not its seal: sign the component as it was before it was signed"
    )]
    SecondSeal,
    /// Its seal is damaged or does not fit.
    #[error("read the package: {0}")]
    Seal(#[from] SealError),
    /// It has a manifest where it should have none.
    #[error("pack the component: it is a package already: take the component as it was built")]
    Packed,
    /// More than people read.
    #[error("read the manifest: it has {0} bytes, and a manifest has at most {MAX_MANIFEST}")]
    TooLarge(usize),
    /// The manifest is not JSON of the right shape.
    #[error("read the manifest: {0}")]
    Shape(String),
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
    let found = sections(component)?;
    if !found.manifests.is_empty() || found.seals > 0 {
        return Err(PackageError::Packed);
    }
    let json = serde_json::to_vec(manifest).map_err(shape)?;
    if json.len() > MAX_MANIFEST {
        return Err(PackageError::TooLarge(json.len()));
    }
    let section = wasm_encoder::CustomSection { name: SECTION.into(), data: json.into() };
    let mut package = component.to_vec();
    package.push(section.id());
    section.encode(&mut package);
    Ok(package)
}

/// Find and check the manifest of a package, sealed or not. The seal's own bytes are not checked here: see [`seal`].
pub fn manifest(package: &[u8]) -> Result<Manifest, PackageError> {
    let found = sections(unsealed(package)?)?;
    if found.seals > 0 {
        return Err(PackageError::SecondSeal);
    }
    let [json] = found.manifests.as_slice() else {
        return Err(PackageError::Manifests(found.manifests.len()));
    };
    if json.len() > MAX_MANIFEST {
        return Err(PackageError::TooLarge(json.len()));
    }
    let manifest: Manifest = serde_json::from_slice(json).map_err(shape)?;
    let problems = manifest.problems();
    if problems.is_empty() { Ok(manifest) } else { Err(PackageError::Rules(problems)) }
}

/// Sections of ours in the outermost component.
struct Sections<'a> {
    manifests: Vec<&'a [u8]>,
    seals: usize,
}

/// Only the outermost component speaks for the package, and a part that tries to is refused.
fn sections(component: &[u8]) -> Result<Sections<'_>, PackageError> {
    if !Parser::is_component(component) {
        return Err(PackageError::NotAComponent);
    }
    let mut found = Sections { manifests: Vec::new(), seals: 0 };
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(component) {
        match payload.map_err(|error| PackageError::Malformed(clean(&error.to_string())))? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::CustomSection(section) => match (section.name(), depth) {
                (SECTION, 0) => found.manifests.push(section.data()),
                (SEAL_SECTION, 0) => found.seals += 1,
                (SECTION, _) => return Err(PackageError::Nested(SECTION)),
                (SEAL_SECTION, _) => return Err(PackageError::Nested(SEAL_SECTION)),
                _ => {}
            },
            _ => {}
        }
    }
    Ok(found)
}

/// The parser repeats what it did not understand, and strangers wrote that.
fn shape(error: serde_json::Error) -> PackageError {
    PackageError::Shape(clean(&error.to_string()))
}

#[cfg(test)]
mod tests;
