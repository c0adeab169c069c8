//! What is said when something is wrong, and the exit codes.

use crate::api::Api;
use crate::run;
use insta::assert_snapshot;

#[tokio::test]
async fn a_problem_is_told_with_its_fields_and_what_to_do() {
    let api = Api::start().await;
    let problem = r#"{"type":"https://opssight.dev/problems/invalid","title":"Invalid","status":422,
        "detail":"the settings do not fit the plugin's schema","request_id":"req_42",
        "fields":[{"at":"/settings/base_url","problem":"must be https\u001b[2J"}]}"#;
    api.says("GET /api/v1/runs", 422, problem);
    assert_snapshot!("problem", run(&["runs", "list"]).on(&api).await.show(&api));
    assert_snapshot!("problem_json", run(&["runs", "list", "-o", "json"]).on(&api).await.show(&api));
}

#[tokio::test]
async fn exit_codes_and_next_steps_follow_what_went_wrong() {
    let api = Api::start().await;
    for (status, code, next) in [
        (400, 1, None),
        (401, 4, Some("opssight login")),
        (403, 1, Some("opssight whoami")),
        (404, 1, Some("`opssight runs list` shows what there is")),
        (409, 1, Some("try again")),
        (500, 1, Some("request id")),
        (503, 1, Some("opssight doctor")),
    ] {
        api.fails("GET /api/v1/runs/run_2", status, "this and that");
        let outcome = run(&["runs", "show", "run_2"]).on(&api).await;
        assert_eq!(outcome.code, code, "{status}");
        assert!(outcome.err.starts_with("error: this and that\n  request id: req_1\n"), "{}", outcome.err);
        match next {
            Some(next) => assert!(outcome.err.contains(next), "{status}: {}", outcome.err),
            None => assert!(!outcome.err.contains("next:"), "{status}: {}", outcome.err),
        }
        assert_eq!(outcome.out, "");
    }
}

#[tokio::test]
async fn without_a_session_nothing_is_even_asked() {
    let api = Api::start().await;
    let outcome = run(&["runs", "list"]).without_token().on(&api).await;
    assert_snapshot!("not_signed_in", outcome.show(&api));
    assert_eq!(outcome.code, 4);
    assert!(api.asked().is_empty());
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named() {
    let mut api = Api::start().await;
    api.url = "http://127.0.0.1:1".to_owned();
    let outcome = run(&["runs", "list"]).on(&api).await;
    assert_eq!(outcome.code, 1);
    assert!(outcome.err.starts_with("error: failed to reach http://127.0.0.1:1: "), "{}", outcome.err);
    assert!(outcome.err.contains("next: check that `opssight serve` is running there"), "{}", outcome.err);
}

#[tokio::test]
async fn another_kind_of_server_is_recognised() {
    let api = Api::start().await;
    for (status, body) in [(200, "<html>"), (200, "[]"), (502, "<html>bad gateway"), (307, "")] {
        api.says("GET /api/v1/runs", status, body);
        let outcome = run(&["runs", "list"]).on(&api).await;
        assert_eq!(outcome.code, 1, "{status} {body}");
        assert!(outcome.err.contains("did not answer like an OpsSight server"), "{}", outcome.err);
    }
}

#[tokio::test]
async fn a_wrong_command_line_is_a_usage_error() {
    let api = Api::start().await;
    for line in [
        &["runs"][..],
        &["runs", "list", "--result", "good"],
        &["runs", "list", "--since", "yesterday"],
        &["runs", "list", "--limit", "0"],
        &["runs", "list", "--limit", "5", "--all"],
        &["runs", "show", ".."],
        &["runs", "show", ""],
        &["deliveries", "replay"],
        &["deliveries", "replay", "del_1", "--all-failed"],
        &["deliveries", "replay", "del_1", "--connection", "acme"],
        &["delivery", "metrics", "--evidence", "change_lead_time"],
        &["connections", "add", "--plugin", "github", "--name", "x", "--allow-http"],
        &["connections", "add", "--plugin", "github", "--name", "x", "--credential", "token"],
    ] {
        let outcome = run(line).on(&api).await;
        assert_eq!(outcome.code, 2, "{line:?}: {}", outcome.err);
    }
    assert!(api.asked().is_empty());
}

#[tokio::test]
async fn the_token_goes_to_the_server_and_nowhere_else() {
    let elsewhere = Api::start().await;
    let api = Api::start().await;
    api.says("GET /api/v1/runs", 307, "");
    run(&["runs", "list"]).on(&api).await;
    assert!(elsewhere.asked().is_empty());
    let asked = api.asked().remove(0);
    assert_eq!(asked.headers["authorization"], "Bearer good-token");
    assert!(asked.headers["user-agent"].to_str().unwrap().starts_with("opssight-cli/"));
}
