//! Sessions that hosts remember together: what ended has ended for all of them, and nobody but those who know the store
//! makes one.

use crate::caches::{options, server};
use crate::ports::{self, Ports, at};
use async_trait::async_trait;
use opssight_backends::{LocalCache, RedisCache, SharedSessions, SystemClock, SystemRandomness};
use opssight_core::cache::{Cache, CacheError};
use opssight_core::error::StoreError;
use opssight_core::id::PersonId;
use opssight_core::identity::{IdentityStore, PersonPatch, Role, SecretHash, Session};
use opssight_core::time::Timestamp;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;

const KEY: &[u8] = b"of all who work on the store";
const LONG: Duration = Duration::from_secs(600);

fn in_this_process() -> Arc<LocalCache> {
    Arc::new(LocalCache::new(Arc::new(SystemClock), Arc::new(SystemRandomness)))
}

async fn with(cache: Arc<dyn Cache>) -> Ports {
    let mut ports = ports::sqlite().await;
    ports.identity = Arc::new(SharedSessions::new(ports.identity, cache, KEY));
    ports
}

pub(crate) async fn local() -> Ports {
    with(in_this_process()).await
}

pub(crate) async fn redis() -> Ports {
    with(Arc::new(RedisCache::open(options(&server())).await.unwrap())).await
}

fn session(token: &str, role: Role) -> Session {
    let (token, label) = (SecretHash::of(token), "laptop".to_owned());
    Session { token, label, owner: None, role, created_at: at(0), expires_at: at(10_000) }
}

fn place(token: &str) -> String {
    format!("session:{}", SecretHash::of(token).0)
}

/// A store that counts how often it is asked for a session, and lets whoever asks wait with the answer in hand.
struct Slow {
    store: Arc<dyn IdentityStore>,
    asked: AtomicU32,
    go: Semaphore,
    /// Nothing can be changed in it just now.
    fails: AtomicBool,
}

impl Slow {
    fn of(store: &Arc<dyn IdentityStore>, at_once: usize) -> Arc<Self> {
        Arc::new(Self {
            store: Arc::clone(store),
            asked: AtomicU32::new(0),
            go: Semaphore::new(at_once),
            fails: AtomicBool::new(false),
        })
    }
}

#[async_trait]
impl IdentityStore for Slow {
    async fn bootstrap(&self, admin: &SecretHash, now: Timestamp) -> Result<bool, StoreError> {
        self.store.bootstrap(admin, now).await
    }
    async fn reset(&self, admin: &SecretHash, now: Timestamp) -> Result<(), StoreError> {
        self.store.reset(admin, now).await
    }
    async fn is_admin(&self, secret: &SecretHash) -> Result<bool, StoreError> {
        self.store.is_admin(secret).await
    }
    async fn insert_session(&self, session: &Session, now: Timestamp) -> Result<(), StoreError> {
        self.store.insert_session(session, now).await
    }
    async fn session(&self, token: &SecretHash, now: Timestamp) -> Result<Option<Session>, StoreError> {
        let found = self.store.session(token, now).await;
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.go.acquire().await.unwrap().forget();
        found
    }
    async fn delete_session(&self, token: &SecretHash) -> Result<(), StoreError> {
        if self.fails.load(Ordering::SeqCst) {
            return Err(StoreError::new("end the session", "it is away"));
        }
        self.store.delete_session(token).await
    }
    async fn sessions(&self, owner: Option<&PersonId>, now: Timestamp) -> Result<Vec<Session>, StoreError> {
        self.store.sessions(owner, now).await
    }
}

