//! Blobs as files of a folder: written beside and renamed, and checked whenever they are read.

use super::check::{Found, found, given, to_its_end};
use async_trait::async_trait;
use bytes::Bytes;
use cap_std::ambient_authority;
use cap_std::fs::{Dir, DirBuilder, DirBuilderExt, OpenOptions, OpenOptionsExt};
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use opssight_core::blobs::{BlobError, BlobInfo, BlobName, BlobStore, Body, Folder, checked};
use opssight_core::time::Timestamp;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use uuid::Uuid;

/// What is read at once.
const PIECE: usize = 128 << 10;
/// What is being written ends so.
const BESIDE: &str = ".new";
/// What was being written for so long is not being written any more.
const LEFT_BEHIND: Duration = Duration::from_secs(86_400);

/// A folder with the folders of blobs in it.
#[derive(Clone)]
pub struct FolderBlobs {
    dir: Arc<Dir>,
    place: Arc<str>,
}

impl FolderBlobs {
    /// Made if it is not there; its folders are, when something is kept in them.
    pub fn open(path: &Path) -> Result<Self, BlobError> {
        let place: Arc<str> = path.display().to_string().into();
        let open = || {
            std::os::unix::fs::DirBuilderExt::mode(std::fs::DirBuilder::new().recursive(true), 0o700).create(path)?;
            Dir::open_ambient_dir(path, ambient_authority())
        };
        let dir = open().map_err(|error| failed(&place, "open the folder of blobs", &error))?;
        Ok(Self { dir: Arc::new(dir), place })
    }

    /// Off the threads that answer requests.
    async fn run<T: Send + 'static>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&Dir) -> io::Result<T> + Send + 'static,
    ) -> Result<T, BlobError> {
        let dir = Arc::clone(&self.dir);
        let done = tokio::task::spawn_blocking(move || work(&dir)).await;
        done.map_err(io::Error::other).flatten().map_err(|error| failed(&self.place, doing, &error))
    }

    async fn read(&self, name: &BlobName) -> Result<Option<Body>, BlobError> {
        let (wanted, place) = (name.clone(), Arc::clone(&self.place));
        let file = self.run("read a blob", move |dir| if_there(dir.open(wanted.to_string()))).await?;
        let Some(file) = file else { return Ok(None) };
        let file = File::from_std(file.into_std());
        let pieces = stream::try_unfold(file, |mut file| async {
            let mut piece = Vec::with_capacity(PIECE);
            let read = (&mut file).take(PIECE as u64).read_to_end(&mut piece).await?;
            Ok((read > 0).then(|| (Bytes::from(piece), file)))
        });
        let changed = BlobError::Changed { name: name.clone(), place: self.place.to_string() };
        let body = pieces.map_err(move |error: io::Error| failed(&place, "read a blob", &error));
        Ok(Some(checked(body.boxed(), name, || changed)))
    }

    /// Write it beside where it will be, and then put it there.
    async fn write(&self, name: &BlobName, mut body: Body) -> Result<(), BlobError> {
        const DOING: &str = "keep a blob";
        let folder = name.folder().path();
        let beside = format!("{folder}/{}{BESIDE}", Uuid::now_v7().simple());
        let path = beside.clone();
        let make = move |dir: &Dir| {
            make_folder(dir, folder)?;
            dir.open_with(&path, OpenOptions::new().write(true).create_new(true).mode(0o600))
        };
        let file = self.run(DOING, make).await?;
        let mut unfinished = Unfinished { dir: Arc::clone(&self.dir), beside: Some(beside.clone()) };
        let wrong = |error: io::Error| failed(&self.place, DOING, &error);
        let mut file = File::from_std(file.into_std());
        while let Some(piece) = body.try_next().await? {
            file.write_all(&piece).await.map_err(wrong)?;
        }
        file.flush().await.map_err(wrong)?;
        file.sync_all().await.map_err(wrong)?;
        let name = name.to_string();
        let place = move |dir: &Dir| {
            dir.rename(&beside, dir, &name)?;
            // The rename itself must survive a power cut.
            dir.open(folder)?.sync_all()
        };
        self.run(DOING, place).await?;
        unfinished.beside = None;
        Ok(())
    }
}

/// A file that is being written. Removed when that ends before its end.
struct Unfinished {
    dir: Arc<Dir>,
    beside: Option<String>,
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(beside) = &self.beside {
            // One that stays is cleared by a later listing.
            let _gone = self.dir.remove_file(beside);
        }
    }
}

fn failed(place: &str, doing: &'static str, error: &io::Error) -> BlobError {
    let place = place.to_owned();
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            let mend = "the user that runs the host must be able to read and write there";
            BlobError::Denied { doing, place, said: error.to_string(), mend }
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            BlobError::Away { doing, place, why: format!("{error}: make room") }
        }
        _ => BlobError::Refused { doing, place, said: error.to_string() },
    }
}

fn if_there<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn make_folder(dir: &Dir, folder: &str) -> io::Result<()> {
    match dir.create_dir_with(folder, DirBuilder::new().mode(0o700)) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// What is in a folder; what was left behind in it is cleared on the way.
fn entries(dir: &Dir, folder: Folder) -> io::Result<Vec<BlobInfo>> {
    let Some(dir) = if_there(dir.open_dir(folder.path()))? else { return Ok(Vec::new()) };
    let mut blobs = Vec::new();
    for entry in dir.entries()? {
        let entry = entry?;
        let file = entry.file_name();
        let Some(file) = file.to_str() else { continue };
        let Some(metadata) = if_there(entry.metadata())? else { continue };
        let modified = metadata.modified()?.into_std();
        if file.ends_with(BESIDE) {
            if modified.elapsed().is_ok_and(|age| age > LEFT_BEHIND) {
                if_there(dir.remove_file(file))?;
            }
            continue;
        }
        if let Some(name) = BlobName::read(folder, file) {
            let kept_at = Timestamp::from(chrono::DateTime::<chrono::Utc>::from(modified));
            blobs.push(BlobInfo { name, size: metadata.len(), kept_at });
        }
    }
    Ok(blobs)
}

#[async_trait]
impl BlobStore for FolderBlobs {
    async fn put(&self, name: &BlobName, body: Body) -> Result<(), BlobError> {
        let body = given(body, name);
        match found(self.read(name).await?).await? {
            Found::Whole => to_its_end(body).await,
            Found::Changed | Found::Nothing => self.write(name, body).await,
        }
    }

    async fn get(&self, name: &BlobName) -> Result<Option<Body>, BlobError> {
        self.read(name).await
    }

    async fn remove(&self, name: &BlobName) -> Result<(), BlobError> {
        let name = name.to_string();
        self.run("remove a blob", move |dir| if_there(dir.remove_file(name)).map(drop)).await
    }

    fn list(&self, folder: Folder) -> BoxStream<'static, Result<BlobInfo, BlobError>> {
        let this = self.clone();
        let listed = async move { this.run("list the blobs", move |dir| entries(dir, folder)).await };
        stream::once(listed).map_ok(|blobs| stream::iter(blobs).map(Ok)).try_flatten().boxed()
    }

    async fn check(&self) -> Result<(), BlobError> {
        let probe = format!("{}{BESIDE}", Uuid::now_v7().simple());
        let write = move |dir: &Dir| {
            dir.open_with(&probe, OpenOptions::new().write(true).create_new(true).mode(0o600))?;
            dir.remove_file(&probe)
        };
        self.run("write into the folder of blobs", write).await
    }

    fn place(&self) -> &str {
        &self.place
    }
}
