//! The format of data keys and of rings.

use super::ring::LocalKey;
use super::sealer::wrap_unnamed;
use super::{KeyId, KeyPlace, KeyRing, SealError, Sealed, Sealer, Wrapped, cipher, ring_file};
use crate::SystemRandomness;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use std::sync::Arc;
use std::time::Duration;

fn sealer(ring: KeyRing) -> Sealer {
    Sealer::new(ring, Arc::new(SystemRandomness), Duration::ZERO)
}

#[tokio::test]
async fn what_is_sealed_opens_for_its_owner_and_nobody_else() {
    let one = sealer(KeyRing::from([7; 32]));
    let sealed = one.seal("c", b"plain").await.unwrap();
    assert_eq!(one.unseal("c", &sealed).await.unwrap().as_slice(), b"plain");
    assert_eq!(one.unseal("d", &sealed).await, Err(SealError::Unseal));
    let id = KeyRing::from([7; 32]).ids()[0];
    assert_eq!(sealer(KeyRing::from([8; 32])).unseal("c", &sealed).await, Err(SealError::UnknownKey(id)));
    // Another one's data key, and another key's name on it.
    let other = one.seal("d", b"plain").await.unwrap();
    let mixed = Sealed { data_key: other.data_key.clone(), sealed: sealed.sealed.clone() };
    assert_eq!(one.unseal("c", &mixed).await, Err(SealError::Unseal));
    for at in 0..sealed.data_key.len() {
        let mut data_key = sealed.data_key.clone();
        data_key[at] ^= 1;
        assert!(one.unseal("c", &Sealed { data_key, sealed: sealed.sealed.clone() }).await.is_err(), "{at}");
    }
}

#[tokio::test]
async fn what_was_sealed_before_there_was_a_ring_opens_with_any_ring_that_has_its_key() {
    let data_key = [3; 32];
    let mut text = vec![1];
    text.extend(cipher::seal(&data_key, "opssight\0credentials\0c", b"old").unwrap());
    let old = Sealed { data_key: wrap_unnamed(&[7; 32], "c", &data_key), sealed: text };
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ring");
    std::fs::write(&file, format!("{}\n{}\n", STANDARD.encode([9; 32]), STANDARD.encode([7; 32]))).unwrap();
    let both = KeyRing::open(KeyPlace::File(file), Vec::new()).unwrap();
    let (one, both) = (sealer(KeyRing::from([7; 32])), sealer(both));
    assert_eq!(one.unseal("c", &old).await.unwrap().as_slice(), b"old");
    assert_eq!(both.unseal("c", &old).await.unwrap().as_slice(), b"old");
    assert_eq!(both.who_wrapped("c", &old.data_key), Some(KeyRing::from([7; 32]).ids()[0]));
    assert_eq!(sealer(KeyRing::from([8; 32])).unseal("c", &old).await, Err(SealError::Unseal));
}

#[test]
fn a_ring_is_read_and_written_as_it_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ring");
    let keys: Vec<LocalKey> = (0..3).map(|_| ring_file::fresh(&SystemRandomness)).collect();
    for count in 1..=3 {
        ring_file::write(&file, &keys[..count]).unwrap();
        assert_eq!(ring_file::read(&file).unwrap(), keys[..count]);
        assert_eq!(std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&file).unwrap()) & 0o777, 0o600);
        assert!(!dir.path().join("ring.new").exists());
    }
    // A link stays one.
    let link = dir.path().join("link");
    std::os::unix::fs::symlink(&file, &link).unwrap();
    ring_file::write(&link, &keys[1..]).unwrap();
    assert!(link.is_symlink());
    assert_eq!(ring_file::read(&file).unwrap(), keys[1..]);
    let shown = format!("{keys:?}");
    assert!(keys.iter().all(|key| !shown.contains(&STANDARD.encode(key.bytes.as_slice()))), "{shown}");
}

