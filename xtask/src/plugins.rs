//! Plugins: built for `wasm32-wasip2`, then packed and signed by the host's own command, one file each in
//! `target/plugins`. The key is made on this machine and stays on it: what it signs is for trying things out.

use crate::process::{self, say};
use crate::workspace::Workspace;
use crate::{host, tools};
use anyhow::{Context, Result, bail};
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

/// Of `plugin.toml`, what the file is called after.
#[derive(Deserialize)]
struct Declared {
    id: String,
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

/// Build all, or one, and say where the packages are. The host is built first, because it packs them.
pub(crate) fn build(workspace: &Workspace, only: Option<&str>) -> Result<Vec<PathBuf>> {
    host::build(workspace)?;
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
    let key = key(workspace)?;
    wanted.iter().map(|source| pack(workspace, source, &key)).collect()
}

/// The private key of the publisher "opssight" on this machine.
fn key(workspace: &Workspace) -> Result<PathBuf> {
    let path = workspace.target.join("publisher.pem");
    if !path.is_file() {
        fs::create_dir_all(&workspace.target).with_context(|| format!("make {}", workspace.target.display()))?;
        let mut keygen = workspace.command(&workspace.opssight().to_string_lossy());
        let public = process::capture(keygen.args(["plugin", "keygen"]).arg(&path))?;
        say(&format!("    a publisher's key for this machine: {}", public.trim_end()));
    }
    Ok(path)
}

/// Signing the same content with the same key makes the same bytes, and the command leaves a file alone that has them.
fn pack(workspace: &Workspace, source: &Source, key: &Path) -> Result<PathBuf> {
    let declared = source.folder.join("plugin.toml");
    let Declared { id } = read_toml(&declared)?;
    let built = workspace.target.join(TARGET).join("plugin").join(format!("{}.wasm", source.krate.replace('-', "_")));
    let path = workspace.plugins().join(format!("{id}.wasm"));
    let mut pack = workspace.command(&workspace.opssight().to_string_lossy());
    pack.args(["plugin", "pack"]).arg(&built).arg("--manifest").arg(&declared).arg("--sign-key").arg(key);
    // What it prints is data, and ours goes to standard error.
    let said = process::capture(pack.arg("--out").arg(&path))?;
    say(&format!("    {}", said.trim_end()));
    Ok(path)
}

fn read_toml<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T> {
    let text = fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
    toml::from_str(&text).with_context(|| format!("read {}", path.display()))
}
