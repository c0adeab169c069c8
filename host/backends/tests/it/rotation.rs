//! Rotating master keys on a store that a process has open.

use crate::connections::secret;
use crate::ports::{Ports, at, connection, options, ring};
use crate::server::Database;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use opssight_backends::{
    KeyPlace, KeyRing, OpenError, Place, Rotate, RotateError, Rotated, Rotation, SecretText, SecretsStatus, Store,
    StoreOptions, rotate_secrets, secrets_status,
};
use opssight_core::connections::ConnectionStore;
use opssight_core::plugins::CredentialSource;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, PgConnection};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

async fn furnish(ports: &Ports, count: u32) {
    for n in 0..count {
        let new = connection(&format!("c{n:03}"));
        ports.connections.insert(&new, &secret(&format!("secret {n}")), &[]).await.unwrap();
    }
}

async fn all_open(ports: &Ports, count: u32) {
    for n in 0..count {
        let credentials = ports.credentials.credentials(&format!("c{n:03}").as_str().into()).await.unwrap();
        assert!(credentials == secret(&format!("secret {n}")), "c{n:03}");
    }
}

async fn rotate(ports: &Ports, how: Rotate) -> Rotated {
    loop {
        match rotate_secrets(&ports.place, &ring(&ports.key_file), how, |_| {}).await {
            // A server notices a moment later that whoever rotated is gone.
            Err(RotateError::UnderWay) => tokio::time::sleep(Duration::from_millis(20)).await,
            done => return done.unwrap(),
        }
    }
}

async fn status(ports: &Ports) -> SecretsStatus {
    secrets_status(&ports.place, &ring(&ports.key_file)).await.unwrap()
}

/// All under one key, which is the newest of this many.
fn settled(status: &SecretsStatus, data_keys: u64, keys: usize) {
    assert_eq!((status.unreadable, status.keys.len()), (0, keys), "{status:?}");
    assert_eq!((status.keys[0].data_keys, status.keys[0].is_used), (data_keys, true), "{status:?}");
    assert!(status.keys[1..].iter().all(|key| key.data_keys == 0 && !key.is_used), "{status:?}");
}

pub(crate) async fn every_data_key_is_wrapped_anew_while_the_store_is_open(ports: Ports) {
    furnish(&ports, 12).await;
    // One of them is in memory, wrapped by the first key.
    assert!(ports.credentials.credentials(&"c003".into()).await.unwrap() == secret("secret 3"));
    let before = status(&ports).await;
    settled(&before, 13, 1);
    let told = AtomicU64::new(0);
    let how = Rotate { batch: 5, ..Rotate::default() };
    let tell = |far: Rotation| told.store(far.done, Ordering::Relaxed);
    let done = rotate_secrets(&ports.place, &ring(&ports.key_file), how, tell).await.unwrap();
    assert_eq!((done.resumed, done.rewrapped, told.load(Ordering::Relaxed)), (false, 12, 12));
    assert_ne!(done.key, before.keys[0].id);
    settled(&status(&ports).await, 13, 2);
    all_open(&ports, 12).await;
    // What is sealed from now on is under the new key: the open store found out by itself.
    furnish_one(&ports, "later").await;
    let after = status(&ports).await;
    settled(&after, 14, 2);
    assert_eq!(after.processes, (1, 1));
    let again = rotate(&ports, how).await;
    assert_eq!((again.resumed, again.rewrapped), (false, 13));
    settled(&status(&ports).await, 14, 3);
    all_open(&ports, 12).await;
}

async fn furnish_one(ports: &Ports, id: &str) {
    ports.connections.insert(&connection(id), &secret(id), &[]).await.unwrap();
    assert!(ports.credentials.credentials(&id.into()).await.unwrap() == secret(id));
}

