//! From a plugin's crate to its package, for tests that want the plugin as it will be shipped.

use anyhow::{Context, Result, bail};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

const TARGET: &str = "wasm32-wasip2";

/// Packages that this process has made. Held while one is being made: the tests of one binary start together.
static MADE: Mutex<Option<HashMap<String, Vec<u8>>>> = Mutex::new(None);

/// Build a plugin crate of this workspace for the sandbox and embed its manifest (`plugins/*/plugin.toml`). Built once
/// per process, and only anew when its sources changed.
pub fn build_plugin(crate_name: &str) -> Result<Vec<u8>> {
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    let made = made.get_or_insert_default();
    if let Some(package) = made.get(crate_name) {
        return Ok(package.clone());
    }
    let root = root()?;
    let folder = folder(&root, crate_name)?;
    build(&root, crate_name)?;
    let file = format!("{}.wasm", crate_name.replace('-', "_"));
    let component = target_directory(&root).join(TARGET).join("plugin").join(file);
    let package = pack(&component, &folder.join("plugin.toml"))?;
    made.insert(crate_name.to_owned(), package.clone());
    Ok(package)
}

/// Build the plugin crate in a folder for the sandbox, wherever that folder is, and embed the `plugin.toml` beside its
/// `Cargo.toml`: `build_crate(env!("CARGO_MANIFEST_DIR"))`. Built once per process, in the crate's own target folder.
pub fn build_crate(folder: impl AsRef<Path>) -> Result<Vec<u8>> {
    let folder = folder.as_ref();
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    let made = made.get_or_insert_default();
    let key = folder.display().to_string();
    if let Some(package) = made.get(&key) {
        return Ok(package.clone());
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(&cargo)
        .current_dir(folder)
        .args(["build", "--quiet", "--lib", "--release", "--target", TARGET, "--message-format", "json"])
        .stderr(Stdio::inherit())
        .output()
        .context("start cargo")?;
    if !output.status.success() {
        bail!("the crate in {} does not build for {TARGET}", folder.display());
    }
    let manifest = folder.join("Cargo.toml");
    let component = String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| is_of(message, &manifest))
        .filter_map(|message| message.get("filenames")?.as_array().cloned())
        .flatten()
        .filter_map(|file| file.as_str().map(PathBuf::from))
        .find(|file| file.extension().is_some_and(|extension| extension == "wasm"));
    let Some(component) = component else {
        bail!("the crate in {} makes no component: its library needs crate-type \"cdylib\"", folder.display());
    };
    let package = pack(&component, &folder.join("plugin.toml"))?;
    made.insert(key, package.clone());
    Ok(package)
}

/// Whether cargo speaks of the crate with this `Cargo.toml`, and not of one of its dependencies.
fn is_of(message: &serde_json::Value, manifest: &Path) -> bool {
    let theirs = message.get("manifest_path").and_then(|path| path.as_str()).map(Path::new);
    theirs.is_some_and(|theirs| theirs == manifest || theirs.canonicalize().ok() == manifest.canonicalize().ok())
}

/// Embed a manifest in a component.
pub fn pack(component: &Path, manifest: &Path) -> Result<Vec<u8>> {
    let bytes = std::fs::read(component).with_context(|| format!("read {}", component.display()))?;
    let text = std::fs::read_to_string(manifest).with_context(|| format!("read {}", manifest.display()))?;
    let parsed = toml::from_str(&text).with_context(|| format!("read {}", manifest.display()))?;
    Ok(opssight_package::embed(&bytes, &parsed)?)
}

fn build(root: &Path, crate_name: &str) -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .current_dir(root)
        .args(["build", "--quiet", "--lib", "--profile", "plugin", "--target", TARGET, "-p", crate_name])
        .status()
        .context("start cargo")?;
    if !status.success() {
        bail!("{crate_name} does not build for {TARGET}");
    }
    Ok(())
}

/// The workspace that this crate stands in.
fn root() -> Result<PathBuf> {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().context("find the workspace")
}

fn target_directory(root: &Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |target| root.join(target))
}

/// The folder below `plugins` whose `Cargo.toml` has this name.
fn folder(root: &Path, crate_name: &str) -> Result<PathBuf> {
    let plugins = root.join("plugins");
    // Plugins stand there themselves, or in a folder of their kind.
    for folder in [folders(&plugins)?, folders_within(&plugins)?].concat() {
        let Ok(text) = std::fs::read_to_string(folder.join("Cargo.toml")) else { continue };
        let cargo: toml::Table = text.parse().with_context(|| format!("read {}", folder.display()))?;
        if cargo.get("package").and_then(|package| package.get("name")).and_then(|name| name.as_str())
            == Some(crate_name)
        {
            return Ok(folder);
        }
    }
    bail!("no folder in {} holds the crate {crate_name}", plugins.display())
}

fn folders(of: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(of).with_context(|| format!("list {}", of.display()))?;
    let paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    Ok(paths.into_iter().filter(|path| path.is_dir()).collect())
}

fn folders_within(of: &Path) -> Result<Vec<PathBuf>> {
    let within: Result<Vec<_>> = folders(of)?.iter().map(|folder| folders(folder)).collect();
    Ok(within?.concat())
}
