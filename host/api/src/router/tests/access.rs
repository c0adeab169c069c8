//! Who gets in, and with what.

use crate::app::ApiConfig;
use crate::testing::{SECRET, World, json, problem};
use axum::body::Body;
use axum::http::{Method, Request};
use opssight_core::time::Clock;
use std::sync::atomic::Ordering;

fn request(method: Method, path: &str, headers: &[(&str, &str)]) -> Request<Body> {
    let request = Request::builder().method(method).uri(path);
    headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)).body(Body::empty()).unwrap()
}

/// Every operation that is not open to all: its method, its path, and one that a request can name.
fn guarded() -> Vec<(Method, String, String)> {
    let open = ["/healthz", "/readyz", "/api/v1/health", "/api/v1/version", "/hooks/{connection}", "/api/v1/sessions"];
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
        let there = operations.into_iter().filter(|(_, operation)| operation.is_some());
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

/// What a viewer may ask of a route; nothing else is theirs.
#[tokio::test]
async fn a_viewer_changes_nothing() {
    let world = World::new();
    let own = "/api/v1/sessions/current";
    let for_admins = "/api/v1/plugins/{id}/package/{digest}";
    let viewer = world.viewer();
    let (mut changing, mut reading) = (0, 0);
    for (method, path, real) in guarded() {
        if path == own {
            continue;
        }
        let response = world.send(request(method.clone(), &real, &[("authorization", &viewer)])).await;
        if method != Method::GET || path == for_admins {
            let (status, told) = problem(response).await;
            assert_eq!((status, told["code"].as_str()), (403, Some("admin-only")), "{method} {path}");
            changing += 1;
        } else {
            assert_ne!(response.status(), 403, "{method} {path}");
            reading += 1;
        }
    }
    assert!(changing >= 25 && reading >= 30, "{changing} {reading}");
    let me = json(world.send(request(Method::GET, "/api/v1/me", &[("authorization", &viewer)])).await).await;
    assert_eq!((me["name"].as_str(), me["role"].as_str()), (Some("viewer"), Some("viewer")));
    assert_eq!(world.send(request(Method::DELETE, own, &[("authorization", &viewer)])).await.status(), 204);
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