#[test]
fn of_first_starts_at_the_same_time_all_use_the_one_key() {
    for _ in 0..50 {
        let dir = tempfile::tempdir().unwrap();
        let (file, together) = (dir.path().join("master.key"), std::sync::Barrier::new(4));
        let start = || {
            together.wait();
            KeyRing::make_file(&file, &SystemRandomness).unwrap();
            KeyRing::open(KeyPlace::File(file.clone()), Vec::new()).unwrap().ids()
        };
        let rings: Vec<_> = std::thread::scope(|scope| {
            let starts: Vec<_> = (0..4).map(|_| scope.spawn(start)).collect();
            starts.into_iter().map(|start| start.join().unwrap()).collect()
        });
        assert!(rings.iter().all(|ids| *ids == rings[0]), "a key was lost: {rings:?}");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "something was left behind");
        assert_eq!(std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&file).unwrap()) & 0o777, 0o600);
    }
}

#[test]
fn a_ring_that_would_not_be_read_again_is_not_written() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ring");
    let keys: Vec<LocalKey> = (0..1_100).map(|_| ring_file::fresh(&SystemRandomness)).collect();
    ring_file::write(&file, &keys[..1_000]).unwrap();
    let refused = ring_file::write(&file, &keys).unwrap_err().to_string();
    assert!(refused.contains("1100 keys") && refused.contains("rotate --drop-unused"), "{refused}");
    assert_eq!(ring_file::read(&file).unwrap(), keys[..1_000]);
}

#[test]
fn a_key_that_is_missing_is_looked_for_in_the_file_once_a_second() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ring");
    let keys: Vec<LocalKey> = (0..3).map(|_| ring_file::fresh(&SystemRandomness)).collect();
    ring_file::write(&file, &keys[..1]).unwrap();
    let ring = KeyRing::open(KeyPlace::File(file.clone()), Vec::new()).unwrap();
    ring_file::write(&file, &keys[..2]).unwrap();
    assert!(ring.find_or_read(keys[1].id).is_some());
    ring_file::write(&file, &keys).unwrap();
    assert!(ring.find_or_read(keys[2].id).is_none(), "the file was read at once again");
    std::thread::sleep(Duration::from_millis(1_100));
    assert!(ring.find_or_read(keys[2].id).is_some());
}

#[test]
fn what_is_no_ring_is_refused_without_a_word_of_it() {
    let short = STANDARD.encode([5; 31]);
    for (text, why) in [
        ("", "no key"),
        ("# only a remark\n", "no key"),
        (short.as_str(), "key 1 is not base64 of 32 bytes"),
        ("not-base64-but-a-pass-phrase", "key 1 is not base64"),
    ] {
        let refused = ring_file::parse(text).unwrap_err();
        assert!(refused.contains(why) && (text.is_empty() || !refused.contains(text)), "{refused}");
    }
    let twice = format!("{0} {0}, {1} # old", STANDARD.encode([1; 32]), STANDARD.encode([2; 32]));
    assert_eq!(ring_file::parse(&twice).unwrap().len(), 2);
}

proptest! {
    #[test]
    fn any_data_key_is_read_as_it_was_written(id: [u8; 8], sealed: Vec<u8>, text in "vault:v[0-9]{1,4}:[a-zA-Z0-9+/]{0,80}") {
        for wrapped in [
            Wrapped::Unnamed { sealed: &sealed },
            Wrapped::Local { by: KeyId(id), sealed: &sealed },
            Wrapped::Transit { by: KeyId(id), ciphertext: &text },
        ] {
            let stored = wrapped.write();
            prop_assert_eq!(Wrapped::read(&stored), Some(wrapped));
        }
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>) {
        if let Some(wrapped) = Wrapped::read(&bytes) {
            prop_assert_eq!(&wrapped.write(), &bytes);
            let _version = wrapped.version();
        }
        let text = String::from_utf8_lossy(&bytes);
        let _keys = ring_file::parse(&text);
    }

    #[test]
    fn any_ring_comes_back_from_its_text(keys in proptest::collection::vec(any::<[u8; 32]>(), 1..5), blank in "[ \t\n,]{1,3}") {
        let text: Vec<String> = keys.iter().map(|key| STANDARD.encode(key)).collect();
        let read = ring_file::parse(&text.join(&blank)).unwrap();
        let mut distinct = keys.clone();
        let mut seen = std::collections::HashSet::new();
        distinct.retain(|key| seen.insert(*key));
        let read: Vec<[u8; 32]> = read.iter().map(|key| *key.bytes).collect();
        prop_assert_eq!(read, distinct);
    }
}
