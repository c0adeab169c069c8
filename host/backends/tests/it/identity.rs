//! The port of identity.

use crate::ports::{Ports, at};
use opssight_core::identity::{Role, SecretHash, Session};

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
