//! Packages and keys as files, and what is said about them.

use crate::access::Access;
use crate::sheet::bytes;
use crate::talk::Talk;
use anyhow::{Context, Result, bail};
use opssight_core::plugins::Manifest;
use opssight_core::plugins::installs::PackageContents;
use opssight_distribution::{Located, MAX_PACKAGE, Package};
use opssight_package::SigningKey;
use serde_json::{Value, json};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Keys and manifests are small.
const MAX_TEXT: u64 = 1 << 20;

/// A file's bytes, if it is not larger than a package may be.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>> {
    read_up_to(path, MAX_PACKAGE)
}

fn read_up_to(path: &Path, limit: u64) -> Result<Vec<u8>> {
    let reading = || format!("read {}", path.display());
    let mut bytes = Vec::new();
    File::open(path).with_context(reading)?.take(limit + 1).read_to_end(&mut bytes).with_context(reading)?;
    if bytes.len() as u64 > limit {
        bail!("{}: it is larger than {limit} bytes", reading());
    }
    Ok(bytes)
}

fn read_text(path: &Path) -> Result<String> {
    String::from_utf8(read_up_to(path, MAX_TEXT)?).with_context(|| format!("read {}", path.display()))
}

/// A package, from a file or from the place that its address names.
pub(crate) async fn find(what: &str, access: &Access) -> Result<Package> {
    let path = Path::new(what);
    if !path.is_file()
        && let Ok(located) = what.parse::<Located>()
        && what.contains(':')
    {
        return Ok(access.open(&located.place)?.fetch(&located.reference).await?);
    }
    open(path)
}

/// A package from a file.
pub(crate) fn open(path: &Path) -> Result<Package> {
    Package::read(read(path)?).map_err(anyhow::Error::msg).with_context(|| format!("open {}", path.display()))
}

/// `plugin.toml`.
pub(crate) fn manifest(path: &Path) -> Result<Manifest> {
    toml::from_str(&read_text(path)?).with_context(|| format!("read {}", path.display()))
}

/// A publisher's private key.
pub(crate) fn key(path: &Path, talk: &mut Talk) -> Result<SigningKey> {
    let key = SigningKey::from_pem(&read_text(path)?).with_context(|| format!("use {}", path.display()))?;
    let mode = fs::metadata(path).with_context(|| format!("look at {}", path.display()))?.permissions().mode();
    if mode & 0o077 != 0 {
        talk.warn(&format!("warning: others can read {}: run `chmod 600 {0}`", path.display()));
    }
    Ok(key)
}

/// A component and its manifest become a package; it is signed if there is a key, and must be one that a host takes.
pub(crate) fn make(component: &[u8], manifest: &Manifest, key: Option<&SigningKey>) -> Result<Made> {
    let packed = opssight_package::embed(component, manifest)?;
    finish(packed, &manifest.publisher, key)
}

/// A package that was made, and what it holds.
pub(crate) struct Made {
    pub(crate) package: Package,
    pub(crate) contents: PackageContents,
}

/// Sign a package that has a manifest, and read it as a host does.
pub(crate) fn finish(packed: Vec<u8>, publisher: &str, key: Option<&SigningKey>) -> Result<Made> {
    let bytes = match key {
        Some(key) => opssight_package::sign(&packed, publisher, key).context("sign the package")?,
        None => packed,
    };
    let contents = opssight_runtime::examine(&bytes).context("pass the check that a host makes")?;
    let package = Package::read(bytes).map_err(anyhow::Error::msg)?;
    Ok(Made { package, contents })
}

impl Made {
    /// Write it, and say what it is.
    pub(crate) fn deliver(&self, out: Option<&Path>, talk: &mut Talk) -> Result<()> {
        let path = out.map_or_else(|| PathBuf::from(file_name(&self.package)), Path::to_owned);
        write(&path, &self.package.bytes)?;
        for remark in &self.contents.remarks {
            talk.warn(&format!("remark: {remark}"));
        }
        if self.package.signature.is_none() {
            talk.note("it is not signed: only hosts in development take it");
        }
        tell(talk, &self.package, &path)
    }
}

/// "github-1.2.0.wasm": id and version are plain, so that it names a file in the folder and nothing else.
pub(crate) fn file_name(package: &Package) -> String {
    format!("{}-{}.wasm", package.manifest.id, package.manifest.version)
}

/// One line about a package that lies in a file.
pub(crate) fn tell(talk: &mut Talk, package: &Package, path: &Path) -> Result<()> {
    if talk.is_for_programs() {
        let value = value(package, [("file", json!(path.display().to_string()))]);
        return Ok(talk.say(&value.to_string())?);
    }
    let (title, path, size) = (package.title(), path.display(), bytes(package.bytes.len() as u64));
    Ok(talk.say(&format!("{title} -> {path} ({size}) {}", package.digest))?)
}

/// What every command says about a package to programs, and what this one adds.
pub(crate) fn value(package: &Package, more: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    let fields = [
        ("id", json!(package.manifest.id)),
        ("version", json!(package.manifest.version)),
        ("digest", json!(package.digest.as_str())),
        ("publisher", json!(package.manifest.publisher)),
        ("key", json!(package.signature.as_ref().map(|signature| signature.key.as_str()))),
        ("size", json!(package.bytes.len())),
    ];
    Value::Object(fields.into_iter().chain(more).map(|(name, value)| (name.to_owned(), value)).collect())
}

/// Write a file in one step, and only if it says something else: what is made from it is not made again for nothing.
pub(crate) fn write(path: &Path, content: &[u8]) -> Result<bool> {
    if fs::read(path).is_ok_and(|known| known == content) {
        return Ok(false);
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let writing = || format!("write {}", path.display());
    fs::create_dir_all(folder).with_context(writing)?;
    let mut new = tempfile::NamedTempFile::new_in(folder).with_context(writing)?;
    new.write_all(content).with_context(writing)?;
    fs::set_permissions(new.path(), fs::Permissions::from_mode(0o644)).with_context(writing)?;
    new.persist(path).with_context(writing)?;
    Ok(true)
}
