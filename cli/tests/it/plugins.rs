//! Installing, changing and taking back plugins.

use crate::api::{Api, Asked};
use crate::run;
use insta::assert_snapshot;
use serde_json::{Value, json};

const DIGEST: &str = "sha256:9f2b6a1c00112233445566778899aabbccddeeff00112233445566778899aabb";

fn ability(key: &str, says: &str, risk: &str) -> Value {
    json!({ "key": key, "says": says, "risk": risk, "can_be_withheld": true })
}

fn inspection(more: Value) -> Value {
    let mut inspection = json!({
        "plugin": "example", "name": "An Example", "version": "1.1.0", "publisher": "acme",
        "description": "Shows how.\u{1b}[2J", "licence": "MIT", "digest": DIGEST, "size": 2048, "kinds": ["webhook"],
        "imports": [], "signer": { "publisher": "acme", "key": format!("ed25519:{}", "ab".repeat(32)) },
        "new_key": true, "cannot": "cannot read files, cannot open sockets, cannot see credentials",
        "is_active": false, "remarks": ["its code can send requests, but its manifest allows none"],
        "abilities": [
            ability("send GET https://api.example", "sends GET requests to https://api.example: to read", "safe"),
            ability("send POST https://api.example", "sends POST requests to https://api.example: to act", "caution"),
            ability("use reveal", "reads secrets in clear, each time on record", "danger"),
        ],
    });
    inspection.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    inspection
}

fn update(wider: bool) -> Value {
    let added = if wider {
        vec![ability("use reveal", "reads secrets in clear, each time on record", "danger")]
    } else {
        vec![]
    };
    let raised = if wider { json!([{ "name": "webhook.cpu_ms", "then": 100, "now": 200 }]) } else { json!([]) };
    inspection(json!({
        "new_key": false, "remarks": [],
        "update": {
            "from": "1.0.0", "wider": wider, "added": added, "raised": raised,
            "removed": [ability("use state", "keeps small state of its own for each connection", "safe")],
        },
    }))
}

/// A server that knows the package, and a file that is it.
async fn api(inspection: &Value, approval: &str) -> (Api, String) {
    let api = Api::start().await;
    api.says("POST /api/v1/plugins/inspect", 200, &inspection.to_string());
    let installed = json!({ "approval": approval, "inspection": inspection });
    api.says("POST /api/v1/plugins", 201, &installed.to_string());
    let path = api.folder().join("example.wasm");
    std::fs::write(&path, "a package").unwrap();
    (api, path.display().to_string())
}

fn posted(api: &Api, what: &str) -> Vec<Asked> {
    api.asked().into_iter().filter(|asked| asked.what == what).collect()
}

#[tokio::test]
async fn a_new_plugin_is_shown_and_asked_for() {
    let (api, file) = api(&inspection(json!({})), "active").await;
    let outcome = run(&["plugins", "install", &file]).input("y\n").on_terminal(100).on(&api).await;
    assert_snapshot!("plugins_install", outcome.show(&api));
    let asked = posted(&api, "POST /api/v1/plugins").remove(0);
    assert_eq!(
        (asked.query.as_str(), asked.body.as_str()),
        (format!("consent={}", DIGEST.replace(':', "%3A")).as_str(), "a package")
    );
    assert_eq!(asked.headers["content-type"], "application/wasm");
    let outcome = run(&["plugins", "install", &file]).input("n\n").on_terminal(100).on(&api).await;
    assert_eq!(outcome.code, 2);
    assert_eq!(api.count("POST /api/v1/plugins"), 1);
}

#[tokio::test]
async fn without_a_terminal_the_flag_that_agrees_is_named_and_nothing_is_done() {
    for package in [inspection(json!({})), update(true)] {
        let (api, file) = api(&package, "active").await;
        let outcome = run(&["plugins", "install", &file]).on(&api).await;
        assert_eq!(outcome.code, 2, "{}", outcome.err);
        assert!(outcome.err.contains(&format!("--consent {DIGEST}")), "{}", outcome.err);
        assert!(outcome.err.contains("reads secrets in clear"), "{}", outcome.err);
        assert_eq!(api.count("POST /api/v1/plugins"), 0);
        // Another package than the one that was looked at, or too short a name for it.
        for wrong in ["sha256:0000000000000000", "sha256:9f"] {
            let outcome = run(&["plugins", "install", &file, "--consent", wrong]).on(&api).await;
            assert_eq!(outcome.code, 2, "{}", outcome.err);
        }
        assert_eq!(api.count("POST /api/v1/plugins"), 0);
        let outcome = run(&["plugins", "install", &file, "--consent", "sha256:9f2b6a1c0011"]).on(&api).await;
        assert_eq!((outcome.code, outcome.out.as_str()), (0, ""), "{}", outcome.err);
        assert!(posted(&api, "POST /api/v1/plugins")[0].query.contains("consent="));
    }
}

