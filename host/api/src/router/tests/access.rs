//! Who gets in, and with what.

use crate::app::ApiConfig;
use crate::testing::{SECRET, World, json, problem};
use axum::body::Body;
use axum::http::{Method, Request};
use opssight_core::identity::Role;
use opssight_core::time::Clock;
use std::sync::atomic::Ordering;

fn request(method: Method, path: &str, headers: &[(&str, &str)]) -> Request<Body> {
    let request = Request::builder().method(method).uri(path);
    headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)).body(Body::empty()).unwrap()
}

/// Every operation that is not open to all: its method, its path, and one that a request can name.
fn guarded() -> Vec<(Method, String, String)> {
    let open = ["/healthz", "/readyz", "/api/v1/health", "/api/v1/version", "/hooks/{connection}"];
    let posted = ["/api/v1/sessions", "/api/v1/invitations/show", "/api/v1/invitations/join"];
    let mut guarded = Vec::new();
    for (path, item) in crate::openapi::openapi().paths.paths {
        let operations = [
            (Method::GET, item.get),
            (Method::POST, item.post),
            (Method::PUT, item.put),
            (Method::PATCH, item.patch),
            (Method::DELETE, item.delete),
        ];
        if open.contains(&path.as_str()) {
            continue;
        }
        let real = path.replace(['{', '}'], "");
        let is_open = |method: &Method| *method == Method::POST && posted.contains(&path.as_str());
        let there = operations.into_iter().filter(|(method, operation)| operation.is_some() && !is_open(method));
        guarded.extend(there.map(|(method, _)| (method, path.clone(), real.clone())));
    }
    guarded
}

#[tokio::test]
async fn everything_but_health_hooks_and_the_web_app_needs_a_session() {
    let world = World::new();
    assert!(guarded().len() > 25);
    for (method, path, real) in guarded() {
        let response = world.send(request(method.clone(), &real, &[])).await;
        assert_eq!(response.headers()["www-authenticate"], "Bearer realm=\"opssight\"");
        assert_eq!(problem(response).await.0, 401, "{method} {path}");
        let wrong = [("authorization", "Bearer opstok_0000")];
        assert_eq!(problem(world.send(request(method.clone(), &real, &wrong)).await).await.0, 401);
    }
    for path in ["/healthz", "/readyz", "/api/v1/health", "/api/v1/version", "/"] {
        assert_eq!(world.send(request(Method::GET, path, &[])).await.status(), 200, "{path}");
    }
}

/// What somebody of each role may not do is refused with what it would need; everything else is answered.
#[tokio::test]
async fn a_role_opens_what_it_is_for() {
    let world = World::new();
    let changes_connections = [(Method::POST, "/api/v1/connections"), (Method::DELETE, "/api/v1/connections/{id}")];
    let acts = [(Method::POST, "/api/v1/actions"), (Method::POST, "/api/v1/deliveries/{id}/replay")];
    let mut refused = Vec::new();
    for role in Role::ALL {
        let caller = world.session(role);
        let mut count = 0;
        for (method, path, real) in guarded().into_iter().filter(|(_, path, _)| path != "/api/v1/sessions/current") {
            let response = world.send(request(method.clone(), &real, &[("authorization", &caller)])).await;
            if response.status() != 403 {
                assert_ne!(response.status(), 401, "{method} {path}");
                continue;
            }
            let (_, told) = problem(response).await;
            assert_eq!(told["code"], "not-allowed", "{method} {path}: {told}");
            let detail = told["detail"].as_str().unwrap();
            assert!(detail.starts_with("you may not ") && detail.ends_with(role.name()), "{detail}");
            let is = |all: &[(Method, &str)]| all.contains(&(method.clone(), path.as_str()));
            assert!(role == Role::Viewer || !is(&acts), "{method} {path}");
            assert!(role < Role::Admin || !is(&changes_connections), "{method} {path}");
            count += 1;
        }
        refused.push(count);
    }
    let [viewer, operator, admin] = refused[..] else { panic!("{refused:?}") };
    assert_eq!((viewer - operator, admin), (5, 0), "{refused:?}");
}

