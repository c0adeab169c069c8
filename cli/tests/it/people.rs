//! `opssight people`, `join`, `password`, `sessions`, and signing in by address.

use crate::api::{Api, Asked};
use crate::run;
use serde_json::{Value, json};

const INVITED: &str = r##"{ "token": "opsinv_once", "path": "/join/#opsinv_once", "invitation": {
    "id": "inv_2", "email": "eve@example.com", "role": "viewer", "created_at": "2026-11-10T12:00:00Z",
    "created_by": "admin", "expires_at": "2026-11-17T12:00:00Z"
} }"##;
const SESSION: &str = r#"{"token":"opstok_new","expires_at":"2026-12-10T12:00:00Z"}"#;

fn asked(api: &Api, what: &str) -> Asked {
    let asked = api.asked().into_iter().find(|asked| asked.what == what);
    asked.unwrap_or_else(|| panic!("{what} was not asked: {:?}", api.asked()))
}

fn body(api: &Api, what: &str) -> Value {
    serde_json::from_str(&asked(api, what).body).unwrap()
}

#[tokio::test]
async fn an_invitation_is_a_link_to_this_server() {
    let api = Api::start().await;
    api.says("POST /api/v1/invitations", 201, INVITED);
    let invited = run(&["people", "invite", "eve@example.com", "--role", "viewer"]).on(&api).await;
    assert_eq!(invited.code, 0, "{}", invited.err);
    assert!(invited.out.contains(&format!("{}/join/#opsinv_once", api.url)), "{}", invited.out);
    assert_eq!(body(&api, "POST /api/v1/invitations"), json!({ "email": "eve@example.com", "role": "viewer" }));
    api.says("DELETE /api/v1/invitations/inv_1", 204, "");
    assert_eq!(run(&["people", "withdraw", "Eve@example.com"]).on(&api).await.code, 0);
    assert_eq!(run(&["people", "withdraw", "nobody@example.com"]).on(&api).await.code, 2);
}

#[tokio::test]
async fn somebody_is_changed_and_removed_by_their_address() {
    let api = Api::start().await;
    let ada = include_str!("fixtures/people.json");
    let ada: Value = serde_json::from_str(ada).unwrap();
    api.says("PATCH /api/v1/people/per_1", 200, &ada["items"][0].to_string());
    let changed = run(&["people", "change", "ADA@example.com", "--role", "admin"]).on(&api).await;
    assert_eq!(changed.code, 0, "{}", changed.err);
    assert_eq!(body(&api, "PATCH /api/v1/people/per_1"), json!({ "role": "admin" }));
    let nothing = run(&["people", "change", "ada@example.com"]).on(&api).await;
    assert_eq!(nothing.code, 2);
    assert!(nothing.err.contains("--suspend"), "{}", nothing.err);

    let api = Api::start().await;
    api.says("PATCH /api/v1/people/per_1", 200, &ada["items"][0].to_string());
    assert_eq!(run(&["people", "change", "per_1", "--suspend", "--yes"]).on(&api).await.code, 0);
    assert_eq!(body(&api, "PATCH /api/v1/people/per_1"), json!({ "suspended": true }));
    api.says("DELETE /api/v1/people/per_2", 204, "");
    assert_eq!(run(&["people", "remove", "bob@example.com", "--yes"]).on(&api).await.code, 0);
    asked(&api, "DELETE /api/v1/people/per_2");
}

#[tokio::test]
async fn somebody_joins_by_the_link_and_is_signed_in() {
    let api = Api::start().await;
    api.says("POST /api/v1/invitations/join", 201, SESSION);
    let link = format!("{}/join/#opsinv_once", api.url);
    let line = ["join", &link, "--name", "Eve", "--with-password"];
    let joined = run(&line).without_token().input("tide marble oyster\n").on(&api).await;
    assert_eq!(joined.code, 0, "{}", joined.err);
    let sent = body(&api, "POST /api/v1/invitations/join");
    assert_eq!(sent["token"], "opsinv_once");
    assert_eq!((sent["name"].as_str(), sent["password"].as_str()), (Some("Eve"), Some("tide marble oyster")));
    let elsewhere = ["join", "https://evil.example/join/#opsinv_once", "--name", "Eve", "--with-password"];
    let refused = run(&elsewhere).without_token().input("x").on(&api).await;
    assert_eq!(refused.code, 2);
    assert!(refused.err.contains("https://evil.example"), "{}", refused.err);
}

#[tokio::test]
async fn somebody_signs_in_by_their_address_with_every_character_of_the_password() {
    let api = Api::start().await;
    api.says("POST /api/v1/sessions", 201, SESSION);
    let line = ["login", "--email", "ada@example.com", "--with-secret"];
    let signed_in = run(&line).without_token().input(" tide marble \r\n").on(&api).await;
    assert_eq!(signed_in.code, 0, "{}", signed_in.err);
    let sent = body(&api, "POST /api/v1/sessions");
    assert_eq!((sent["email"].as_str(), sent["password"].as_str()), (Some("ada@example.com"), Some(" tide marble ")));
    assert!(sent.get("secret").is_none(), "{sent}");
}

#[tokio::test]
async fn a_password_is_changed_and_other_sessions_are_ended() {
    let api = Api::start().await;
    api.says("PUT /api/v1/me/password", 204, "");
    assert_eq!(run(&["password", "--with-passwords"]).input("old one\nnew one\n").on(&api).await.code, 0);
    assert_eq!(body(&api, "PUT /api/v1/me/password"), json!({ "current": "old one", "new": "new one" }));
    assert_eq!(run(&["password", "--with-passwords"]).input("only one\n").on(&api).await.code, 2);
    api.says("DELETE /api/v1/sessions/ses_2", 204, "");
    assert_eq!(run(&["sessions", "end", "--others", "--yes"]).on(&api).await.code, 0);
    asked(&api, "DELETE /api/v1/sessions/ses_2");
    assert!(!api.asked().iter().any(|asked| asked.what == "DELETE /api/v1/sessions/ses_1"));
}
