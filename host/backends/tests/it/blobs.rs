//! The cases of the blobs' port, on every kind of place.

use bytes::Bytes;
use futures::future::{BoxFuture, join_all};
use futures::{StreamExt, TryStreamExt, stream};
use opssight_core::blobs::{BlobError, BlobName, BlobStore, Body, Folder, body_of, whole};
use opssight_core::plugins::digest_of;
use opssight_core::time::Timestamp;
use std::collections::BTreeSet;
use std::sync::Arc;

type Overwrite = Box<dyn Fn(String, Vec<u8>) -> BoxFuture<'static, ()> + Send + Sync>;

/// An empty place.
pub(crate) struct Ground {
    pub(crate) blobs: Arc<dyn BlobStore>,
    /// Writes something under a name behind the port's back.
    pub(crate) overwrite: Overwrite,
    pub(crate) _kept: Box<dyn std::any::Any + Send + Sync>,
}

pub(crate) fn package(bytes: &[u8]) -> BlobName {
    BlobName::package(&digest_of(bytes)).unwrap()
}

pub(crate) async fn read(blobs: &dyn BlobStore, name: &BlobName) -> Result<Option<Vec<u8>>, BlobError> {
    match blobs.get(name).await? {
        Some(body) => whole(body).await.map(Some),
        None => Ok(None),
    }
}

/// Bytes that do not compress and that repeat nowhere.
pub(crate) fn noise(size: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut step = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    std::iter::repeat_with(&mut step).flatten().take(size).collect()
}

/// In pieces that fit no part.
pub(crate) fn in_pieces(bytes: &[u8]) -> Body {
    let pieces: Vec<_> = bytes.chunks(777_777).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    stream::iter(pieces).boxed()
}

async fn names(blobs: &dyn BlobStore, folder: Folder) -> BTreeSet<BlobName> {
    blobs.list(folder).map_ok(|info| info.name).try_collect().await.unwrap()
}

pub(crate) async fn a_blob_comes_back_until_it_is_removed(ground: Ground) {
    let blobs = &*ground.blobs;
    blobs.check().await.unwrap();
    assert_eq!(names(blobs, Folder::Packages).await, BTreeSet::new());
    let (bytes, before) = (noise(300_000), Timestamp::from(chrono::DateTime::from(now())));
    let name = package(&bytes);
    assert_eq!(read(blobs, &name).await.unwrap(), None);
    for _ in 0..2 {
        blobs.put(&name, in_pieces(&bytes)).await.unwrap();
        assert_eq!(read(blobs, &name).await.unwrap().as_ref(), Some(&bytes));
    }
    let listed: Vec<_> = blobs.list(Folder::Packages).try_collect().await.unwrap();
    assert_eq!((listed.len(), &listed[0].name, listed[0].size), (1, &name, 300_000));
    // Some places keep whole seconds.
    assert!(listed[0].kept_at.since(before).abs() < 60_000_000, "{:?} at {before:?}", listed[0].kept_at);
    blobs.remove(&name).await.unwrap();
    blobs.remove(&name).await.unwrap();
    assert_eq!(read(blobs, &name).await.unwrap(), None);
    let nothing = package(b"");
    blobs.put(&nothing, body_of(Vec::new())).await.unwrap();
    assert_eq!(read(blobs, &nothing).await.unwrap(), Some(Vec::new()));
}

#[expect(clippy::disallowed_methods, reason = "the place goes by the system's clock")]
fn now() -> std::time::SystemTime {
    std::time::SystemTime::now()
}

pub(crate) async fn what_is_not_what_its_name_says_is_not_kept(ground: Ground) {
    let blobs = &*ground.blobs;
    let name = package(b"package");
    for given in [&b"packag"[..], b"pockage", b""] {
        let refused = blobs.put(&name, body_of(given.to_vec())).await;
        assert!(matches!(refused, Err(BlobError::Given { .. })), "{refused:?}");
        assert_eq!(read(blobs, &name).await.unwrap(), None);
    }
    blobs.put(&name, body_of(&b"package"[..])).await.unwrap();
    let refused = blobs.put(&name, body_of(&b"pockage"[..])).await;
    assert!(matches!(refused, Err(BlobError::Given { .. })), "{refused:?}");
    assert_eq!(read(blobs, &name).await.unwrap().as_deref(), Some(&b"package"[..]));
}

