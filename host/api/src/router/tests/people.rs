//! People: invited, joined, changed, removed; their passwords and sessions.

use crate::testing::{World, json, problem};
use axum::body::Body;
use axum::http::{Method, Request, Response};
use opssight_core::time::Clock;
use serde_json::{Value, json as value};
use std::sync::atomic::Ordering;

const PASSWORD: &str = "tide-marble-oyster";

async fn send(world: &World, token: Option<&str>, method: Method, path: &str, body: Value) -> Response<Body> {
    let mut request = Request::builder().method(method).uri(path).header("content-type", "application/json");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    world.send(request.body(Body::from(body.to_string())).unwrap()).await
}

async fn invite(world: &World, email: &str, role: &str) -> String {
    let admin = world.token().await;
    let made = send(world, Some(&admin), Method::POST, "/api/v1/invitations", value!({ "email": email, "role": role }));
    let made = made.await;
    assert_eq!(made.status(), 201);
    json(made).await["token"].as_str().unwrap().to_owned()
}

/// Somebody who joined; the token of their session.
async fn join(world: &World, email: &str, role: &str) -> String {
    let token = invite(world, email, role).await;
    let body = value!({ "token": token, "name": "Ada", "password": PASSWORD });
    let joined = send(world, None, Method::POST, "/api/v1/invitations/join", body).await;
    assert_eq!(joined.status(), 201);
    json(joined).await["token"].as_str().unwrap().to_owned()
}

async fn sign_in(world: &World, email: &str, password: &str) -> Response<Body> {
    send(world, None, Method::POST, "/api/v1/sessions", value!({ "email": email, "password": password })).await
}

async fn me(world: &World, token: &str) -> Response<Body> {
    send(world, Some(token), Method::GET, "/api/v1/me", Value::Null).await
}

