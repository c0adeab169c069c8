//! From a project to a component: the one place that knows which tool compiles which language.

mod python;
mod rust;
mod typescript;

use crate::project::{Language, Project};
use crate::talk::Talk;
use anyhow::{Context, Result};
use std::time::Instant;

/// Build the project and embed its manifest. The package is unsigned: it is for this machine.
pub(crate) async fn package(project: &Project, talk: &mut Talk) -> Result<Vec<u8>> {
    let begun = Instant::now();
    let manifest = project.manifest()?;
    let component = match project.language {
        Language::Rust => rust::build(project).await,
        Language::Typescript => typescript::build(project, talk).await,
        Language::Python => python::build(project, talk).await,
    }
    .with_context(|| format!("build {}", manifest.id))?;
    let package = opssight_package::embed(&component, &manifest).with_context(|| format!("pack {}", manifest.id))?;
    let (kib, secs) = (package.len() / 1024, begun.elapsed().as_secs_f32());
    talk.note(&format!("built {} {} ({kib} KiB) in {secs:.1} s", manifest.id, manifest.version));
    Ok(package)
}
