//! The port of identity.

use crate::ports::{Ports, at};
use opssight_core::id::PersonId;
use opssight_core::identity::{ApiKey, Invitation, Owner, Person, PersonPatch, Role, SecretHash, Session};

fn hash(text: &str) -> SecretHash {
    SecretHash::of(text)
}

fn session(token: &str, role: Role, until: i64) -> Session {
    let (token, label) = (hash(token), "laptop".to_owned());
    Session { token, label, owner: None, role, created_at: at(0), expires_at: at(until) }
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

fn invitation(id: &str, email: &str, until: i64) -> Invitation {
    Invitation {
        id: id.into(),
        email: email.to_owned(),
        role: Role::Operator,
        created_at: at(0),
        created_by: "admin".to_owned(),
        expires_at: at(until),
    }
}

fn person(id: &str, email: &str) -> Person {
    Person {
        id: id.into(),
        email: email.to_owned(),
        name: "Ada".to_owned(),
        role: Role::Operator,
        suspended: false,
        created_at: at(5),
        signed_in_at: None,
    }
}

/// Somebody who joined.
pub(crate) async fn joined(ports: &Ports, id: &str, email: &str) -> Person {
    let invitation = invitation(&format!("inv_{id}"), email, 100);
    assert!(ports.people.invite(&invitation, &hash(email)).await.unwrap());
    let person = person(id, email);
    assert!(ports.people.join(&invitation.id, &person, "kept").await.unwrap());
    person
}

pub(crate) fn session_of(person: &Person, token: &str) -> Session {
    let owner = Some(Owner { id: person.id.clone(), email: person.email.clone() });
    Session { owner, role: person.role, created_at: at(6), ..session(token, Role::Admin, 100) }
}

pub(crate) async fn an_invitation_is_used_once_and_only_the_last_one_of_an_address(ports: Ports) {
    let people = &ports.people;
    let (first, second) = (invitation("inv_1", "ada@example.com", 50), invitation("inv_2", "ada@example.com", 100));
    assert!(people.invite(&first, &hash("first")).await.unwrap());
    assert!(people.invite(&second, &hash("second")).await.unwrap());
    assert_eq!(people.invitation(&hash("first"), at(1)).await.unwrap(), None);
    assert_eq!(people.invitation(&hash("second"), at(99)).await.unwrap(), Some(second.clone()));
    assert_eq!(people.invitation(&hash("second"), at(100)).await.unwrap(), None);
    assert_eq!(people.invitations(at(99)).await.unwrap(), std::slice::from_ref(&second));
    assert!(people.invitations(at(100)).await.unwrap().is_empty());
    let ada = person("per_1", "ada@example.com");
    assert!(!people.join(&first.id, &ada, "kept").await.unwrap());
    assert!(people.join(&second.id, &ada, "kept").await.unwrap());
    assert!(!people.join(&second.id, &person("per_2", "ada@example.com"), "other").await.unwrap());
    assert_eq!(people.person_by_email("ada@example.com").await.unwrap(), Some((ada.clone(), Some("kept".to_owned()))));
    assert_eq!(people.people().await.unwrap(), [ada]);
    // Whoever has an account is not invited; an invitation that was taken back is nobody's.
    assert!(!people.invite(&invitation("inv_3", "ada@example.com", 100), &hash("third")).await.unwrap());
    let bob = invitation("inv_4", "bob@example.com", 100);
    assert!(people.invite(&bob, &hash("fourth")).await.unwrap());
    assert!(people.withdraw(&bob.id).await.unwrap());
    assert!(!people.withdraw(&bob.id).await.unwrap());
    assert!(!people.join(&bob.id, &person("per_3", "bob@example.com"), "kept").await.unwrap());
}

pub(crate) async fn what_somebody_may_is_theirs_at_every_moment(ports: Ports) {
    let (people, identity) = (&ports.people, &ports.identity);
    let ada = joined(&ports, "per_1", "ada@example.com").await;
    let bob = joined(&ports, "per_2", "bob@example.com").await;
    for (person, token) in [(&ada, "a1"), (&ada, "a2"), (&bob, "b")] {
        assert!(people.begin_session(&session_of(person, token), "kept", at(7)).await.unwrap());
    }
    identity.insert_session(&session("secret", Role::Admin, 100), at(8)).await.unwrap();
    assert_eq!(people.person(&ada.id).await.unwrap().unwrap().signed_in_at, Some(at(7)));
    let role_of = async |token: &str| identity.session(&hash(token), at(9)).await.unwrap().map(|session| session.role);
    let tokens = async |owner: Option<&PersonId>| {
        let mut tokens: Vec<_> =
            identity.sessions(owner, at(9)).await.unwrap().into_iter().map(|s| s.token.0).collect();
        tokens.sort();
        tokens
    };
    let mut theirs = vec![hash("a1").0, hash("a2").0];
    theirs.sort();
    assert_eq!(tokens(Some(&ada.id)).await, theirs);
    assert_eq!(tokens(None).await, [hash("secret").0]);

    let patch = PersonPatch { role: Some(Role::Viewer), ..PersonPatch::default() };
    let ended = people.change_person(&ada.id, &patch).await.unwrap().unwrap();
    assert_eq!(ended.len(), 2);
    assert_eq!((role_of("a1").await, role_of("b").await), (Some(Role::Viewer), Some(Role::Operator)));
    let patch = PersonPatch { suspended: Some(true), ..PersonPatch::default() };
    people.change_person(&ada.id, &patch).await.unwrap().unwrap();
    assert_eq!((role_of("a1").await, role_of("secret").await), (None, Some(Role::Admin)));
    assert!(!people.begin_session(&session_of(&ada, "a3"), "kept", at(9)).await.unwrap(), "they may not sign in");
    let patch = PersonPatch { suspended: Some(false), name: Some("Countess".to_owned()), role: None };
    people.change_person(&ada.id, &patch).await.unwrap().unwrap();
    assert_eq!(role_of("a1").await, None, "what they had is not theirs again");
    for token in ["a4", "a5"] {
        assert!(people.begin_session(&session_of(&ada, token), "kept", at(9)).await.unwrap());
    }
    assert_eq!(role_of("a4").await, Some(Role::Viewer));
    assert_eq!(people.person(&ada.id).await.unwrap().unwrap().name, "Countess");

    // Another password ends all sessions but the one that asked.
    assert_eq!(people.set_password(&ada.id, ("another", "new"), &hash("a5")).await.unwrap(), None);
    let ended = people.set_password(&ada.id, ("kept", "new"), &hash("a5")).await.unwrap();
    assert_eq!(ended, Some(vec![hash("a4")]));
    assert_eq!((role_of("a4").await, role_of("a5").await), (None, Some(Role::Viewer)));
    assert!(
        !people.begin_session(&session_of(&ada, "a6"), "kept", at(9)).await.unwrap(),
        "that was the password before"
    );
    assert_eq!(people.person_by_email("ada@example.com").await.unwrap().unwrap().1, Some("new".to_owned()));
    assert_eq!(people.remove_person(&ada.id).await.unwrap(), Some(vec![hash("a5")]));
    assert_eq!(people.remove_person(&ada.id).await.unwrap(), None);
    assert_eq!(people.change_person(&ada.id, &PersonPatch::default()).await.unwrap(), None);
    assert_eq!((role_of("a5").await, role_of("b").await), (None, Some(Role::Operator)));
}

pub(crate) async fn attempts_are_counted_and_have_to_wait(ports: Ports) {
    let attempts = &ports.attempts;
    let (ada, bob) = (hash("ada@example.com"), hash("bob@example.com"));
    for _ in 0..5 {
        assert_eq!(attempts.attempt(&ada, at(0)).await.unwrap(), Ok(()));
    }
    assert_eq!(attempts.attempt(&ada, at(0)).await.unwrap(), Err(at(1)));
    assert_eq!(attempts.attempt(&ada, at(0)).await.unwrap(), Err(at(1)), "one that is refused is not counted");
    assert_eq!(attempts.attempt(&bob, at(0)).await.unwrap(), Ok(()), "others do not wait");
    assert_eq!(attempts.attempt(&ada, at(1)).await.unwrap(), Ok(()));
    assert_eq!(attempts.attempt(&ada, at(2)).await.unwrap(), Err(at(3)), "it waits longer each time");
    attempts.succeeded(&ada).await.unwrap();
    assert_eq!(attempts.attempt(&ada, at(2)).await.unwrap(), Ok(()));
    // Many at once are no more than one after the other.
    let eve = hash("eve@example.com");
    let many = futures::future::join_all((0..40).map(|_| attempts.attempt(&eve, at(10)))).await;
    assert_eq!(many.into_iter().filter(|attempt| matches!(attempt, Ok(Ok(())))).count(), 5);
}
