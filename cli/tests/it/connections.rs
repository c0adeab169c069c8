//! `connections add`, `check`, `sync`, `remove`.

use crate::api::{Api, Asked};
use crate::run;
use insta::assert_snapshot;

async fn api() -> Api {
    let api = Api::start().await;
    let made = include_str!("fixtures/connection.json")
        .replace(r#""hook_path""#, r#""webhook_secret":"whs_once","hook_path""#);
    api.says("POST /api/v1/connections", 201, &made);
    api
}

fn posted(api: &Api) -> serde_json::Value {
    let asked: Vec<Asked> = api.asked().into_iter().filter(|asked| asked.what.starts_with("POST")).collect();
    assert_eq!(asked.len(), 1);
    serde_json::from_str(&asked[0].body).unwrap()
}

#[tokio::test]
async fn what_was_said_is_what_is_made() {
    let api = api().await;
    let settings = api.folder().join("settings.json");
    let token = api.folder().join("token.txt");
    std::fs::write(&settings, r#"{"days":7,"organisation":"old"}"#).unwrap();
    std::fs::write(&token, "ghp_1\n").unwrap();
    let (settings, token) = (settings.display().to_string(), format!("api.token=@{}", token.display()));
    let line = [
        "connections",
        "add",
        "--plugin",
        "github",
        "--name",
        "acme",
        "--settings",
        &settings,
        "--set",
        "organisation=123",
        "--set",
        "repositories=acme/web",
        "--credential",
        &token,
        "--credential",
        "webhook.secret=-",
        "--grant-network",
        "10.20.0.0/16",
        "--grant-network",
        "fd00::/8",
        "--allow-http",
    ];
    let outcome = run(&line).input("from stdin\r\n").on(&api).await;
    assert_eq!(outcome.code, 0, "{}", outcome.err);
    assert_eq!(
        posted(&api),
        serde_json::json!({
            "name": "acme", "plugin": "github", "consent": "sha256:abcd",
            "settings": { "days": 7, "organisation": "123", "repositories": ["acme/web"] },
            "credentials": {
                "api": { "scheme": "bearer", "inputs": { "token": "ghp_1" } },
                "webhook": { "scheme": "hmac-sha256", "inputs": { "secret": "from stdin" } },
            },
            "grants": { "networks": ["10.20.0.0/16", "fd00::/8"], "insecure_http": true },
        })
    );
    assert_snapshot!("connections_add", outcome.show(&api));
}

#[tokio::test]
async fn a_terminal_is_told_what_to_do_next() {
    let api = api().await;
    let outcome = run(&["connections", "add", "--plugin", "github", "--name", "acme"]).on_terminal(120).on(&api).await;
    assert_snapshot!("connections_add_terminal", outcome.show(&api));
}

#[tokio::test]
async fn a_secret_on_the_command_line_is_warned_of() {
    let api = api().await;
    let line = ["connections", "add", "--plugin", "github", "--name", "x", "--credential"];
    let with = |flag: &'static str| run(&[&line[..], &[flag]].concat());
    let outcome = with("api.token=ghp_1").on(&api).await;
    assert_eq!(outcome.code, 0);
    assert!(outcome.err.starts_with("warning: others on this machine can see api.token"), "{}", outcome.err);
    assert!(!outcome.err.contains("ghp_1"));
    assert_eq!(with("api.user=ada").on(&api).await.err, "");
}

#[tokio::test]
async fn the_scheme_follows_from_the_inputs_or_must_be_said() {
    for (flags, expected) in [
        (&["--credential", "api.app_id=1"][..], Ok("jwt-bearer")),
        (&["--credential", "api.user=ada"], Ok("bearer")),
        (&["--credential", "api.user=ada", "--scheme", "api=basic"], Ok("basic")),
        (&["--scheme", "api=jwt-bearer"], Ok("jwt-bearer")),
        (
            &["--credential", "api.app_id=1", "--credential", "api.user=ada"],
            Err("no scheme of `api` takes these inputs"),
        ),
        (&["--credential", "appi.user=ada"], Err("github has no credential `appi`; it has: api, webhook")),
        (&["--credential", "api.user=a", "--credential", "api.user=b"], Err("api.user is given twice")),
        (&["--credential", "api.token=-", "--settings", "-"], Err("only one flag can read standard input")),
    ] {
        let api = api().await;
        let line = [&["connections", "add", "--plugin", "github", "--name", "x"][..], flags].concat();
        let outcome = run(&line).on(&api).await;
        match expected {
            Ok(scheme) => {
                assert_eq!(outcome.code, 0, "{}", outcome.err);
                assert_eq!(posted(&api)["credentials"]["api"]["scheme"], scheme);
            }
            Err(text) => {
                assert_eq!(outcome.code, 2, "{flags:?}");
                assert!(outcome.err.contains(text), "{}", outcome.err);
                assert_eq!(api.count("POST /api/v1/connections"), 0);
            }
        }
    }
}

#[tokio::test]
async fn a_check_that_fails_has_its_own_exit_code() {
    let api = api().await;
    let check = "POST /api/v1/connections/con_1/check";
    api.says(check, 200, r#"{"health":"ok","summary":"signed in as ada"}"#);
    assert_eq!(run(&["connections", "check", "con_1"]).on(&api).await.code, 0);
    api.says(check, 200, r#"{"health":"failing","summary":"the token has expired","fault":"upstream"}"#);
    assert_snapshot!("connections_check_failing", run(&["connections", "check", "acme"]).on(&api).await.show(&api));
}

#[tokio::test]
async fn connections_are_found_by_name_too() {
    let api = api().await;
    api.says("POST /api/v1/connections/con_1/sync", 202, "");
    api.says("DELETE /api/v1/connections/con_1", 204, "");
    assert_eq!(run(&["connections", "sync", "acme"]).on(&api).await.code, 0);
    let outcome = run(&["connections", "remove", "acme", "--yes", "-o", "name"]).on(&api).await;
    assert_eq!((outcome.code, outcome.out.as_str()), (0, "con_1\n"));
    assert_eq!(api.count("POST /api/v1/connections/con_1/sync"), 1);
    assert_eq!(api.count("DELETE /api/v1/connections/con_1"), 1);
    let outcome = run(&["connections", "show", "nobody"]).on(&api).await;
    assert_eq!(outcome.code, 1);
    assert!(outcome.err.contains("`opssight connections list` shows what there is"), "{}", outcome.err);
}