#[tokio::test]
async fn a_key_is_made_used_and_revoked() {
    let world = World::new();
    let make = |body: &str| {
        let body = body.to_owned();
        async { world.ask("POST", "/api/v1/keys", "application/json", body).await }
    };
    let made = make(r#"{"name":"ci","role":"operator","days":30}"#).await;
    assert_eq!((made.status().as_u16(), made.headers()["cache-control"].to_str().unwrap()), (201, "no-store"));
    let made = json(made).await;
    let secret = made["secret"].as_str().unwrap();
    assert!(secret.starts_with("opskey_") && secret.len() == 71, "{secret}");
    let bearer = format!("Bearer {secret}");
    let ask = |method, path| world.send(request(method, path, &[("authorization", &bearer)]));
    let me = json(ask(Method::GET, "/api/v1/me").await).await;
    assert_eq!((me["name"].as_str(), me["role"].as_str()), (Some("key ci"), Some("operator")));
    assert_eq!(ask(Method::POST, "/api/v1/connections/github-1/sync").await.status(), 202);
    assert_eq!(ask(Method::DELETE, "/api/v1/connections/github-1").await.status(), 403);
    assert_eq!(problem(ask(Method::DELETE, "/api/v1/sessions/current").await).await.1["code"], "not-a-session");
    let listed = world.get("/api/v1/keys").await;
    let listed = json(listed).await;
    assert!(!listed.to_string().contains(secret));
    let key = &listed["items"][0];
    assert!(key["last_used_at"].is_string() && key["created_by"] == "admin", "{key}");
    assert_eq!(problem(make(r#"{"name":"ci","role":"viewer"}"#).await).await.1["code"], "name-taken");

    let at = format!("/api/v1/keys/{}", key["id"].as_str().unwrap());
    assert_eq!(world.ask("DELETE", &at, "application/json", "").await.status(), 204);
    assert_eq!(ask(Method::GET, "/api/v1/me").await.status(), 401);
    assert_eq!(world.ask("DELETE", &at, "application/json", "").await.status(), 404);
}

#[tokio::test]
async fn a_key_ends_makes_no_keys_and_is_entered_right() {
    let world = World::new();
    let made = world.ask("POST", "/api/v1/keys", "application/json", r#"{"name":"a","role":"admin","days":1}"#).await;
    let bearer = format!("Bearer {}", json(made).await["secret"].as_str().unwrap());
    let mut more =
        request(Method::POST, "/api/v1/keys", &[("authorization", &bearer), ("content-type", "application/json")]);
    *more.body_mut() = Body::from(r#"{"name":"b","role":"viewer"}"#);
    let (status, told) = problem(world.send(more).await).await;
    assert_eq!((status, told["code"].as_str()), (403, Some("not-allowed")), "{told}");
    assert!(told["detail"].as_str().unwrap().ends_with("this is a key"), "{told}");
    world.stubs.now.store(world.stubs.now().plus_secs(86_400).0, Ordering::SeqCst);
    let me = request(Method::GET, "/api/v1/me", &[("authorization", &bearer)]);
    assert_eq!(world.send(me).await.status(), 401);
    for (body, part) in [
        (r#"{"name":" ","role":"viewer"}"#, "name"),
        (r#"{"name":"a\nb","role":"viewer"}"#, "one line"),
        (r#"{"name":"c","role":"owner"}"#, "owner"),
        (r#"{"name":"c","role":"viewer","days":0}"#, "from 1 to 366"),
        (r#"{"name":"c","role":"viewer","days":367}"#, "from 1 to 366"),
        (r#"{"name":"c","role":"viewer","secret":"mine"}"#, "secret"),
    ] {
        let (status, told) = problem(world.ask("POST", "/api/v1/keys", "application/json", body).await).await;
        assert_eq!(status, 400, "{body}");
        assert!(told["detail"].as_str().unwrap().contains(part), "{body}: {told}");
    }
}

#[tokio::test]
async fn what_somebody_may_is_told_with_its_reason() {
    let world = World::new();
    let operator = world.session(Role::Operator);
    let ask = |who: &str| {
        let path = format!("/api/v1/permissions{who}");
        world.send(request(Method::GET, &path, &[("authorization", &operator)]))
    };
    let told = json(ask("").await).await;
    assert_eq!((told["who"].as_str(), told["role"].as_str()), (Some("operator"), Some("operator")));
    let of = |told: &serde_json::Value, verb: &str, what: &str| {
        let all = told["permissions"].as_array().unwrap();
        all.iter().find(|one| one["verb"] == verb && one["what"] == what).unwrap().clone()
    };
    assert_eq!(of(&told, "replay", "deliveries")["allowed"], true);
    let change = of(&told, "change", "plugins");
    assert_eq!(
        (change["allowed"].as_bool(), change["because"].as_str().unwrap().contains("admin")),
        (Some(false), true)
    );
    assert_eq!(of(&json(ask("?who=admin").await).await, "change", "plugins")["allowed"], true);
    assert_eq!(ask("?who=key%20ci").await.status(), 403, "who has keys is not theirs to know");
    assert_eq!(world.get("/api/v1/permissions?who=key%20ci").await.status(), 404);
    assert_eq!(ask("?who=somebody").await.status(), 400);
}

async fn sign_in(world: &World, headers: &[(&str, &str)], secret: &str) -> axum::response::Response {
    let body = serde_json::json!({ "secret": secret, "label": "a browser" }).to_string();
    let mut request = request(Method::POST, "/api/v1/sessions", headers);
    request.headers_mut().insert("content-type", "application/json".parse().unwrap());
    *request.body_mut() = Body::from(body);
    world.send(request).await
}

#[tokio::test]
async fn a_browser_signs_in_works_and_signs_out() {
    let world = World::new();
    let response = sign_in(&world, &[("host", "ops.test"), ("origin", "http://ops.test")], SECRET).await;
    assert_eq!(response.status(), 201);
    let cookie = response.headers()["set-cookie"].to_str().unwrap().to_owned();
    assert!(cookie.contains("; HttpOnly; SameSite=Lax; Max-Age=2592000") && !cookie.contains("Secure"), "{cookie}");
    let token = json(response).await["token"].as_str().unwrap().to_owned();
    let cookie = cookie.split(';').next().unwrap().to_owned();
    assert_eq!(cookie, format!("opssight_session={token}"));

    let me = world.send(request(Method::GET, "/api/v1/me", &[("cookie", &cookie)])).await;
    assert_eq!(json(me).await["name"], "admin");
    let out = request(Method::DELETE, "/api/v1/sessions/current", &[("cookie", &cookie), ("x-opssight-csrf", "1")]);
    let out = world.send(out).await;
    assert_eq!(out.status(), 204);
    assert!(out.headers()["set-cookie"].to_str().unwrap().contains("opssight_session=; Path=/"));
    assert_eq!(world.send(request(Method::GET, "/api/v1/me", &[("cookie", &cookie)])).await.status(), 401);
}

#[tokio::test]
async fn a_change_with_a_cookie_must_come_from_our_own_page() {
    let world = World::new();
    let cookie = format!("opssight_session={}", world.token().await);
    let path = "/api/v1/connections/github-1/sync";
    for (headers, expect) in [
        (vec![], 403),
        (vec![("x-opssight-csrf", "0")], 403),
        (vec![("x-opssight-csrf", "1")], 202),
        (vec![("x-opssight-csrf", "1"), ("sec-fetch-site", "same-origin"), ("origin", "http://ops.test")], 202),
        (vec![("x-opssight-csrf", "1"), ("sec-fetch-site", "cross-site")], 403),
        (vec![("x-opssight-csrf", "1"), ("origin", "http://evil.test")], 403),
        (vec![("x-opssight-csrf", "1"), ("origin", "null")], 403),
    ] {
        let all = [vec![("cookie", cookie.as_str()), ("host", "ops.test")], headers.clone()].concat();
        assert_eq!(world.send(request(Method::POST, path, &all)).await.status(), expect, "{headers:?}");
    }
    // A token is not sent by itself: it needs none of this.
    let bearer = format!("Bearer {}", world.token().await);
    let headers = [("authorization", bearer.as_str()), ("origin", "http://evil.test")];
    assert_eq!(world.send(request(Method::POST, path, &headers)).await.status(), 202);
}

#[tokio::test]
async fn signing_in_from_another_site_or_with_another_secret_is_refused() {
    let world = World::new();
    let (status, told) = problem(sign_in(&world, &[], "opsadmin_other").await).await;
    assert_eq!((status, told["type"].as_str()), (401, Some("https://opssight.dev/problems/unauthenticated")));
    assert!(!told.to_string().contains("opsadmin_other"));
    let (status, _) = problem(sign_in(&world, &[("sec-fetch-site", "cross-site")], SECRET).await).await;
    assert_eq!(status, 403);
}

#[tokio::test]
async fn the_cookie_is_secure_where_people_come_by_https() {
    let public_url = Some(url::Url::parse("https://ops.example.com").unwrap());
    let world = World::with(ApiConfig { public_url, ..ApiConfig::default() });
    let response = sign_in(&world, &[("host", "10.0.0.1:8080"), ("origin", "https://ops.example.com")], SECRET).await;
    assert!(response.headers()["set-cookie"].to_str().unwrap().ends_with("; Secure"));
}

#[tokio::test]
async fn a_session_ends_by_itself() {
    let world = World::new();
    let bearer = format!("Bearer {}", world.token().await);
    let me = || request(Method::GET, "/api/v1/me", &[("authorization", &bearer)]);
    assert_eq!(world.send(me()).await.status(), 200);
    world.stubs.now.store(world.stubs.now().plus_secs(31 * 24 * 3600).0, Ordering::SeqCst);
    assert_eq!(world.send(me()).await.status(), 401);
}