/// Every batch is the last one of some rotation.
pub(crate) async fn a_rotation_that_was_cut_short_anywhere_is_finished_by_the_next(ports: Ports) {
    furnish(&ports, 9).await;
    for batches in 0..4 {
        let (place, ring_now) = (ports.place.clone(), ring(&ports.key_file));
        let how = Rotate { batch: 2, ..Rotate::default() };
        let cut_short = tokio::spawn(async move {
            let seen = AtomicU64::new(0);
            let tell =
                |_: Rotation| assert_ne!(seen.fetch_add(1, Ordering::Relaxed), batches, "the end of the process");
            rotate_secrets(&place, &ring_now, how, tell).await
        });
        assert!(cut_short.await.unwrap_err().is_panic());
        let cut = status(&ports).await;
        assert_eq!(cut.unreadable, 0);
        assert!(cut.keys[1].data_keys > 0, "nothing is left to do: {cut:?}");
        all_open(&ports, 9).await;
        furnish_one(&ports, &format!("between {batches}")).await;
        let finished = rotate(&ports, how).await;
        assert!(finished.resumed, "it made another key");
        assert_eq!(finished.key, cut.keys[0].id);
        settled(&status(&ports).await, 11 + batches, 2 + usize::try_from(batches).unwrap());
        all_open(&ports, 9).await;
    }
}