/// Two hosts on one store and one Redis.
async fn two(ports: &Ports) -> [SharedSessions; 2] {
    let options = options(&server());
    let open = async || {
        let redis = Arc::new(RedisCache::open(options.clone()).await.unwrap());
        SharedSessions::new(Arc::clone(&ports.identity), redis, KEY)
    };
    [open().await, open().await]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_ends_at_one_host_has_ended_at_the_other() {
    let ports = ports::sqlite().await;
    let [one, other] = two(&ports).await;
    for n in 0..20 {
        let session = session(&format!("t{n}"), Role::Admin);
        one.insert_session(&session, at(0)).await.unwrap();
        for host in [&one, &other, &one] {
            assert_eq!(host.session(&session.token, at(1)).await.unwrap().as_ref(), Some(&session));
        }
        one.delete_session(&session.token).await.unwrap();
        assert_eq!(other.session(&session.token, at(2)).await.unwrap(), None);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_somebody_may_changes_at_one_host_and_has_changed_at_the_other() {
    let ports = ports::sqlite().await;
    let [one, other] = two(&ports).await;
    let ada = crate::identity::joined(&ports, "per_1", "ada@example.com").await;
    let session = crate::identity::session_of(&ada, "t");
    one.insert_session(&session, at(0)).await.unwrap();
    for host in [&one, &other] {
        assert_eq!(host.session(&session.token, at(1)).await.unwrap().as_ref(), Some(&session));
    }
    let changed = async |patch: PersonPatch| {
        let theirs = ports.people.change_person(&ada.id, &patch).await.unwrap().unwrap();
        one.forget_sessions(&theirs).await;
        other.session(&session.token, at(2)).await.unwrap().map(|session| session.role)
    };
    assert_eq!(changed(PersonPatch { role: Some(Role::Viewer), ..PersonPatch::default() }).await, Some(Role::Viewer));
    assert_eq!(changed(PersonPatch { suspended: Some(true), ..PersonPatch::default() }).await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_store_is_asked_once_for_many_requests() {
    let (ports, cache) = (ports::sqlite().await, in_this_process());
    let store = Slow::of(&ports.identity, 100);
    let sessions = SharedSessions::new(store.clone(), cache, KEY);
    let session = session("t", Role::Viewer);
    sessions.insert_session(&session, at(0)).await.unwrap();
    for _ in 0..50 {
        assert_eq!(sessions.session(&session.token, at(1)).await.unwrap().as_ref(), Some(&session));
    }
    assert_eq!(store.asked.load(Ordering::SeqCst), 1);
    // What is not there is no session, however often it is asked for.
    for _ in 0..3 {
        assert_eq!(sessions.session(&SecretHash::of("guessed"), at(1)).await.unwrap(), None);
    }
    // Remembered or not, it expires.
    assert_eq!(sessions.session(&session.token, at(10_000)).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_looked_one_up_before_it_ended_does_not_bring_it_back() {
    let (ports, cache) = (ports::sqlite().await, in_this_process());
    let session = session("t", Role::Admin);
    ports.identity.insert_session(&session, at(0)).await.unwrap();
    let store = Slow::of(&ports.identity, 0);
    let slow = Arc::new(SharedSessions::new(store.clone(), cache.clone(), KEY));
    let quick = SharedSessions::new(Arc::clone(&ports.identity), cache.clone(), KEY);
    let asking = tokio::spawn({
        let (slow, token) = (Arc::clone(&slow), session.token.clone());
        async move { slow.session(&token, at(1)).await.unwrap() }
    });
    while store.asked.load(Ordering::SeqCst) == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    quick.delete_session(&session.token).await.unwrap();
    store.go.add_permits(100);
    assert!(asking.await.unwrap().is_some(), "it was there when it was asked for");
    for sessions in [&*slow, &quick] {
        assert_eq!(sessions.session(&session.token, at(1)).await.unwrap(), None);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_somebody_else_wrote_into_the_cache_is_no_session() {
    let (ports, cache) = (ports::sqlite().await, in_this_process());
    let sessions = SharedSessions::new(Arc::clone(&ports.identity), cache.clone(), KEY);
    let viewer = session("viewer", Role::Viewer);
    sessions.insert_session(&viewer, at(0)).await.unwrap();
    assert!(sessions.session(&viewer.token, at(1)).await.unwrap().is_some());
    let genuine = cache.get(&place("viewer")).await.unwrap().unwrap();
    let text = String::from_utf8(genuine[32..].to_vec()).unwrap();
    let promoted = [&genuine[..32], text.replace("viewer", "admin").as_bytes()].concat();
    assert_ne!(promoted, genuine);
    let by_another_key = {
        let cache = in_this_process();
        let forger = SharedSessions::new(Arc::clone(&ports.identity), cache.clone(), b"another");
        forger.session(&viewer.token, at(1)).await.unwrap();
        cache.get(&place("viewer")).await.unwrap().unwrap()
    };
    // For a token that the store does not know, whatever stands there.
    for bytes in [genuine.clone(), promoted.clone(), by_another_key.clone(), b"".to_vec(), vec![0; 40]] {
        cache.put(&place("intruder"), &bytes, LONG).await.unwrap();
        assert_eq!(sessions.session(&SecretHash::of("intruder"), at(1)).await.unwrap(), None);
    }
    for bytes in [promoted, by_another_key, b"ends".to_vec()] {
        cache.put(&place("viewer"), &bytes, LONG).await.unwrap();
        assert_eq!(sessions.session(&viewer.token, at(1)).await.unwrap(), Some(viewer.clone()));
    }
    // Kept aside, and put back after it ended.
    sessions.delete_session(&viewer.token).await.unwrap();
    cache.put(&place("viewer"), &genuine, LONG).await.unwrap();
    assert_eq!(sessions.session(&viewer.token, at(62)).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_clock_remembered_that_was_ahead_is_not_believed_for_longer() {
    let (ports, cache) = (ports::sqlite().await, in_this_process());
    let sessions = SharedSessions::new(Arc::clone(&ports.identity), cache.clone(), KEY);
    let session = session("t", Role::Admin);
    sessions.insert_session(&session, at(0)).await.unwrap();
    assert!(sessions.session(&session.token, at(3_600)).await.unwrap().is_some());
    let kept = cache.get(&place("t")).await.unwrap().unwrap();
    sessions.delete_session(&session.token).await.unwrap();
    cache.put(&place("t"), &kept, LONG).await.unwrap();
    for now in [0, 1, 3_539, 3_661] {
        assert_eq!(sessions.session(&session.token, at(now)).await.unwrap(), None, "{now}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_the_store_could_not_end_is_there_and_can_be_ended_again() {
    let (ports, cache) = (ports::sqlite().await, in_this_process());
    let store = Slow::of(&ports.identity, 100);
    let sessions = SharedSessions::new(store.clone(), cache, KEY);
    let session = session("t", Role::Admin);
    sessions.insert_session(&session, at(0)).await.unwrap();
    assert!(sessions.session(&session.token, at(1)).await.unwrap().is_some());
    store.fails.store(true, Ordering::SeqCst);
    sessions.delete_session(&session.token).await.unwrap_err();
    assert_eq!(
        sessions.session(&session.token, at(2)).await.unwrap().as_ref(),
        Some(&session),
        "nobody was told it ended"
    );
    store.fails.store(false, Ordering::SeqCst);
    sessions.delete_session(&session.token).await.unwrap();
    assert_eq!(sessions.session(&session.token, at(3)).await.unwrap(), None);
}

/// One that may be away.
struct Flaky {
    cache: Arc<LocalCache>,
    away: AtomicBool,
}

impl Flaky {
    fn there(&self) -> Result<&LocalCache, CacheError> {
        if self.away.load(Ordering::SeqCst) { Err(CacheError("away".to_owned())) } else { Ok(&self.cache) }
    }
}

#[async_trait]
impl Cache for Flaky {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, CacheError> {
        self.there()?.get(key).await
    }
    async fn put(&self, key: &str, value: &[u8], ttl: Duration) -> Result<(), CacheError> {
        self.there()?.put(key, value, ttl).await
    }
    async fn put_if_absent(&self, key: &str, value: &[u8], ttl: Duration) -> Result<bool, CacheError> {
        self.there()?.put_if_absent(key, value, ttl).await
    }
    async fn delete(&self, key: &str) -> Result<bool, CacheError> {
        self.there()?.delete(key).await
    }
    async fn delete_if(&self, key: &str, value: &[u8]) -> Result<bool, CacheError> {
        self.there()?.delete_if(key, value).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_cache_the_store_knows() {
    let ports = ports::sqlite().await;
    let cache = Arc::new(Flaky { cache: in_this_process(), away: AtomicBool::new(true) });
    let sessions = SharedSessions::new(Arc::clone(&ports.identity), cache.clone(), KEY);
    let session = session("t", Role::Admin);
    sessions.insert_session(&session, at(0)).await.unwrap();
    assert_eq!(sessions.session(&session.token, at(1)).await.unwrap().as_ref(), Some(&session));
    sessions.delete_session(&session.token).await.unwrap();
    assert_eq!(sessions.session(&session.token, at(1)).await.unwrap(), None);
    cache.away.store(false, Ordering::SeqCst);
    assert_eq!(sessions.session(&session.token, at(1)).await.unwrap(), None);
}
