//! What a package must look like before anything compiles it.
//!
//! Compiling is outside of what the engine promises to survive: a component of 1,310 bytes that instantiates its
//! parts twice, 24 levels deep, costs half a minute and 4.5 GiB. So the shape is counted first, without compiling.

mod imports;
mod shape;

pub(crate) use imports::kinds;

use crate::class::{MAX_BYTES, SizeClass};
use opssight_core::plugins::kinds::KINDS;
use wasmparser::{Parser, Payload};

/// Why a package is not installed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PrecheckError {
    /// Too many bytes.
    #[error("it has {0} bytes, and a plugin has at most {MAX_BYTES}")]
    TooLarge(usize),
    /// Not WebAssembly, or broken.
    #[error("it is not a well-formed component: {0}")]
    Malformed(String),
    /// Larger than any plugin needs, in one respect.
    #[error("it has more {what} than a plugin may have ({limit})")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The most.
        limit: u64,
    },
    /// It wants something that plugins do not get.
    #[error("it imports {import}: {why}")]
    Import {
        /// As it stands in the component.
        import: String,
        /// In words for whoever installs it.
        why: &'static str,
    },
    /// It has nothing to call.
    #[error("it exports none of the interfaces that this host calls ({})", KINDS.join(", "))]
    NothingToCall,
}

/// What a component imports and exports, by interface name with version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Surface {
    pub(crate) class: SizeClass,
    pub(crate) imports: Vec<String>,
    pub(crate) exports: Vec<String>,
}

/// Count and read; nothing is compiled, and nothing is allocated that the bytes do not pay for.
pub(crate) fn check(bytes: &[u8]) -> Result<Surface, PrecheckError> {
    let class = SizeClass::of(bytes.len()).ok_or(PrecheckError::TooLarge(bytes.len()))?;
    if !Parser::is_component(bytes) {
        return Err(PrecheckError::Malformed("it is not a component (build it for wasm32-wasip2)".to_owned()));
    }
    let mut shape = shape::Shape::within(class.shape());
    let mut surface = Surface { class, imports: Vec::new(), exports: Vec::new() };
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload.map_err(malformed)?;
        shape.see(&payload)?;
        if !shape.is_outermost() {
            continue;
        }
        match payload {
            Payload::ComponentImportSection(section) => {
                for import in section {
                    let import = import.map_err(malformed)?;
                    imports::allow(import.name.name, &import.ty)?;
                    surface.imports.push(import.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section {
                    surface.exports.push(export.map_err(malformed)?.name.name.to_owned());
                }
            }
            _ => {}
        }
    }
    let kinds = kinds(&surface.exports);
    if kinds.is_empty() {
        return Err(PrecheckError::NothingToCall);
    }
    imports::allow_together(&surface.imports, &kinds)?;
    Ok(surface)
}

fn malformed(error: wasmparser::BinaryReaderError) -> PrecheckError {
    PrecheckError::Malformed(crate::text::clean(&error.to_string(), 200))
}

#[cfg(test)]
mod tests;