async fn person_of(world: &World, token: &str) -> String {
    json(me(world, token).await).await["person"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn somebody_is_invited_joins_signs_in_and_is_named() {
    let world = World::new();
    let token = invite(&world, " Ada@Example.com", "operator").await;
    let shown = send(&world, None, Method::POST, "/api/v1/invitations/show", value!({ "token": token })).await;
    assert_eq!(shown.headers()["cache-control"], "no-store");
    let shown = json(shown).await;
    assert_eq!((shown["email"].as_str(), shown["created_by"].as_str()), (Some("ada@example.com"), Some("admin")));

    let joins = async |name: &str, password: &str| {
        let body = value!({ "token": token, "name": name, "password": password });
        send(&world, None, Method::POST, "/api/v1/invitations/join", body).await
    };
    for (name, password, at) in [("", PASSWORD, "/name"), ("Ada", "short", "/password")] {
        let (status, told) = problem(joins(name, password).await).await;
        assert_eq!((status, told["fields"][0]["at"].as_str()), (400, Some(at)), "{told}");
    }
    let joined = joins("Ada", PASSWORD).await;
    assert!(joined.headers()["set-cookie"].to_str().unwrap().contains("HttpOnly"));
    let session = json(joined).await["token"].as_str().unwrap().to_owned();
    let who = json(me(&world, &session).await).await;
    assert_eq!((who["name"].as_str(), who["role"].as_str()), (Some("ada@example.com"), Some("operator")));
    let (status, told) = problem(joins("Eve", PASSWORD).await).await;
    assert_eq!((status, told["code"].as_str()), (404, Some("bad-invitation")), "it was used");

    assert_eq!(sign_in(&world, "ADA@example.com", PASSWORD).await.status(), 201);
    let listed = json(send(&world, Some(&session), Method::GET, "/api/v1/people", Value::Null).await).await;
    assert_eq!(listed["items"][0]["email"], "ada@example.com");
    assert!(!listed.to_string().contains(PASSWORD));
    let admin = world.token().await;
    let again = value!({ "email": "ada@example.com", "role": "viewer" });
    let (status, told) = problem(send(&world, Some(&admin), Method::POST, "/api/v1/invitations", again).await).await;
    assert_eq!((status, told["code"].as_str()), (409, Some("has-account")), "{told}");
}

#[tokio::test]
async fn nobody_learns_who_has_an_account_and_guessing_has_to_wait() {
    let world = World::new();
    join(&world, "ada@example.com", "viewer").await;
    for email in ["ada@example.com", "nobody@example.com", "no address"] {
        let mut told = Vec::new();
        for _ in 0..7 {
            let response = sign_in(&world, email, "a wrong password").await;
            let retry = response.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
            let (status, problem) = problem(response).await;
            told.push((status, problem["code"].clone(), problem["detail"].clone(), retry));
        }
        assert!(told[..5].iter().all(|(status, code, ..)| *status == 401 && code == "wrong-password"), "{told:?}");
        assert!(
            told[5..].iter().all(|(status, code, _, retry)| {
                *status == 429 && code == "tried-too-often" && retry.as_deref() == Some("1")
            }),
            "{told:?}"
        );
        assert!(!format!("{told:?}").contains(email));
    }
    // Also with the right one, or guessing would go on.
    assert_eq!(sign_in(&world, "ada@example.com", PASSWORD).await.status(), 429);
    world.stubs.now.store(world.stubs.now().plus_secs(1).0, Ordering::SeqCst);
    assert_eq!(sign_in(&world, "ada@example.com", PASSWORD).await.status(), 201);
    assert_eq!(sign_in(&world, "ada@example.com", "a wrong password").await.status(), 401, "it begins anew");
    for body in [value!({}), value!({ "email": "a@b" }), value!({ "secret": "s", "email": "a@b", "password": "p" })] {
        let (status, told) = problem(send(&world, None, Method::POST, "/api/v1/sessions", body).await).await;
        assert_eq!((status, told["code"].as_str()), (400, Some("how-to-sign-in")));
    }
}

#[tokio::test]
async fn what_somebody_may_holds_from_their_next_request_on() {
    let world = World::new();
    let (ada, admin) = (join(&world, "ada@example.com", "operator").await, world.token().await);
    let at = format!("/api/v1/people/{}", person_of(&world, &ada).await);
    let change = async |by: &str, body: Value| send(&world, Some(by), Method::PATCH, &at, body).await;
    let sync = async || send(&world, Some(&ada), Method::POST, "/api/v1/connections/github-1/sync", Value::Null).await;
    assert_eq!(sync().await.status(), 202);
    assert_eq!(change(&ada, value!({ "role": "admin" })).await.status(), 403, "nobody promotes themselves");
    assert_eq!(json(change(&admin, value!({ "role": "viewer" })).await).await["role"], "viewer");
    assert_eq!(sync().await.status(), 403);
    assert_eq!(change(&admin, value!({ "suspended": true })).await.status(), 200);
    assert_eq!(me(&world, &ada).await.status(), 401);
    assert_eq!(sign_in(&world, "ada@example.com", PASSWORD).await.status(), 401);
    assert_eq!(change(&admin, value!({ "suspended": false, "name": "Countess" })).await.status(), 200);
    assert_eq!(sign_in(&world, "ada@example.com", PASSWORD).await.status(), 201);
    assert_eq!(change(&admin, value!({ "role": "owner" })).await.status(), 400);
    assert_eq!(
        change(&admin, value!({ "email": "eve@example.com" })).await.status(),
        400,
        "an address is who they are"
    );
    assert_eq!(send(&world, Some(&admin), Method::DELETE, &at, Value::Null).await.status(), 204);
    assert_eq!(send(&world, Some(&admin), Method::DELETE, &at, Value::Null).await.status(), 404);
    assert_eq!(sign_in(&world, "ada@example.com", PASSWORD).await.status(), 401);
}

#[tokio::test]
async fn sessions_are_listed_and_ended_by_their_owner_only() {
    let world = World::new();
    let ada = join(&world, "ada@example.com", "viewer").await;
    let bob = join(&world, "bob@example.com", "admin").await;
    let second = json(sign_in(&world, "ada@example.com", PASSWORD).await).await["token"].as_str().unwrap().to_owned();
    let list = async |token: &str| {
        let listed = json(send(&world, Some(token), Method::GET, "/api/v1/sessions", Value::Null).await).await;
        listed["items"].as_array().unwrap().clone()
    };
    let sessions = list(&ada).await;
    assert_eq!(sessions.len(), 2);
    assert_eq!(sessions.iter().filter(|session| session["current"] == true).count(), 1);
    let other = sessions.iter().find(|session| session["current"] == false).unwrap();
    let at = format!("/api/v1/sessions/{}", other["id"].as_str().unwrap());
    let end = async |token: &str| send(&world, Some(token), Method::DELETE, &at, Value::Null).await;
    assert_eq!(end(&bob).await.status(), 404, "not even an admin ends somebody's by its id");
    assert_eq!(end(&ada).await.status(), 204);
    assert_eq!(me(&world, &second).await.status(), 401);
    assert_eq!(end(&ada).await.status(), 404);
    // What names a session opens nothing.
    let id = list(&ada).await[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(me(&world, &id).await.status(), 401);
}

#[tokio::test]
async fn a_password_is_changed_by_whoever_knows_it_and_ends_other_sessions() {
    let world = World::new();
    let ada = join(&world, "ada@example.com", "viewer").await;
    let second = json(sign_in(&world, "ada@example.com", PASSWORD).await).await["token"].as_str().unwrap().to_owned();
    let change = async |token: &str, current: &str, new: &str| {
        send(&world, Some(token), Method::PUT, "/api/v1/me/password", value!({ "current": current, "new": new })).await
    };
    for (current, new, at) in [("a wrong password", "lamp-oyster-tide", "/current"), (PASSWORD, "short", "/new")] {
        let (status, told) = problem(change(&ada, current, new).await).await;
        assert_eq!((status, told["fields"][0]["at"].as_str()), (400, Some(at)), "{told}");
    }
    assert_eq!(change(&ada, PASSWORD, "lamp-oyster-tide").await.status(), 204);
    assert_eq!((me(&world, &ada).await.status().as_u16(), me(&world, &second).await.status().as_u16()), (200, 401));
    assert_eq!(sign_in(&world, "ada@example.com", PASSWORD).await.status(), 401);
    assert_eq!(sign_in(&world, "ada@example.com", "lamp-oyster-tide").await.status(), 201);
    let admin = world.token().await;
    assert_eq!(change(&admin, "a", "lamp-oyster-tide").await.status(), 409, "the secret is nobody's");
    // A stolen session does not find the password out.
    for _ in 0..5 {
        change(&ada, "a wrong password", "lamp-oyster-tide").await;
    }
    assert_eq!(change(&ada, "lamp-oyster-tide", PASSWORD).await.status(), 429);
}
