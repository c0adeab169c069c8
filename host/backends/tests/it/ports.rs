//! Every port of one open backend, and the clock that the cases go by.

use crate::server::Database;
use futures::future::BoxFuture;
use opssight_backends::{
    FolderBlobs, KeyPlace, KeyRing, LocalBus, Packages, Place, Store, StoreOptions, SystemRandomness,
};
use opssight_core::connections::{Connection, ConnectionStore, Inserted};
use opssight_core::delivery::DeliveryStore;
use opssight_core::events::{Bus, EventLog, Relays};
use opssight_core::feeds::FeedStore;
use opssight_core::hooks::Inbox;
use opssight_core::id::{ConnectionId, DeliveryId};
use opssight_core::identity::{AttemptStore, IdentityStore, KeyStore, PeopleStore};
use opssight_core::ingest::{Effect, Ingest};
use opssight_core::items::Item;
use opssight_core::pipelines::RunStore;
use opssight_core::plugins::evidence::EvidenceStore;
use opssight_core::plugins::installs::{InstallStore, PackageStore};
use opssight_core::plugins::{CredentialSource, Credentials, PluginState};
use opssight_core::retention::Retention;
use opssight_core::time::Timestamp;
use opssight_core::timers::Timers;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// 2026-01-01, in milliseconds; cases count from here.
pub(crate) const DAY0: i64 = 1_767_225_600_000;

/// A moment, in seconds after [`DAY0`].
pub(crate) fn at(secs: i64) -> Timestamp {
    Timestamp::from_millis(DAY0 + secs * 1000)
}

type Dump = Box<dyn Fn() -> BoxFuture<'static, String> + Send + Sync>;

type Kill = Box<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>;

type Damage = Box<dyn Fn(&str) -> BoxFuture<'static, ()> + Send + Sync>;

pub(crate) struct Ports {
    pub(crate) inbox: Arc<dyn Inbox>,
    pub(crate) connections: Arc<dyn ConnectionStore>,
    pub(crate) credentials: Arc<dyn CredentialSource>,
    pub(crate) feeds: Arc<dyn FeedStore>,
    pub(crate) ingest: Arc<dyn Ingest>,
    pub(crate) events: Arc<dyn EventLog>,
    pub(crate) relays: Arc<dyn Relays>,
    pub(crate) identity: Arc<dyn IdentityStore>,
    pub(crate) keys: Arc<dyn KeyStore>,
    pub(crate) people: Arc<dyn PeopleStore>,
    pub(crate) attempts: Arc<dyn AttemptStore>,
    pub(crate) runs: Arc<dyn RunStore>,
    pub(crate) delivery: Arc<dyn DeliveryStore>,
    pub(crate) retention: Arc<dyn Retention>,
    pub(crate) timers: Arc<dyn Timers>,
    pub(crate) state: Arc<dyn PluginState>,
    pub(crate) installs: Arc<dyn InstallStore>,
    pub(crate) packages: Arc<dyn PackageStore>,
    pub(crate) evidence: Arc<dyn EvidenceStore>,
    pub(crate) bus: Arc<dyn Bus>,
    /// For those who work on it beside the process that has it open.
    pub(crate) place: Place,
    /// The file of its master keys.
    pub(crate) key_file: PathBuf,
    dump: Dump,
    damage: Damage,
    kill: Kill,
    /// What must live as long.
    _dir: TempDir,
    _database: Option<Database>,
}

pub(crate) fn options() -> StoreOptions {
    StoreOptions::new([7; 32], Arc::new(SystemRandomness), Arc::new(LocalBus::new()))
}

/// The ring of a file, which is made if it is not there.
pub(crate) fn ring(file: &Path) -> KeyRing {
    KeyRing::make_file(file, &SystemRandomness).unwrap();
    KeyRing::open(KeyPlace::File(file.to_owned()), Vec::new()).unwrap()
}

pub(crate) async fn open_at(dir: &Path) -> Arc<Store> {
    Store::open(dir, options()).await.unwrap()
}

/// An empty SQLite store in a directory of its own.
pub(crate) async fn sqlite() -> Ports {
    sqlite_in(tempfile::tempdir().unwrap()).await
}

/// The same where flushing costs nothing, if there is such a place.
pub(crate) async fn sqlite_in_memory() -> Ports {
    let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
    sqlite_in(dir.unwrap()).await
}

async fn sqlite_in(dir: TempDir) -> Ports {
    let bus: Arc<dyn Bus> = Arc::new(LocalBus::new());
    let key_file = dir.path().join("master.key");
    let options = StoreOptions { bus: Arc::clone(&bus), keys: ring(&key_file), ..options() };
    let store = Store::open(dir.path(), options).await.unwrap();
    let place = Place::Dir(dir.path().to_owned());
    let file = dir.path().join("opssight.sqlite");
    let damage: Damage = Box::new(move |id: &str| Box::pin(damage(file.clone(), id.to_owned())));
    // Whoever had the file open before is gone.
    Ports::of(store, bus, (place, key_file), dir, damage, Box::new(|| Box::pin(std::future::ready(()))))
}