#[tokio::test]
async fn of_an_update_only_the_difference_is_shown_and_only_a_wider_one_asks() {
    let (narrow, file) = api(&update(false), "active").await;
    let outcome = run(&["plugins", "install", &file]).on(&narrow).await;
    assert_eq!(outcome.code, 0, "{}", outcome.err);
    assert_eq!(posted(&narrow, "POST /api/v1/plugins")[0].query, "");
    assert!(outcome.err.contains("NO LONGER: it") && !outcome.err.contains("sends GET"), "{}", outcome.err);
    let (wide, file) = api(&update(true), "active").await;
    let outcome = run(&["plugins", "install", &file]).input("y\n").on_terminal(100).on(&wide).await;
    assert_snapshot!("plugins_install_update", outcome.show(&wide));
    // In the shadow nothing depends on it: it waits for the answer until the comparison is over.
    let outcome = run(&["plugins", "install", &file, "--shadow", "50"]).on(&wide).await;
    assert_eq!(outcome.code, 0, "{}", outcome.err);
    assert_eq!(posted(&wide, "POST /api/v1/plugins").pop().unwrap().query, "shadow_calls=50");
}

#[tokio::test]
async fn what_would_be_refused_is_not_sent() {
    let refused = |code: &str| inspection(json!({ "refused": { "code": code, "message": "install the package: no" } }));
    let (api_1, file) = api(&refused("downgrade"), "active").await;
    let outcome = run(&["plugins", "install", &file, "--yes"]).on(&api_1).await;
    assert_eq!((outcome.code, outcome.err.as_str()), (1, "error: failed to install the package: no\n"));
    assert_eq!(api_1.count("POST /api/v1/plugins"), 0);
    let (api_2, file) = api(&refused("similar-name"), "active").await;
    assert_eq!(run(&["plugins", "install", &file, "--yes"]).on(&api_2).await.code, 1);
    let outcome = run(&["plugins", "install", &file, "--yes", "--allow-similar-name"]).on(&api_2).await;
    assert_eq!(outcome.code, 0, "{}", outcome.err);
    assert!(posted(&api_2, "POST /api/v1/plugins")[0].query.contains("allow_similar_name=true"));
    let outcome = run(&["plugins", "install", "./missing.wasm"]).on(&api_2).await;
    assert!(outcome.code == 1 && outcome.err.contains("missing.wasm"), "{}", outcome.err);
}

#[tokio::test]
async fn what_is_no_file_is_looked_for_in_the_catalogue() {
    let (api, _) = api(&update(false), "active").await;
    assert_eq!(run(&["plugins", "install", "example@1.1.0"]).on(&api).await.code, 0);
    let body: Value = serde_json::from_str(&posted(&api, "POST /api/v1/plugins")[0].body).unwrap();
    assert_eq!(body, json!({ "id": "example", "version": "1.1.0" }));
    // Only what is installed is updated.
    let outcome = run(&["plugins", "update", "example"]).on(&api).await;
    assert_eq!(outcome.code, 1, "{}", outcome.err);
    api.says("GET /api/v1/plugins/example", 200, include_str!("fixtures/plugin.json"));
    assert_eq!(run(&["plugins", "update", "example"]).on(&api).await.code, 0);
}

async fn with_versions() -> Api {
    let api = Api::start().await;
    let version = |version: &str, state: &str, digest: &str, abilities: Value| {
        json!({
            "digest": format!("sha256:{digest}"), "version": version, "state": state, "revoked": false,
            "is_fallback": state == "kept", "size": 9, "source": "upload", "installed_at": "2026-11-09T12:00:00Z",
            "activated_at": "2026-11-10T10:00:00Z", "abilities": abilities, "raised": [],
        })
    };
    let log = ability("use log", "writes log lines", "safe");
    let reveal = ability("use reveal", "reads secrets in clear, each time on record", "danger");
    let rerun = |role: &str| {
        let mut rerun =
            ability("act rerun", &format!("can do \"Rerun\" when somebody with the role {role} asks"), "caution");
        rerun["terms"] = json!(format!("for the role {role}"));
        rerun
    };
    let versions = json!({ "items": [
        version("1.3.0", "shadow", "dd", json!([log])),
        version("1.2.0", "waiting", "cc", json!([log, reveal, rerun("viewer")])),
        version("1.1.0", "active", "bb", json!([log, rerun("operator")])),
        version("1.0.0", "kept", "aa", json!([log])),
    ] });
    api.says("GET /api/v1/plugins/github/versions", 200, &versions.to_string());
    for verb in ["approve", "reject", "enable", "disable", "rollback", "shadow", "promote", "drop"] {
        api.says(&format!("POST /api/v1/plugins/github/{verb}"), 200, include_str!("fixtures/plugin.json"));
    }
    api
}