pub(crate) async fn those_who_seal_meanwhile_lose_nothing(ports: Ports) {
    furnish(&ports, 20).await;
    let store = Arc::clone(&ports.connections);
    let (rounds, is_over) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let (count, stop) = (Arc::clone(&rounds), Arc::clone(&is_over));
    let writer = tokio::spawn(async move {
        let mut kept = HashMap::new();
        while !stop.load(Ordering::SeqCst) {
            let round = i64::try_from(count.fetch_add(1, Ordering::SeqCst)).unwrap() + 1;
            let id = format!("c{:03}", round % 20);
            let mut changed = store.connection(&id.as_str().into()).await.unwrap().unwrap();
            let was = changed.updated_at;
            changed.updated_at = at(round);
            let value = format!("round {round}");
            assert!(store.update(&changed, Some(&secret(&value)), was).await.unwrap());
            kept.insert(id, value);
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        kept
    });
    let mut seen = vec![rounds.load(Ordering::SeqCst)];
    for _ in 0..3 {
        rotate(&ports, Rotate { batch: 1, drop_unused: true }).await;
        seen.push(rounds.load(Ordering::SeqCst));
    }
    is_over.store(true, Ordering::SeqCst);
    let kept = writer.await.unwrap();
    assert!(seen.windows(2).all(|pair| pair[0] < pair[1]), "nobody sealed during a rotation: {seen:?}");
    assert_eq!(kept.len(), 20);
    for (id, value) in kept {
        assert!(ports.credentials.credentials(&id.as_str().into()).await.unwrap() == secret(&value), "{id}");
    }
    // Whatever was sealed during the last rotation is under its key.
    settled(&status(&ports).await, 21, 1);
}

/// Change a data key as a broken disk or a wrong hand would.
pub(crate) async fn spoil(place: &Place, id: &str, change: impl FnOnce(&mut Vec<u8>)) {
    let (read, write) = (
        "SELECT data_key FROM credentials WHERE connection = $1",
        "UPDATE credentials SET data_key = $2 WHERE connection = $1",
    );
    match place {
        Place::Dir(dir) => {
            let file = SqliteConnectOptions::new().filename(dir.join("opssight.sqlite"));
            let mut conn = file.busy_timeout(Duration::from_secs(10)).connect().await.unwrap();
            let mut data_key: Vec<u8> = sqlx::query_scalar(read).bind(id).fetch_one(&mut conn).await.unwrap();
            change(&mut data_key);
            sqlx::query(write).bind(id).bind(data_key).execute(&mut conn).await.unwrap();
            conn.close().await.unwrap();
        }
        Place::Database(address) => {
            let mut conn = PgConnection::connect(address).await.unwrap();
            let mut data_key: Vec<u8> = sqlx::query_scalar(read).bind(id).fetch_one(&mut conn).await.unwrap();
            change(&mut data_key);
            sqlx::query(write).bind(id).bind(data_key).execute(&mut conn).await.unwrap();
            conn.close().await.unwrap();
        }
        other => panic!("{}", std::any::type_name_of_val(other)),
    }
}

/// A rotation that wraps all others anew and says whose data keys it could not.
async fn rotate_all_but(ports: &Ports, how: Rotate) -> Vec<String> {
    loop {
        match rotate_secrets(&ports.place, &ring(&ports.key_file), how, |_| {}).await {
            Err(RotateError::UnderWay) => tokio::time::sleep(Duration::from_millis(20)).await,
            Err(RotateError::Unreadable { owners, .. }) => return owners,
            other => panic!("{other:?}"),
        }
    }
}

pub(crate) async fn what_cannot_be_opened_hinders_no_rotation(ports: Ports) {
    furnish(&ports, 5).await;
    let first = status(&ports).await.keys[0].id;
    // Nonsense, what was altered, and what is under a key that nobody has.
    spoil(&ports.place, "c001", |data_key| *data_key = b"garbage".to_vec()).await;
    spoil(&ports.place, "c002", |data_key| *data_key.last_mut().unwrap() ^= 1).await;
    spoil(&ports.place, "c003", |data_key| data_key[1] ^= 1).await;
    assert_eq!(rotate_all_but(&ports, Rotate::default()).await, ["c001", "c002", "c003"]);
    let second = status(&ports).await;
    assert_ne!(second.keys[0].id, first, "no new key was made");
    assert_eq!((second.keys[0].data_keys, second.keys[0].is_used, second.unreadable), (3, true, 1), "{second:?}");
    // Also the next one is a rotation, and takes out what nothing says that it needs.
    let how = Rotate { drop_unused: true, ..Rotate::default() };
    assert_eq!(rotate_all_but(&ports, how).await, ["c001", "c002", "c003"]);
    let third = status(&ports).await;
    let ids: Vec<_> = third.keys.iter().filter(|key| key.place.is_some()).map(|key| key.id).collect();
    assert_eq!((ids.len(), ids[1]), (2, first), "{third:?}");
    assert!(ids[0] != second.keys[0].id && third.keys[0].data_keys == 3, "{third:?}");
    for n in [0, 4] {
        let credentials = ports.credentials.credentials(&format!("c{n:03}").as_str().into()).await.unwrap();
        assert!(credentials == secret(&format!("secret {n}")), "c{n:03}");
    }
    // Entered again, they are like all others.
    for id in ["c001", "c002", "c003"] {
        let known = connection(id);
        assert!(ports.connections.update(&known, Some(&secret("again")), known.updated_at).await.unwrap());
    }
    assert_eq!(rotate(&ports, how).await.rewrapped, 5);
    settled(&status(&ports).await, 6, 1);
}

/// As many keys as the file takes: what nothing needs makes room for a new one.
pub(crate) async fn a_full_file_of_keys_says_how_room_is_made(ports: Ports) {
    furnish(&ports, 2).await;
    let own = STANDARD.encode(std::fs::read(&ports.key_file).unwrap());
    let others = (0..1_021_u64).map(|n| STANDARD.encode([n.to_be_bytes(); 4].concat()));
    let full: Vec<String> = std::iter::once(own).chain(others).collect();
    std::fs::write(&ports.key_file, full.join("\n")).unwrap();
    let refused = rotate_secrets(&ports.place, &ring(&ports.key_file), Rotate::default(), |_| {}).await.unwrap_err();
    assert!(refused.to_string().contains("opssight secrets rotate --drop-unused"), "{refused}");
    assert_eq!(status(&ports).await.keys.len(), 1_022);
    let done = rotate(&ports, Rotate { drop_unused: true, ..Rotate::default() }).await;
    assert_eq!((done.dropped, done.rewrapped), (1_022, 2));
    settled(&status(&ports).await, 3, 1);
}

#[tokio::test]
async fn where_a_host_cannot_be_seen_there_may_be_one() {
    let dir = tempfile::tempdir().unwrap();
    let key_file = dir.path().join("master.key");
    Store::open(dir.path(), StoreOptions { keys: ring(&key_file), ..options() }).await.unwrap().close().await;
    let (place, lock) = (Place::Dir(dir.path().to_owned()), dir.path().join("opssight.lock"));
    assert_eq!(secrets_status(&place, &ring(&key_file)).await.unwrap().processes.0, 0);
    std::fs::remove_file(&lock).unwrap();
    assert_eq!(secrets_status(&place, &ring(&key_file)).await.unwrap().processes.0, 0, "nobody ever opened it");
    // It leads to itself, and cannot be opened.
    std::os::unix::fs::symlink(&lock, &lock).unwrap();
    assert_eq!(secrets_status(&place, &ring(&key_file)).await.unwrap().processes.0, 1);
}

pub(crate) async fn a_key_that_nothing_needs_can_go_and_one_that_something_needs_stays(ports: Ports) {
    furnish(&ports, 3).await;
    let first = rotate(&ports, Rotate::default()).await;
    assert_eq!(first.dropped, 0);
    let second = rotate(&ports, Rotate { drop_unused: true, ..Rotate::default() }).await;
    assert_eq!(second.dropped, 2);
    settled(&status(&ports).await, 4, 1);
    // What this process has in memory is wrapped by a key that is gone.
    all_open(&ports, 3).await;
    furnish_one(&ports, "later").await;
    // A single key is written as every version reads it.
    assert_eq!(std::fs::read(&ports.key_file).unwrap().len(), 32);
    // With another ring nothing begins.
    let other = KeyRing::from([9; 32]);
    let refused = rotate_secrets(&ports.place, &other, Rotate::default(), |_| {}).await.unwrap_err();
    assert!(matches!(refused, RotateError::Open(OpenError::MissingKey(key)) if key == second.key), "{refused}");
    let shown = secrets_status(&ports.place, &other).await.unwrap();
    assert_eq!(shown.keys[0].data_keys, 0);
    assert_eq!((shown.keys[1].place.as_deref(), shown.keys[1].data_keys), (None, 5), "{shown:?}");
}

#[tokio::test]
async fn a_rotation_waits_until_every_process_has_the_new_key() {
    let (dir, database) = (tempfile::tempdir().unwrap(), Database::create().await);
    let (one, other) = (dir.path().join("one"), dir.path().join("other"));
    let join = |file: &Path| {
        let options = StoreOptions { keys: ring(file), ..options() };
        Store::connect(&database.address, options)
    };
    let first = join(&one).await.unwrap();
    std::fs::copy(&one, &other).unwrap();
    let second = join(&other).await.unwrap();
    for n in 0..5 {
        first.insert(&connection(&format!("c{n}")), &secret(&format!("s{n}")), &[]).await.unwrap();
    }
    let place = Place::Database(database.address.clone());
    let rotation = tokio::spawn({
        let (place, ring) = (place.clone(), ring(&one));
        async move { rotate_secrets(&place, &ring, Rotate::default(), |_| {}).await }
    });
    tokio::time::sleep(Duration::from_secs(3)).await;
    // The first has it, the second has not: nothing has changed, and nobody else may begin.
    let status = secrets_status(&place, &ring(&one)).await.unwrap();
    assert_eq!((status.keys[0].data_keys, status.keys[1].data_keys, status.processes), (0, 6, (2, 1)), "{status:?}");
    let refused = rotate_secrets(&place, &ring(&one), Rotate::default(), |_| {}).await.unwrap_err();
    assert!(matches!(refused, RotateError::UnderWay), "{refused}");
    second.insert(&connection("meanwhile"), &secret("m"), &[]).await.unwrap();
    std::fs::copy(&one, &other).unwrap();
    assert_eq!(rotation.await.unwrap().unwrap().rewrapped, 6);
    for store in [&first, &second] {
        for n in 0..5 {
            assert!(store.credentials(&format!("c{n}").as_str().into()).await.unwrap() == secret(&format!("s{n}")));
        }
        assert!(store.credentials(&"meanwhile".into()).await.unwrap() == secret("m"));
    }
    second.insert(&connection("after"), &secret("a"), &[]).await.unwrap();
    assert!(first.credentials(&"after".into()).await.unwrap() == secret("a"));
    assert_eq!(secrets_status(&place, &ring(&one)).await.unwrap().keys[0].data_keys, 8);
}

/// What is in an environment variable an operator changes, on all hosts, before anything is wrapped by it.
pub(crate) async fn nothing_comes_under_a_key_that_an_open_store_lacks(ports: Ports) {
    furnish(&ports, 3).await;
    let text = STANDARD.encode([5; 32]);
    let ring = variable_then(&text, &ports.key_file);
    let refused = rotate_secrets(&ports.place, &ring, Rotate::default(), |_| {}).await.unwrap_err();
    assert!(matches!(refused, RotateError::NotEverywhere { lacking: 1, processes: 1, .. }), "{refused}");
    settled(&status(&ports).await, 4, 1);
    let shown = format!("{ring:?} {refused} {refused:?}");
    assert!(!shown.contains(&text) && !shown.contains("5, 5"), "{shown}");
}

fn variable(text: &str) -> KeyPlace {
    KeyPlace::Variable { name: "THE_KEY".to_owned(), value: SecretText::from(text.to_owned()) }
}

fn variable_then(text: &str, file: &Path) -> KeyRing {
    KeyRing::open(variable(text), vec![KeyPlace::File(file.to_owned())]).unwrap()
}

#[tokio::test]
async fn moving_from_a_file_to_a_variable_and_back_is_a_rotation() {
    let dir = tempfile::tempdir().unwrap();
    let (place, key_file) = (Place::Dir(dir.path().to_owned()), dir.path().join("master.key"));
    let open = |keys: KeyRing| async { Store::open(dir.path(), StoreOptions { keys, ..options() }).await };
    let store = open(ring(&key_file)).await.unwrap();
    store.insert(&connection("c"), &secret("s"), &[]).await.unwrap();
    store.close().await;
    let text = STANDARD.encode([5; 32]);
    let both = variable_then(&text, &key_file);
    let moved = rotate_secrets(&place, &both, Rotate::default(), |_| {}).await.unwrap();
    assert_eq!((moved.resumed, moved.rewrapped, moved.place.as_str()), (true, 1, "environment variable THE_KEY"));
    let refused = rotate_secrets(&place, &both, Rotate::default(), |_| {}).await.unwrap_err();
    assert!(refused.to_string().contains("openssl rand -base64 32"), "{refused}");
    // The file is not needed any more, and alone not enough.
    let alone = KeyRing::open(variable(&text), Vec::new()).unwrap();
    let store = open(alone).await.unwrap();
    assert!(store.credentials(&"c".into()).await.unwrap() == secret("s"));
    store.close().await;
    let refused = open(ring(&key_file)).await.unwrap_err();
    assert!(matches!(refused, OpenError::MissingKey(key) if key == moved.key), "{refused}");
    let back = KeyRing::open(KeyPlace::File(key_file.clone()), vec![variable(&text)]).unwrap();
    let moved = rotate_secrets(&place, &back, Rotate::default(), |_| {}).await.unwrap();
    assert!(moved.resumed && moved.place.starts_with("file "), "{moved:?}");
    let store = open(ring(&key_file)).await.unwrap();
    assert!(store.credentials(&"c".into()).await.unwrap() == secret("s"));
}
