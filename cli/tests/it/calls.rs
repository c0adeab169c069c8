//! Recorded calls and logs of plugins.

use crate::api::Api;
use crate::run;

const CALLS: &str = r#"{ "items": [{
    "id": "call_1", "at": "2026-11-10T11:00:00Z", "plugin": "github", "version": "1.2.3", "digest": "sha256:00",
    "connection": "con_1", "kind": "source", "outcome": "failed", "replayable": true, "size": 2048,
    "error": { "fault": "plugin", "class": "trap", "code": "plugin.panic", "message": "it panicked\u001b[31m" }
}] }"#;

const RECORD: &str = r#"{
    "format": "opssight.call/1", "id": "call_1", "at": 1, "plugin": "github", "version": "1.2.3", "digest": "sha256:00",
    "connection": "con_1", "kind": "source", "input": { "feed": "runs" }, "settings": {}, "grants": {},
    "exchanges": [
        { "method": "GET", "url": "https://api.github.com/a", "answer": { "is": "response", "status": 200 } },
        { "method": "GET", "url": "https://evil.test/", "answer": { "is": "refused", "code": "egress.denied", "message": "no" } }
    ],
    "asked": [{ "what": "state.get", "input": { "key": "etag" }, "answer": null }],
    "log": [{ "level": "warn", "message": "odd" }],
    "outcome": { "is": "failure", "fault": "plugin", "class": "trap", "code": "plugin.panic", "message": "it panicked" },
    "usage": { "cpu_us": 7, "wall_us": 8, "requests": 2, "memory_bytes": 1024 },
    "cut": ["an answer made it larger than 16 bytes"]
}"#;

const LOG: &str = r#"{ "items": [
    { "at": "2026-11-10T11:00:00Z", "level": "warn", "connection": "con_1", "message": "odd <b>" }
] }"#;

async fn api() -> Api {
    let api = Api::start().await;
    api.says("GET /api/v1/plugins/github/calls", 200, CALLS);
    api.says("GET /api/v1/plugins/-/calls/call_1", 200, RECORD);
    api.says("GET /api/v1/plugins/github/log", 200, LOG);
    api
}

#[tokio::test]
async fn calls_are_listed_with_what_went_wrong_and_nothing_that_moves_the_cursor() {
    let api = api().await;
    let listed = run(&["plugins", "calls", "github", "--outcome", "failed", "--connection", "con_1"]).on(&api).await;
    assert_eq!(listed.code, 0, "{}", listed.err);
    assert!(
        listed.out.contains("call_1") && listed.out.contains("plugin.panic (plugin): it panicked"),
        "{}",
        listed.out
    );
    assert!(!listed.out.contains('\u{1b}'), "{}", listed.out);
    let asked = api.asked().into_iter().find(|asked| asked.what.ends_with("/calls")).unwrap();
    assert!(asked.query.contains("connection=con_1") && asked.query.contains("outcome=failed"), "{}", asked.query);
    assert_ne!(run(&["plugins", "calls", "github", "--outcome", "odd"]).on(&api).await.code, 0);
}

#[tokio::test]
async fn a_call_is_an_outline_for_people_and_the_record_for_programs() {
    let api = api().await;
    let shown = run(&["plugin", "call", "call_1"]).on(&api).await;
    for part in [
        "github 1.2.3",
        "plugin.panic (trap, plugin): it panicked",
        "https://api.github.com/a",
        "egress.denied: no",
        "state.get",
        "odd",
        "no: an answer made it larger than 16 bytes",
    ] {
        assert!(shown.out.contains(part), "{part} is not in\n{}", shown.out);
    }
    let record = run(&["plugin", "call", "call_1", "-o", "json"]).on(&api).await;
    let (then, now): (serde_json::Value, serde_json::Value) =
        (serde_json::from_str(RECORD).unwrap(), serde_json::from_str(&record.out).unwrap());
    assert_eq!(then, now);
}

#[tokio::test]
async fn log_lines_are_shown_and_a_replay_is_left_to_the_host() {
    let api = api().await;
    let log = run(&["plugins", "log", "github"]).on(&api).await;
    assert!(log.out.contains("warn") && log.out.contains("odd <b>"), "{}", log.out);
    let replay = run(&["plugins", "replay", "call_1"]).on(&api).await;
    assert!(replay.code == 2 && replay.err.contains("plugin runtime"), "{}", replay.err);
}
