//! What the host signs in with, and where it never shows up.

use crate::egress::{text, upstream};
use crate::guests::fetching;
use crate::harness::{House, NOW, loopback};
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use axum::body::Body;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use opssight_core::plugins::{FailureClass, FaultSource, Plugins};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

const GET: u8 = 0;
const HTTP: u8 = 0;

pub(crate) fn bearer() -> Value {
    json!({
        "egress": [{ "url": "{setting:base_url}", "methods": ["GET"], "credential": "api", "reason": "to look" }],
        "credentials": [{ "name": "api", "title": "API", "schemes": [
            { "scheme": "bearer", "title": "Token", "inputs": [{ "name": "token", "title": "Token", "secret": true }] },
        ] }],
    })
}

#[tokio::test]
async fn a_bearer_token_reaches_the_upstream_and_never_the_guest() {
    const TOKEN: &str = "ghp_c4n4ry_c4n4ry_c4n4ry";
    // This upstream echoes what it was sent.
    let (address, seen) = upstream(|request| {
        let header = request.headers()["authorization"].to_str().unwrap().to_owned();
        Response::builder().header("x-echo", &header).body(Body::from(format!("you sent {header}"))).unwrap()
    })
    .await;
    let house = House::new();
    house.memory.credential("api", "bearer", &[("token", TOKEN)]);
    house.install(&fetching(GET, HTTP, &address.to_string(), "/user", bearer()));
    let called = house.check(json!({ "base_url": format!("http://{address}") }), loopback()).await.unwrap();
    assert_eq!(seen.lock().unwrap()[0].2["authorization"], format!("Bearer {TOKEN}"));
    assert_eq!(called.value.summary, format!("you sent Bearer {}", "*".repeat(TOKEN.len())));
}

#[tokio::test]
async fn without_a_credential_nothing_is_sent() {
    let (address, seen) = upstream(|_| text(200, "")).await;
    let house = House::new();
    let base_url = json!({ "base_url": format!("http://{address}") });
    house.install(&fetching(GET, HTTP, &address.to_string(), "/", bearer()));
    let error = house.check(base_url.clone(), loopback()).await.unwrap_err();
    assert_eq!((error.code.as_str(), error.fault), ("credential.missing", FaultSource::Policy));
    house.memory.credential("api", "bearer", &[("token", " ")]);
    let error = house.check(base_url.clone(), loopback()).await.unwrap_err();
    assert_eq!(error.code, "credential.unusable");
    assert!(seen.lock().unwrap().is_empty());
    // Optional: the request goes out unsigned, and still not with what the guest wrote.
    let mut optional = bearer();
    optional["credentials"][0]["optional"] = json!(true);
    house.memory.credentials.lock().unwrap().clear();
    house.install(&fetching(GET, HTTP, &address.to_string(), "/", optional));
    house.check(base_url, loopback()).await.unwrap();
    assert!(!seen.lock().unwrap()[0].2.contains_key("authorization"));
}

fn app() -> Value {
    json!({
        "egress": [{ "url": "{setting:base_url}", "methods": ["GET"], "credential": "api", "reason": "to look" }],
        "credentials": [{ "name": "api", "title": "API", "schemes": [{
            "scheme": "jwt-bearer",
            "title": "GitHub App",
            "inputs": [
                { "name": "app_id", "title": "App" },
                { "name": "installation_id", "title": "Installation" },
                { "name": "private_key", "title": "Key", "secret": true, "multiline": true },
            ],
            "algorithm": "RS256",
            "key": "private_key",
            "claims": { "iss": "{app_id}" },
            "lifetime_secs": 540,
            "backdate_secs": 60,
            "exchange": {
                "url": "{setting:base_url}/app/installations/{installation_id}/access_tokens",
                "token": "/token",
                "expires_at": "/expires_at",
            },
        }] }],
    })
}

fn pem(key: &KeyPair) -> String {
    let der = key.as_der().unwrap();
    let lines: Vec<String> = STANDARD
        .encode(der.as_ref())
        .as_bytes()
        .chunks(64)
        .map(|line| String::from_utf8_lossy(line).into_owned())
        .collect();
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"))
}

struct GithubApp {
    house: House,
    settings: Value,
    key: KeyPair,
    exchanges: Arc<AtomicU32>,
    seen: crate::egress::Seen,
}