#[tokio::test]
async fn an_approval_shows_what_is_new_before_it_asks() {
    let api = with_versions().await;
    let outcome = run(&["plugins", "approve", "github"]).input("y\n").on_terminal(100).on(&api).await;
    assert_snapshot!("plugins_approve", outcome.show(&api));
    let approved = posted(&api, "POST /api/v1/plugins/github/approve");
    assert_eq!(approved[0].body, r#"{"digest":"sha256:cc"}"#);
    assert_eq!(run(&["plugins", "approve", "github"]).on(&api).await.code, 2);
    assert_eq!(run(&["plugins", "approve", "github", "--consent", "sha256:bb"]).on(&api).await.code, 2);
    assert_eq!(run(&["plugins", "approve", "github", "--consent", "sha256:cc"]).on(&api).await.code, 0);
    assert_eq!(posted(&api, "POST /api/v1/plugins/github/approve").len(), 2);
}

#[tokio::test]
async fn each_step_asks_the_server_for_just_that() {
    let api = with_versions().await;
    api.says("POST /api/v1/plugins/revocations", 200, r#"{"interrupted":2}"#);
    api.says("DELETE /api/v1/plugins/revocations", 204, "");
    api.says("DELETE /api/v1/plugins/github", 204, "");
    api.says("PUT /api/v1/plugins/publishers/acme", 204, "");
    api.says("DELETE /api/v1/plugins/publishers/acme", 204, "");
    let plugin = "/api/v1/plugins/github";
    // (command, what is asked, query, body)
    let cases: [(&[&str], String, &str, &str); 15] = [
        (&["reject", "github"], format!("POST {plugin}/reject"), "", r#"{"digest":"sha256:cc"}"#),
        (&["enable", "github"], format!("POST {plugin}/enable"), "", "{}"),
        (&["disable", "github"], format!("POST {plugin}/disable"), "", "{}"),
        (&["rollback", "github", "--reason", "r"], format!("POST {plugin}/rollback"), "", r#"{"reason":"r"}"#),
        (
            &["rollback", "github", "--to", "1.0.0"],
            format!("POST {plugin}/rollback"),
            "",
            r#"{"digest":"sha256:aa","reason":""}"#,
        ),
        (
            &["shadow", "github", "sha256:aa", "--calls", "5"],
            format!("POST {plugin}/shadow"),
            "",
            r#"{"calls":5,"differences":0,"digest":"sha256:aa"}"#,
        ),
        (&["promote", "github"], format!("POST {plugin}/promote"), "", r#"{"digest":"sha256:dd"}"#),
        (
            &["drop", "github", "--reason", "no"],
            format!("POST {plugin}/drop"),
            "",
            r#"{"digest":"sha256:dd","reason":"no"}"#,
        ),
        (
            &["revoke", "github", "--reason", "bad"],
            "POST /api/v1/plugins/revocations".to_owned(),
            "",
            r#"{"reason":"bad","target":{"plugin":"github"}}"#,
        ),
        (
            &["revoke", "--key", "ed25519:1", "--reason", "stolen"],
            "POST /api/v1/plugins/revocations".to_owned(),
            "",
            r#"{"reason":"stolen","target":{"key":"ed25519:1"}}"#,
        ),
        (&["pardon", "github"], "DELETE /api/v1/plugins/revocations".to_owned(), "plugin=github", ""),
        (&["uninstall", "github", "--yes"], format!("DELETE {plugin}"), "data=keep", ""),
        (&["uninstall", "github", "--data", "remove", "--yes"], format!("DELETE {plugin}"), "data=remove", ""),
        (
            &["trust", "set", "acme", "ed25519:1", "--yes"],
            "PUT /api/v1/plugins/publishers/acme".to_owned(),
            "",
            r#"{"key":"ed25519:1"}"#,
        ),
        (&["trust", "forget", "acme", "--yes"], "DELETE /api/v1/plugins/publishers/acme".to_owned(), "", ""),
    ];
    for (command, what, query, body) in cases {
        let line = [&["plugins"][..], command].concat();
        let outcome = run(&line).on(&api).await;
        assert_eq!((outcome.code, outcome.out.as_str()), (0, ""), "{line:?}: {}", outcome.err);
        let asked = posted(&api, &what).pop().unwrap_or_else(|| panic!("{line:?} does not ask {what}"));
        assert_eq!((asked.query.as_str(), asked.body.as_str()), (query, body), "{line:?}");
    }
    for line in [
        &["plugins", "uninstall", "github"][..],
        &["plugins", "trust", "forget", "acme"],
        &["plugins", "revoke", "--reason", "nothing is named"],
        &["plugins", "revoke", "github", "--digest", "sha256:1", "--reason", "two things"],
        &["plugins", "rollback", "github", "--to", "9.9.9"],
        &["plugins", "uninstall", "github", "--data", "some"],
    ] {
        assert_eq!(run(line).on(&api).await.code, 2, "{line:?}");
    }
}

#[tokio::test]
async fn what_was_and_is_kept_is_listed() {
    let api = with_versions().await;
    let events = json!({ "items": [{
        "seq": 7, "at": "2026-11-10T11:59:00Z", "plugin": "github", "digest": "sha256:bb", "what": "rolled-back",
        "actor": "host", "detail": "version 1.1.0 runs: 5 of 5 calls of the new version failed by its own fault",
    }] });
    api.says("GET /api/v1/plugins/github/events", 200, &events.to_string());
    let revoked = json!({ "items": [{
        "target": { "digest": "sha256:cc" }, "reason": "it mines coins", "at": "2026-11-10T11:00:00Z", "actor": "admin",
    }] });
    api.says("GET /api/v1/plugins/revocations", 200, &revoked.to_string());
    let publishers = json!({ "items": [
        { "publisher": "acme", "key": "ed25519:1", "how": "pinned", "pinned_at": "2026-11-08T12:00:00Z" },
        { "publisher": "listed", "key": "ed25519:2", "how": "listed" },
    ] });
    api.says("GET /api/v1/plugins/publishers", 200, &publishers.to_string());
    let mut told = String::new();
    for line in [
        &["plugins", "versions", "github"][..],
        &["plugins", "events", "github"],
        &["plugins", "revocations"],
        &["plugins", "trust", "list"],
    ] {
        let outcome = run(line).on(&api).await;
        assert_eq!(outcome.code, 0, "{line:?}: {}", outcome.err);
        told.push_str(&outcome.out);
        told.push('\n');
    }
    assert_snapshot!("plugins_history", told);
}

#[tokio::test]
async fn a_package_is_inspected_without_installing_it() {
    let (api, file) = api(&inspection(json!({})), "active").await;
    let outcome = run(&["plugins", "inspect", &file]).on(&api).await;
    assert_eq!(outcome.code, 0, "{}", outcome.err);
    assert!(outcome.out.contains("DANGEROUS\n    reads secrets in clear"), "{}", outcome.out);
    assert!(!outcome.out.contains('\u{1b}'));
    assert_eq!(api.count("POST /api/v1/plugins"), 0);
}

#[tokio::test]
async fn abilities_are_withheld_and_given_back() {
    let api = Api::start().await;
    api.says("PATCH /api/v1/connections/con_1", 200, include_str!("fixtures/connection.json"));
    let outcome = run(&["connections", "withhold", "con_1", "act rerun"]).on(&api).await;
    assert_eq!((outcome.code, outcome.out.as_str()), (0, ""), "{}", outcome.err);
    let body: Value = serde_json::from_str(&posted(&api, "PATCH /api/v1/connections/con_1")[0].body).unwrap();
    assert_eq!(body["grants"]["withheld"], json!(["act rerun"]));
    // What was granted otherwise stays.
    let before: Value = serde_json::from_str(include_str!("fixtures/connection.json")).unwrap();
    assert_eq!(body["grants"]["networks"], before["grants"]["networks"]);
    // Nothing to give back: nothing is asked.
    assert_eq!(run(&["connections", "grant", "con_1", "act rerun"]).on(&api).await.code, 0);
    assert_eq!(api.count("PATCH /api/v1/connections/con_1"), 1);
}

/// Grants are sent as a whole: those of somebody who was quicker must not be overwritten.
#[tokio::test]
async fn what_somebody_withheld_in_between_is_not_given_back() {
    let api = Api::start().await;
    api.fails("PATCH /api/v1/connections/con_1", 412, "failed to keep the connection: it was changed meanwhile");
    let outcome = run(&["connections", "withhold", "acme", "act rerun"]).on(&api).await;
    assert_eq!((outcome.code, outcome.out.as_str()), (1, ""));
    assert!(outcome.err.contains("somebody changed it in between, and nothing was overwritten"), "{}", outcome.err);
    assert!(outcome.err.contains("`opssight connections show con_1`"), "{}", outcome.err);
    let asked = api.asked();
    let patch = asked.iter().find(|asked| asked.what.starts_with("PATCH")).unwrap();
    assert_eq!(patch.headers["if-match"], crate::api::TAG);
    assert_eq!(api.count("PATCH /api/v1/connections/con_1"), 1, "it is not tried again by itself");
}
