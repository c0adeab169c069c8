//! What a component imports and exports, by interface name: read from its outermost layer, nothing is judged.

use crate::PackageError;
use opssight_core::fact::clean;
use wasmparser::{Parser, Payload};

/// What goes in and out of a component, as it names it: "opssight:plugin/webhook@1.0.0".
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Surface {
    /// Interfaces that it imports.
    pub imports: Vec<String>,
    /// Interfaces that it exports.
    pub exports: Vec<String>,
}

impl Surface {
    /// The kinds of plugin that it is by its exports: "webhook", "source".
    pub fn kinds(&self) -> Vec<String> {
        let kind = |export: &String| {
            let (path, _) = export.split_once('@')?;
            path.strip_prefix("opssight:plugin/").map(str::to_owned)
        };
        self.exports.iter().filter_map(kind).collect()
    }
}

/// Read what a package or a component imports and exports.
pub fn surface(component: &[u8]) -> Result<Surface, PackageError> {
    if !Parser::is_component(component) {
        return Err(PackageError::NotAComponent);
    }
    let malformed = |error: wasmparser::BinaryReaderError| PackageError::Malformed(clean(&error.to_string()));
    let mut surface = Surface::default();
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(component) {
        match payload.map_err(malformed)? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    surface.imports.push(clean(import.map_err(malformed)?.name.name));
                }
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                for export in section {
                    surface.exports.push(clean(export.map_err(malformed)?.name.name));
                }
            }
            _ => {}
        }
    }
    Ok(surface)
}
