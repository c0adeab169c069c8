//! The port of identity.

use crate::ports::{Ports, at};
use opssight_core::identity::{ApiKey, Role, SecretHash, Session};

fn hash(text: &str) -> SecretHash {
    SecretHash::of(text)
}

fn session(token: &str, role: Role, until: i64) -> Session {
    Session { token: hash(token), label: "laptop".to_owned(), role, expires_at: at(until) }
}

pub(crate) async fn the_first_secret_stays_until_reset(ports: Ports) {
    let identity = &ports.identity;
    assert!(identity.bootstrap(&hash("one"), at(0)).await.unwrap());
    assert!(!identity.bootstrap(&hash("two"), at(1)).await.unwrap());
    assert!(identity.is_admin(&hash("one")).await.unwrap());
    assert!(!identity.is_admin(&hash("two")).await.unwrap());
    let session = session("t", Role::Admin, 100);
    identity.insert_session(&session, at(0)).await.unwrap();
    identity.reset(&hash("three"), at(2)).await.unwrap();
    assert!(!identity.is_admin(&hash("one")).await.unwrap());
    assert!(identity.is_admin(&hash("three")).await.unwrap());
    assert_eq!(identity.session(&hash("t"), at(3)).await.unwrap(), None);
}

pub(crate) async fn sessions_expire_and_end(ports: Ports) {
    let identity = &ports.identity;
    let session = session("t", Role::Viewer, 100);
    identity.insert_session(&session, at(0)).await.unwrap();
    assert_eq!(identity.session(&hash("t"), at(99)).await.unwrap(), Some(session));
    assert_eq!(identity.session(&hash("t"), at(100)).await.unwrap(), None);
    let other = crate::identity::session("u", Role::Admin, 300);
    identity.insert_session(&other, at(200)).await.unwrap();
    identity.delete_session(&hash("u")).await.unwrap();
    assert_eq!(identity.session(&hash("u"), at(201)).await.unwrap(), None);
}

fn key(name: &str, until: i64) -> ApiKey {
    ApiKey {
        id: format!("key_{name}").into(),
        name: name.to_owned(),
        role: Role::Operator,
        created_at: at(0),
        created_by: "admin".to_owned(),
        expires_at: at(until),
        last_used_at: None,
    }
}

pub(crate) async fn keys_are_found_by_their_secrets_until_they_are_revoked(ports: Ports) {
    let keys = &ports.keys;
    let (b, a) = (key("b", 100), key("a", 200));
    assert!(keys.insert_key(&b, &hash("of b")).await.unwrap());
    assert!(keys.insert_key(&a, &hash("of a")).await.unwrap());
    let same_name = ApiKey { id: "key_c".into(), ..key("b", 300) };
    assert!(!keys.insert_key(&same_name, &hash("of c")).await.unwrap());
    assert_eq!(keys.key_of(&hash("of c")).await.unwrap(), None);
    assert_eq!(keys.api_keys().await.unwrap(), [a.clone(), b.clone()]);
    // When it was last used goes forward only.
    keys.key_was_used(&b.id, at(20)).await.unwrap();
    keys.key_was_used(&b.id, at(10)).await.unwrap();
    let used = ApiKey { last_used_at: Some(at(20)), ..b.clone() };
    assert_eq!(keys.key_of(&hash("of b")).await.unwrap(), Some(used));
    // It is no session, and a reset of the admin's secret leaves it.
    assert_eq!(ports.identity.session(&hash("of b"), at(1)).await.unwrap(), None);
    ports.identity.reset(&hash("new"), at(30)).await.unwrap();
    assert!(keys.delete_key(&b.id).await.unwrap());
    assert!(!keys.delete_key(&b.id).await.unwrap());
    assert_eq!(keys.key_of(&hash("of b")).await.unwrap(), None);
    assert_eq!(keys.api_keys().await.unwrap(), [a]);
}
