//! Plugins: built for `wasm32-wasip2`, with their manifest embedded, one file each in `target/plugins`.

use crate::process::{self, say};
use crate::stamp::write_if_changed;
use crate::tools;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use opssight_core::plugins::Manifest;
use serde::Deserialize;
use std::fs;
use std::path::{Path, PathBuf};

/// The target that plugins are built for.
pub(crate) const TARGET: &str = "wasm32-wasip2";

/// A plugin of this repository.
pub(crate) struct Source {
    /// Its folder's name.
    pub(crate) name: String,
    /// Its crate.
    pub(crate) krate: String,
    /// Where it is.
    pub(crate) folder: PathBuf,
}

#[derive(Deserialize)]
struct CargoToml {
    package: Package,
}

#[derive(Deserialize)]
struct Package {
    name: String,
}

/// Every plugin of this repository, by name: a folder with a `plugin.toml`.
pub(crate) fn sources(workspace: &Workspace) -> Result<Vec<Source>> {
    let mut sources = Vec::new();
    for folder in folders(&workspace.root.join("plugins"))? {
        // A plugin, or a folder of plugins of one kind.
        let within = if folder.join("Cargo.toml").is_file() { vec![folder] } else { folders(&folder)? };
        for folder in within.into_iter().filter(|folder| folder.join("plugin.toml").is_file()) {
            let cargo_toml: CargoToml = read_toml(&folder.join("Cargo.toml"))?;
            let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
            sources.push(Source { name, krate: cargo_toml.package.name, folder });
        }
    }
    sources.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(sources)
}

fn folders(of: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(of).with_context(|| format!("list {}", of.display()))?;
    let paths: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    Ok(paths.into_iter().filter(|path| path.is_dir()).collect())
}

/// Build all, or one, and say where the packages are.
pub(crate) fn build(workspace: &Workspace, only: Option<&str>) -> Result<Vec<PathBuf>> {
    process::headline("Plugins");
    let mut wanted = sources(workspace)?;
    if let Some(only) = only {
        let known: Vec<String> = wanted.iter().map(|source| source.name.clone()).collect();
        wanted.retain(|source| source.name == only);
        if wanted.is_empty() {
            bail!("there is no plugin `{only}`; there are {known:?}");
        }
    }
    tools::wasm_target(workspace)?;
    let mut cargo = workspace.cargo();
    cargo.args(["build", "--locked", "--lib", "--profile", "plugin", "--target", TARGET]);
    for source in &wanted {
        cargo.args(["-p", &source.krate]);
    }
    process::run(&mut cargo)?;
    wanted.iter().map(|source| pack(workspace, source)).collect()
}

fn pack(workspace: &Workspace, source: &Source) -> Result<PathBuf> {
    let manifest: Manifest = read_toml(&source.folder.join("plugin.toml"))?;
    let built = workspace.target.join(TARGET).join("plugin").join(format!("{}.wasm", source.krate.replace('-', "_")));
    let component = fs::read(&built).with_context(|| format!("read {}", built.display()))?;
    let package = opssight_package::embed(&component, &manifest)
        .with_context(|| format!("failed to pack {}", source.folder.display()))?;
    let path = workspace.plugins().join(format!("{}.wasm", manifest.id));
    write_if_changed(&path, &package)?;
    say(&format!("    {} {} -> {} ({} KiB)", manifest.id, manifest.version, path.display(), package.len() / 1024));
    Ok(path)
}

fn read_toml<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T> {
    let text = fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
    toml::from_str(&text).with_context(|| format!("read {}", path.display()))
}
