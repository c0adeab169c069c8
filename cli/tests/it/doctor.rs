//! `doctor`: what is wrong and how to mend it.

use crate::api::Api;
use crate::run;
use insta::assert_snapshot;

#[tokio::test]
async fn everything_wrong_is_told_with_how_to_mend_it() {
    let api = Api::start().await;
    api.says(
        "GET /readyz",
        503,
        r#"{"status":"failing","checks":[{"name":"store","status":"failing","detail":"disk is full"}]}"#,
    );
    api.says("GET /api/v1/version", 200, r#"{"version":"9.9.9","contract":"0.1.0"}"#);
    api.says("GET /api/v1/me", 200, r#"{"name":"admin","role":"admin","expires_at":"2026-11-10T13:00:00Z"}"#);
    let outcome = run(&["doctor"]).on(&api).await;
    assert_eq!(outcome.code, 1);
    assert_snapshot!("doctor_wrong", outcome.show(&api).replace(env!("CARGO_PKG_VERSION"), "0.0.0"));
}

#[tokio::test]
async fn all_is_well() {
    let api = Api::start().await;
    api.says("GET /api/v1/deliveries", 200, r#"{"items":[]}"#);
    api.says("GET /api/v1/plugins", 200, r#"{"items":[]}"#);
    api.says("GET /api/v1/connections", 200, r#"{"items":[]}"#);
    let outcome = run(&["doctor", "-o", "json"]).on(&api).await;
    assert_eq!(outcome.code, 0);
    assert_snapshot!("doctor_well", outcome.show(&api).replace(env!("CARGO_PKG_VERSION"), "0.0.0"));
}

#[tokio::test]
async fn the_first_thing_to_do_is_to_sign_in() {
    let api = Api::start().await;
    let outcome = run(&["doctor"]).without_token().on(&api).await;
    assert_eq!(outcome.code, 4);
    assert_snapshot!("doctor_signed_out", outcome.show(&api));
}

#[tokio::test]
async fn a_server_that_is_not_there_is_the_only_finding() {
    let mut api = Api::start().await;
    api.url = "http://127.0.0.1:1".to_owned();
    let outcome = run(&["doctor", "-o", "name"]).on(&api).await;
    assert_eq!((outcome.code, outcome.out.as_str()), (1, "server\n"));
}
