//! A store from before there was a ring.

use super::{Place, Rotate, rotate_secrets, secrets_status};
use crate::secrets::{KeyPlace, KeyRing, Sealer, wrap_unnamed};
use crate::sql::query::{query, query_as};
use crate::sql::{Store, StoreOptions, sqlite};
use crate::{LocalBus, SystemRandomness};
use opssight_core::connections::{Connection, ConnectionStore};
use opssight_core::plugins::{Credential, CredentialSource, Credentials};
use opssight_core::time::Timestamp;
use sqlx::ConnectOptions;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

fn keys(file: &Path) -> KeyRing {
    KeyRing::open(KeyPlace::File(file.to_owned()), Vec::new()).unwrap()
}

async fn open(dir: &Path, file: &Path) -> Arc<Store> {
    let options = StoreOptions::new(keys(file), Arc::new(SystemRandomness), Arc::new(LocalBus::new()));
    Store::open(dir, options).await.unwrap()
}

fn connection() -> Connection {
    Connection {
        id: "c".into(),
        name: "c".to_owned(),
        plugin: "p".into(),
        digest: None,
        enabled: true,
        settings: Arc::default(),
        grants: Arc::default(),
        created_at: Timestamp(0),
        updated_at: Timestamp(0),
    }
}

/// Everything as it was written then: data keys that name no master key, and a store that says nothing of them.
async fn make_old(dir: &Path) {
    let sealer = Sealer::new(KeyRing::from([7; 32]), Arc::new(SystemRandomness), Duration::ZERO);
    let conn = sqlite::connect_options(&dir.join("opssight.sqlite")).connect().await.unwrap();
    let mut conn = crate::sql::Conn::Sqlite(conn);
    let sql = "SELECT connection, data_key FROM credentials
               UNION ALL SELECT 'probe', value FROM house WHERE name = 'probe-key'";
    let rows: Vec<(String, Vec<u8>)> = query_as(sql).fetch_all(&mut conn).await.unwrap();
    assert_eq!(rows.len(), 2);
    for (owner, data_key) in rows {
        let plain = sealer.unwrap(&owner, &data_key).await.unwrap().0;
        let old = wrap_unnamed(&[7; 32], &owner, &plain);
        let update = match owner.as_str() {
            "probe" => query("UPDATE house SET value = $1 WHERE name = 'probe-key'"),
            _ => query("UPDATE credentials SET data_key = $1"),
        };
        update.bind(old).execute(&mut conn).await.unwrap();
    }
    query("DELETE FROM house WHERE name = 'sealing-key' OR name LIKE 'ring:%'").execute(&mut conn).await.unwrap();
    conn.close().await.unwrap();
}

#[tokio::test]
async fn a_store_from_before_there_was_a_ring_opens_and_is_rotated() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("master.key");
    std::fs::write(&file, [7; 32]).unwrap();
    let credential = Credential { scheme: "bearer".to_owned(), inputs: [("token".to_owned(), "t".to_owned())].into() };
    let kept = Credentials::from([("api".to_owned(), credential)]);
    let store = open(dir.path(), &file).await;
    store.insert(&connection(), &kept, &[]).await.unwrap();
    store.close().await;
    make_old(dir.path()).await;
    let place = Place::Dir(dir.path().to_owned());
    let status = secrets_status(&place, &keys(&file)).await.unwrap();
    assert_eq!((status.keys[0].data_keys, status.unreadable, status.processes), (2, 0, (0, 0)), "{status:?}");
    let store = open(dir.path(), &file).await;
    assert!(store.credentials(&"c".into()).await.unwrap() == kept);
    // A person who rotates wants another key, though nothing said which one it was under.
    let done = rotate_secrets(&place, &keys(&file), Rotate::default(), |_| {}).await.unwrap();
    assert_eq!((done.resumed, done.rewrapped), (false, 1));
    assert!(store.credentials(&"c".into()).await.unwrap() == kept);
    store.close().await;
    make_sure(&place, &file, dir.path(), &kept).await;
}

async fn make_sure(place: &Place, file: &Path, dir: &Path, kept: &Credentials) {
    let status = secrets_status(place, &keys(file)).await.unwrap();
    assert_eq!((status.keys[0].data_keys, status.keys[1].data_keys, status.unreadable), (2, 0, 0), "{status:?}");
    assert!(open(dir, file).await.credentials(&"c".into()).await.unwrap() == *kept);
}