/// An upstream that sells tokens `token-number-N` for an hour, and a connection that signs in as an app.
async fn github_app(exchange_status: u16) -> GithubApp {
    let exchanges = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&exchanges);
    let (address, seen) = upstream(move |request| {
        if request.uri().path() != "/app/installations/42/access_tokens" {
            let old =
                request.headers()["authorization"] == "Bearer token-number-1" && request.uri().path() == "/revoked";
            return text(if old { 401 } else { 200 }, "data");
        }
        let number = count.fetch_add(1, Ordering::SeqCst) + 1;
        let hour = NOW.plus_secs(3_600).to_utc().unwrap().to_rfc3339();
        let body = json!({ "token": format!("token-number-{number}"), "expires_at": hour }).to_string();
        Response::builder().status(exchange_status).body(Body::from(body)).unwrap()
    })
    .await;
    let house = House::new();
    let key = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let inputs = [("app_id", "1234"), ("installation_id", "42"), ("private_key", &pem(&key))];
    house.memory.credential("api", "jwt-bearer", &inputs);
    house.install(&fetching(GET, HTTP, &address.to_string(), "/repos", app()));
    let settings = json!({ "base_url": format!("http://{address}/") });
    GithubApp { house, settings, key, exchanges, seen }
}

#[tokio::test]
async fn an_app_key_buys_a_token_that_is_used_until_shortly_before_its_end() {
    let GithubApp { house, settings, key, exchanges, seen } = github_app(201).await;
    for _ in 0..3 {
        assert_eq!(house.check(settings.clone(), loopback()).await.unwrap().value.summary, "data");
    }
    assert_eq!(exchanges.load(Ordering::SeqCst), 1);
    {
        let seen = seen.lock().unwrap();
        assert_eq!((seen[0].0.as_str(), seen[0].1.as_str()), ("POST", "/app/installations/42/access_tokens"));
        let jwt = seen[0].2["authorization"].to_str().unwrap().strip_prefix("Bearer ").unwrap().to_owned();
        let (signed, signature) = jwt.rsplit_once('.').unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public_key().as_ref());
        public.verify(signed.as_bytes(), &signature).unwrap();
        let claims = URL_SAFE_NO_PAD.decode(signed.split_once('.').unwrap().1).unwrap();
        let claims: Value = serde_json::from_slice(&claims).unwrap();
        let now = NOW.millis() / 1_000;
        assert_eq!(claims, json!({ "iss": "1234", "iat": now - 60, "exp": now + 480 }));
        assert_eq!(seen[1].2["authorization"], "Bearer token-number-1");
    }
    house.clock.advance_secs(3_600 - 299);
    house.check(settings.clone(), loopback()).await.unwrap();
    assert_eq!(exchanges.load(Ordering::SeqCst), 2, "five minutes early");
    house.host.forget(&"c1".into());
    house.check(settings, loopback()).await.unwrap();
    assert_eq!(exchanges.load(Ordering::SeqCst), 3, "forgotten with the connection");
}

#[tokio::test]
async fn calls_that_start_at_once_share_one_exchange() {
    let GithubApp { house, settings, exchanges, .. } = github_app(201).await;
    let calls = (0..6).map(|_| house.check(settings.clone(), loopback()));
    assert!(futures::future::join_all(calls).await.into_iter().all(|outcome| outcome.is_ok()));
    assert_eq!(exchanges.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_token_that_the_upstream_no_longer_takes_is_bought_anew() {
    let GithubApp { house, settings, exchanges, .. } = github_app(201).await;
    let authority =
        settings["base_url"].as_str().unwrap().trim_start_matches("http://").trim_end_matches('/').to_owned();
    house.install(&fetching(GET, HTTP, &authority, "/revoked", app()));
    house.check(settings.clone(), loopback()).await.unwrap();
    house.check(settings, loopback()).await.unwrap();
    assert_eq!(exchanges.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_key_that_does_not_sign_in_is_told_without_showing_it() {
    let GithubApp { house, settings, .. } = github_app(401).await;
    let error = house.check(settings.clone(), loopback()).await.unwrap_err();
    assert_eq!((error.code.as_str(), error.class), ("credential.refused", FailureClass::Auth));
    let inputs = [("app_id", "1234"), ("installation_id", "42"), ("private_key", "-----BEGIN NONSENSE-----c4n4ry")];
    house.memory.credential("api", "jwt-bearer", &inputs);
    let error = house.check(settings, loopback()).await.unwrap_err();
    assert_eq!((error.code.as_str(), error.fault), ("credential.unusable", FaultSource::Policy));
    assert!(!error.message.contains("c4n4ry"), "{}", error.message);
}

#[tokio::test]
async fn a_key_is_not_handed_to_another_host() {
    let GithubApp { house, settings, exchanges, .. } = github_app(201).await;
    let authority =
        settings["base_url"].as_str().unwrap().trim_start_matches("http://").trim_end_matches('/').to_owned();
    let mut elsewhere = app();
    elsewhere["credentials"][0]["schemes"][0]["exchange"]["url"] = json!("http://127.0.0.1:1/steal");
    house.install(&fetching(GET, HTTP, &authority, "/repos", elsewhere));
    let error = house.check(settings, loopback()).await.unwrap_err();
    assert_eq!(error.code, "credential.unusable");
    assert_eq!(exchanges.load(Ordering::SeqCst), 0);
}
