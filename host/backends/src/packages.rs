//! Packages as files, one per digest, written beside and renamed, and checked whenever they are read.

use async_trait::async_trait;
use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};
use opssight_core::error::StoreError;
use opssight_core::plugins::digest_of;
use opssight_core::plugins::installs::PackageStore;
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;

const DIRECTORY: &str = "packages";

/// The directory of packages.
#[derive(Clone)]
pub struct PackageFiles(Arc<Dir>);

impl PackageFiles {
    /// `packages` below the data directory; made if it is not there.
    pub fn open(data: &Path) -> io::Result<Self> {
        let data = Dir::open_ambient_dir(data, ambient_authority())?;
        data.create_dir_all(DIRECTORY)?;
        Ok(Self(Arc::new(data.open_dir(DIRECTORY)?)))
    }

    async fn run<T: Send + 'static>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&Dir) -> io::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let dir = Arc::clone(&self.0);
        let done = tokio::task::spawn_blocking(move || work(&dir)).await;
        done.map_err(|error| StoreError::new(doing, error))?.map_err(|error| StoreError::new(doing, error))
    }
}

/// `sha256:<64 hexadecimal digits>` as a file name; nothing else names a file here.
fn name(digest: &str) -> io::Result<String> {
    let hex = digest.strip_prefix("sha256:").filter(|hex| hex.len() == 64);
    let hex = hex.filter(|hex| hex.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)));
    hex.map(|hex| format!("{hex}.wasm")).ok_or_else(|| io::Error::other("it is not named by a SHA-256 digest"))
}

fn put(dir: &Dir, wanted: &str, package: &[u8]) -> io::Result<()> {
    let name = name(wanted)?;
    if digest_of(package) != wanted {
        return Err(io::Error::other("the package is not the one that its digest names"));
    }
    if matches!(get(dir, wanted), Ok(Some(_))) {
        return Ok(());
    }
    let beside = format!("{name}.new");
    let mut file = dir.open_with(&beside, OpenOptions::new().write(true).create(true).truncate(true).mode(0o600))?;
    file.write_all(package)?;
    file.sync_all()?;
    dir.rename(&beside, dir, &name)?;
    // The rename itself must survive a power cut.
    dir.open(".")?.sync_all()
}

fn get(dir: &Dir, wanted: &str) -> io::Result<Option<Vec<u8>>> {
    let mut file = match dir.open(name(wanted)?) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut package = Vec::new();
    file.read_to_end(&mut package)?;
    if digest_of(&package) != wanted {
        return Err(io::Error::other("the file of the package was changed: install it again"));
    }
    Ok(Some(package))
}

fn digests(dir: &Dir) -> io::Result<Vec<String>> {
    let mut digests = Vec::new();
    for entry in dir.entries()? {
        let file = entry?.file_name();
        // What was written beside and never renamed is written again under the same name.
        let digest = file.to_str().and_then(|file| file.strip_suffix(".wasm")).map(|hex| format!("sha256:{hex}"));
        digests.extend(digest.filter(|digest| name(digest).is_ok()));
    }
    Ok(digests)
}

#[async_trait]
impl PackageStore for PackageFiles {
    async fn put(&self, digest: &str, package: &[u8]) -> Result<(), StoreError> {
        let (digest, package) = (digest.to_owned(), package.to_vec());
        self.run("keep the package", move |dir| put(dir, &digest, &package)).await
    }

    async fn get(&self, digest: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let digest = digest.to_owned();
        self.run("read the package", move |dir| get(dir, &digest)).await
    }

    async fn remove(&self, digest: &str) -> Result<(), StoreError> {
        let digest = digest.to_owned();
        let remove = move |dir: &Dir| match dir.remove_file(name(&digest)?) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
        self.run("remove the package", remove).await
    }

    async fn digests(&self) -> Result<Vec<String>, StoreError> {
        self.run("list the packages", digests).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_package_comes_back_whole_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let files = PackageFiles::open(dir.path()).unwrap();
        let digest = digest_of(b"package");
        assert_eq!(files.get(&digest).await.unwrap(), None);
        files.put(&digest, b"package").await.unwrap();
        files.put(&digest, b"package").await.unwrap();
        assert_eq!(files.get(&digest).await.unwrap().as_deref(), Some(&b"package"[..]));
        files.put(&digest, b"another").await.unwrap_err();
        for name in ["../../etc/passwd", "sha256:..", "sha256:", "x"] {
            files.get(name).await.unwrap_err();
        }
        let file = dir.path().join(DIRECTORY).join(name(&digest).unwrap());
        std::fs::write(file, b"pockage").unwrap();
        files.get(&digest).await.unwrap_err();
        // A damaged file is mended by keeping the package again.
        files.put(&digest, b"package").await.unwrap();
        assert!(files.get(&digest).await.unwrap().is_some());
        files.remove(&digest).await.unwrap();
        files.remove(&digest).await.unwrap();
        assert_eq!(files.get(&digest).await.unwrap(), None);
    }
}