/// An empty database of its own on a real PostgreSQL.
pub(crate) async fn postgres() -> Ports {
    let database = Database::create().await;
    let bus: Arc<dyn Bus> = Arc::new(LocalBus::new());
    let dir = tempfile::tempdir().unwrap();
    let key_file = dir.path().join("master.key");
    let options = StoreOptions { bus: Arc::clone(&bus), keys: ring(&key_file), ..options() };
    let store = Store::connect(&database.address, options).await.unwrap();
    let place = Place::Database(database.address.clone());
    let address = database.address.clone();
    let damage: Damage = Box::new(move |id: &str| Box::pin(damage_row(address.clone(), id.to_owned())));
    let address = database.address.clone();
    let kill: Kill = Box::new(move || Box::pin(forget_members(address.clone())));
    Ports { _database: Some(database), ..Ports::of(store, bus, (place, key_file), dir, damage, kill) }
}

impl Ports {
    fn of(
        store: Arc<Store>,
        bus: Arc<dyn Bus>,
        (place, key_file): (Place, PathBuf),
        dir: TempDir,
        damage: Damage,
        kill: Kill,
    ) -> Self {
        let dumped = Arc::clone(&store);
        Self {
            inbox: store.clone(),
            connections: store.clone(),
            credentials: store.clone(),
            feeds: store.clone(),
            ingest: store.clone(),
            events: store.clone(),
            relays: store.clone(),
            identity: store.clone(),
            keys: store.clone(),
            people: store.clone(),
            attempts: store.clone(),
            runs: store.clone(),
            delivery: store.clone(),
            retention: store.clone(),
            timers: store.clone(),
            state: store.clone(),
            installs: store.clone(),
            packages: Arc::new(Packages::near(Arc::new(FolderBlobs::open(dir.path()).unwrap()))),
            evidence: store,
            bus,
            place,
            key_file,
            dump: Box::new(move || {
                let store = Arc::clone(&dumped);
                Box::pin(async move { store.read_model_dump().await.unwrap() })
            }),
            damage,
            kill,
            _dir: dir,
            _database: None,
        }
    }
}

async fn forget_members(address: String) {
    let mut conn = sqlx::PgConnection::connect(&address).await.unwrap();
    sqlx::query("DELETE FROM members").execute(&mut conn).await.unwrap();
    conn.close().await.unwrap();
}

async fn damage_row(address: String, id: String) {
    let mut conn = sqlx::PgConnection::connect(&address).await.unwrap();
    let done = sqlx::query("UPDATE deliveries SET headers = '[[\"x-a' WHERE id = $1").bind(id).execute(&mut conn).await;
    assert_eq!(done.unwrap().rows_affected(), 1);
    conn.close().await.unwrap();
}

async fn damage(file: PathBuf, id: String) {
    let options = SqliteConnectOptions::new().filename(file).busy_timeout(Duration::from_secs(10));
    let mut conn = options.connect().await.unwrap();
    let done = sqlx::query("UPDATE deliveries SET headers = '[[\"x-a' WHERE id = $1").bind(id).execute(&mut conn).await;
    assert_eq!(done.unwrap().rows_affected(), 1);
    conn.close().await.unwrap();
}

pub(crate) fn connection(id: &str) -> Connection {
    Connection {
        id: ConnectionId::from(id),
        name: format!("the {id}"),
        plugin: "github".into(),
        digest: None,
        enabled: true,
        settings: Arc::new(serde_json::json!({"base_url": "https://api.github.com", "n": 1})),
        grants: Arc::default(),
        created_at: at(0),
        updated_at: at(0),
    }
}

impl Ports {
    /// Keep a connection with feeds and no credentials.
    pub(crate) async fn connect(&self, id: &str, feeds: &[&str]) -> Connection {
        let connection = connection(id);
        let feeds: Vec<String> = feeds.iter().map(|&feed| feed.to_owned()).collect();
        let inserted = self.connections.insert(&connection, &Credentials::new(), &feeds).await.unwrap();
        assert_eq!(inserted, Inserted::Kept);
        connection
    }

    pub(crate) async fn apply(&self, items: Vec<Item>) -> u32 {
        self.ingest.apply(effect(items)).await.unwrap().changed
    }

    /// Take in all events, some at a time.
    pub(crate) async fn follow_all(&self, limit: u32) {
        while self.delivery.follow(limit).await.unwrap() > 0 {}
    }

    /// Make the stored headers of a delivery unreadable, as a broken disk or a wrong hand would.
    pub(crate) async fn damage_headers(&self, delivery: &DeliveryId) {
        (self.damage)(delivery.as_str()).await;
    }

    /// As if the process that worked so far had been killed.
    pub(crate) async fn kill(&self) {
        (self.kill)().await;
    }

    pub(crate) async fn dump(&self) -> String {
        (self.dump)().await
    }
}

/// An effect through the connection "c".
pub(crate) fn effect(items: Vec<Item>) -> Effect {
    Effect { connection: "c".into(), items, state: Vec::new(), now: at(1_000_000) }
}
