//! Signing in and out.

use crate::api::Api;
use crate::run;

const SESSION: &str = r#"{"token":"good-token","expires_at":"2026-12-10T12:00:00Z"}"#;

#[tokio::test]
async fn a_session_is_opened_remembered_used_and_ended() {
    let api = Api::start().await;
    api.says("POST /api/v1/sessions", 201, SESSION);
    api.says("DELETE /api/v1/sessions/current", 204, "");
    let line = ["login", "--with-secret", "--label", "ci"];
    let outcome = run(&line).without_token().input("s3cret\n").on(&api).await;
    assert_eq!((outcome.code, outcome.out.as_str(), outcome.err.as_str()), (0, "", ""));
    let asked = api.asked().remove(0);
    let body: serde_json::Value = serde_json::from_str(&asked.body).unwrap();
    assert_eq!(body, serde_json::json!({ "secret": "s3cret", "label": "ci" }));
    assert!(!asked.headers.contains_key("authorization"));

    let outcome = run(&["whoami", "-o", "name"]).without_token().on(&api).await;
    assert_eq!((outcome.code, outcome.out.as_str()), (0, "admin\n"));

    assert_eq!(run(&["logout"]).without_token().on(&api).await.code, 0);
    assert_eq!(api.count("DELETE /api/v1/sessions/current"), 1);
    assert_eq!(run(&["whoami"]).without_token().on(&api).await.code, 4);
}

#[cfg(unix)]
#[tokio::test]
async fn the_file_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let api = Api::start().await;
    api.says("POST /api/v1/sessions", 201, SESSION);
    run(&["login", "--with-secret"]).without_token().input("s").on(&api).await;
    let file = api.credentials();
    assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));

    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let outcome = run(&["whoami"]).without_token().on(&api).await;
    assert!(outcome.err.contains("can be read by others on this machine; run `chmod 600"), "{}", outcome.err);
    run(&["login", "--with-secret"]).without_token().input("s").on(&api).await;
    assert_eq!(mode(&file), 0o600);
}

#[tokio::test]
async fn a_secret_is_asked_for_on_a_terminal_only() {
    let api = Api::start().await;
    api.says("POST /api/v1/sessions", 201, SESSION);
    let outcome = run(&["login"]).without_token().on(&api).await;
    assert_eq!(outcome.code, 2);
    assert!(outcome.err.contains("--with-secret"), "{}", outcome.err);
    let outcome = run(&["login"]).without_token().on_terminal(80).typing_secret("s3cret").on(&api).await;
    assert_eq!(outcome.code, 0);
    assert!(outcome.err.starts_with(&format!("Secret of {}: Signed in to", api.url)), "{}", outcome.err);
    assert!(!outcome.err.contains("s3cret"));
}

#[tokio::test]
async fn a_wrong_secret_says_where_the_right_one_is() {
    let api = Api::start().await;
    api.fails("POST /api/v1/sessions", 401, "the secret is wrong");
    let outcome = run(&["login", "--with-secret"]).without_token().input("nope").on(&api).await;
    assert_eq!(outcome.code, 4);
    assert!(outcome.err.contains("printed at the first start"), "{}", outcome.err);
    assert!(!api.credentials().exists());
}

#[tokio::test]
async fn a_session_is_forgotten_even_if_the_server_is_gone() {
    let mut api = Api::start().await;
    api.says("POST /api/v1/sessions", 201, SESSION);
    api.fails("DELETE /api/v1/sessions/current", 500, "oops");
    run(&["login", "--with-secret"]).without_token().input("s").on(&api).await;
    assert_eq!(run(&["logout"]).without_token().on(&api).await.code, 1);
    assert_eq!(run(&["whoami"]).without_token().on(&api).await.code, 4);
    api.url = "http://127.0.0.1:1".to_owned();
    assert_eq!(run(&["logout"]).without_token().on(&api).await.code, 0);
}

#[tokio::test]
async fn a_broken_file_is_named() {
    let api = Api::start().await;
    std::fs::create_dir_all(api.credentials().parent().unwrap()).unwrap();
    std::fs::write(api.credentials(), "{").unwrap();
    let outcome = run(&["whoami"]).without_token().on(&api).await;
    assert_eq!(outcome.code, 1);
    assert!(outcome.err.contains("credentials.json") && outcome.err.contains("delete the file"), "{}", outcome.err);
}