pub(crate) async fn a_body_that_ends_early_leaves_nothing(ground: Ground) {
    let blobs = &*ground.blobs;
    let bytes = noise(1_000_000);
    let name = package(&bytes);
    let broken = BlobError::Given { name: name.clone(), why: "the disk is gone".to_owned() };
    let end = stream::iter([Err(broken.clone())]);
    let kept = blobs.put(&name, in_pieces(&bytes).take(1).chain(end).boxed()).await;
    assert_eq!(kept, Err(broken));
    assert_eq!(read(blobs, &name).await.unwrap(), None);
    assert_eq!(names(blobs, Folder::Packages).await, BTreeSet::new());
}

pub(crate) async fn a_large_blob_goes_in_parts(ground: Ground) {
    let blobs = &*ground.blobs;
    // At the edge of a part, and beyond several.
    for size in [16 << 20, (16 << 20) + 1, 50_000_001] {
        let bytes = noise(size);
        let name = package(&bytes);
        blobs.put(&name, in_pieces(&bytes)).await.unwrap();
        // Not by `assert_eq!`, which would print all of it.
        assert!(read(blobs, &name).await.unwrap().unwrap() == bytes, "{size}");
    }
}

pub(crate) async fn a_large_blob_that_is_not_kept_is_not_there(ground: Ground) {
    let blobs = &*ground.blobs;
    let bytes = noise(40_000_000);
    let name = package(&bytes[1..]);
    let refused = blobs.put(&name, in_pieces(&bytes)).await;
    assert!(matches!(refused, Err(BlobError::Given { .. })), "{refused:?}");
    assert_eq!(read(blobs, &name).await.unwrap(), None);
    assert_eq!(names(blobs, Folder::Packages).await, BTreeSet::new());
}

pub(crate) async fn one_that_was_changed_is_refused_and_mended_by_keeping_it_again(ground: Ground) {
    let blobs = &*ground.blobs;
    let bytes = noise(200_000);
    let name = package(&bytes);
    blobs.put(&name, body_of(bytes.clone())).await.unwrap();
    let mut changed = bytes.clone();
    changed[150_000] ^= 1;
    for changed in [changed, bytes[..100_000].to_vec(), Vec::new()] {
        (ground.overwrite)(name.to_string(), changed).await;
        let refused = read(blobs, &name).await;
        assert!(matches!(&refused, Err(BlobError::Changed { name: of, .. }) if *of == name), "{refused:?}");
        blobs.put(&name, body_of(bytes.clone())).await.unwrap();
        assert_eq!(read(blobs, &name).await.unwrap().as_ref(), Some(&bytes));
    }
}

/// Readers find nothing or all of it, whoever writes how often at that moment.
pub(crate) async fn writers_at_the_same_moment_leave_one_whole_blob(ground: Ground) {
    for round in 0..5 {
        let bytes = noise(500_000 + round);
        let name = package(&bytes);
        let writers = (0..6).map(|_| {
            let (blobs, name, body) = (Arc::clone(&ground.blobs), name.clone(), in_pieces(&bytes));
            tokio::spawn(async move { blobs.put(&name, body).await.map(|()| None) })
        });
        let readers = (0..6).map(|_| {
            let (blobs, name) = (Arc::clone(&ground.blobs), name.clone());
            tokio::spawn(async move { read(&*blobs, &name).await })
        });
        for done in join_all(writers.chain(readers)).await {
            let seen = done.unwrap().unwrap();
            assert!(seen.is_none_or(|seen| seen == bytes), "a part of it was seen");
        }
        assert_eq!(read(&*ground.blobs, &name).await.unwrap(), Some(bytes));
    }
}

pub(crate) async fn a_folder_of_more_than_a_page_is_listed_and_nothing_else(ground: Ground) {
    let blobs = &ground.blobs;
    let all: BTreeSet<BlobName> = (0..1_050_u32).map(|n| package(&n.to_le_bytes())).collect();
    stream::iter(0..1_050_u32)
        .map(|n| async move {
            let bytes = n.to_le_bytes();
            blobs.put(&package(&bytes), body_of(bytes.to_vec())).await
        })
        .buffer_unordered(16)
        .try_collect::<()>()
        .await
        .unwrap();
    let backup = BlobName::backup(Timestamp::from_millis(1_767_225_600_000), &digest_of(b"store")).unwrap();
    blobs.put(&backup, body_of(&b"store"[..])).await.unwrap();
    for foreign in ["packages/readme.txt", "packages.wasm"] {
        (ground.overwrite)(foreign.to_owned(), b"not ours".to_vec()).await;
    }
    assert_eq!(names(&**blobs, Folder::Packages).await, all);
    assert_eq!(names(&**blobs, Folder::Backups).await, BTreeSet::from([backup]));
}
