//! Backups in a place of blobs.

use crate::config::Config;
use anyhow::{Context, bail};
use futures::TryStreamExt;
use opssight_backends::{FolderBlobs, Link, SystemClock, backup};
use opssight_core::blobs::{BlobInfo, BlobName, BlobStore, DigestSoFar, Folder};
use opssight_core::time::Clock;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

/// What became of a backup.
pub(super) struct Sent {
    pub(super) file: String,
    pub(super) place: String,
    pub(super) bytes: u64,
    /// How many older ones were removed for it.
    pub(super) removed: usize,
}

/// Copy the store into a place, and then remove all but so many of the backups there.
pub(super) async fn send(config: &Config, to: &str, keep: Option<usize>) -> anyhow::Result<Sent> {
    let blobs = place(config, to)?;
    // Found out before the store is copied, which may take long.
    blobs.check().await?;
    let data = &config.server.data;
    let here = Here::below(data)?;
    let copy = here.folder.path().join("copy");
    let bytes = backup(data, &copy).await?;
    let name = BlobName::backup(SystemClock.now(), &digest_of(&copy)?).context("name the backup: what is the time?")?;
    let file = here.path(&name);
    let moved = file.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::rename(&copy, &file));
    moved.with_context(|| format!("move the backup to {}", file.display()))?;
    let body = here.blobs.get(&name).await?.context("read the backup that was just written")?;
    blobs.put(&name, body).await?;
    let removed = match keep {
        Some(keep) => thin_out(&*blobs, keep).await?,
        None => 0,
    };
    Ok(Sent { file: name.file(), place: blobs.place().to_owned(), bytes, removed })
}

/// A backup that was brought here; its file goes with it.
pub(super) struct Fetched {
    pub(super) path: PathBuf,
    pub(super) file: String,
    _here: Here,
}

/// Bring a backup here: the one of this name, or the newest.
pub(super) async fn fetch(config: &Config, from: &str, wanted: Option<&str>) -> anyhow::Result<Fetched> {
    let blobs = place(config, from)?;
    let name = match wanted {
        Some(file) => BlobName::read(Folder::Backups, file)
            .with_context(|| format!("find the backup {file}: its name must be as `opssight db backup` told it"))?,
        None => match newest_first(&*blobs).await?.into_iter().next() {
            Some(newest) => newest.name,
            None => bail!("find a backup: there is none in {}", blobs.place()),
        },
    };
    let body = blobs.get(&name).await?;
    let body = body.with_context(|| format!("find the backup {}: it is not in {}", name.file(), blobs.place()))?;
    let here = Here::below(&config.server.data)?;
    here.blobs.put(&name, body).await?;
    Ok(Fetched { path: here.path(&name), file: name.file(), _here: here })
}

fn place(config: &Config, url: &str) -> anyhow::Result<Arc<dyn BlobStore>> {
    config.blobs.open(url, None, &Arc::new(Link::new("backups")))
}

async fn newest_first(blobs: &dyn BlobStore) -> anyhow::Result<Vec<BlobInfo>> {
    let mut backups: Vec<BlobInfo> = blobs.list(Folder::Backups).try_collect().await?;
    backups.sort_by(|one, other| other.name.cmp(&one.name));
    Ok(backups)
}

async fn thin_out(blobs: &dyn BlobStore, keep: usize) -> anyhow::Result<usize> {
    let old: Vec<BlobInfo> = newest_first(blobs).await?.into_iter().skip(keep).collect();
    for backup in &old {
        blobs.remove(&backup.name).await?;
    }
    Ok(old.len())
}

/// Beside the store, where there is room for a copy of it.
struct Here {
    folder: TempDir,
    blobs: FolderBlobs,
}

impl Here {
    fn below(data: &Path) -> anyhow::Result<Self> {
        let make = || {
            std::fs::create_dir_all(data)?;
            tempfile::Builder::new().prefix("backup-").tempdir_in(data)
        };
        let folder = make().with_context(|| format!("make a folder in {}", data.display()))?;
        let blobs = FolderBlobs::open(folder.path())?;
        Ok(Self { folder, blobs })
    }

    fn path(&self, name: &BlobName) -> PathBuf {
        self.folder.path().join(name.to_string())
    }
}

fn digest_of(path: &Path) -> anyhow::Result<String> {
    let read = || -> std::io::Result<String> {
        let mut file = std::fs::File::open(path)?;
        let (mut so_far, mut piece) = (DigestSoFar::default(), vec![0; 1 << 20]);
        loop {
            let read = file.read(&mut piece)?;
            match piece.get(..read) {
                Some(piece) if read > 0 => so_far.add(piece),
                _ => return Ok(so_far.digest()),
            }
        }
    };
    read().with_context(|| format!("read the backup {}", path.display()))
}
