//! Questions: only where somebody can answer.

use crate::api::Api;
use crate::run;

const CANCEL: &str = "POST /api/v1/runs/run_2/actions/cancel";

async fn api() -> Api {
    let api = Api::start().await;
    api.says(CANCEL, 200, r#"{"output":{"accepted":true},"items":1}"#);
    api.says("POST /api/v1/runs/run_2/actions/rerun", 200, r#"{"output":{},"items":0}"#);
    api.says("POST /api/v1/runs/run_2/actions/rerun-failed-jobs", 200, r#"{"output":{},"items":0}"#);
    api.says("DELETE /api/v1/connections/con_1", 204, "");
    api
}

#[tokio::test]
async fn without_a_terminal_nobody_is_asked_and_nothing_is_done() {
    let api = api().await;
    for line in [
        &["runs", "cancel", "run_2"][..],
        &["connections", "remove", "con_1"],
        &["deliveries", "replay", "--all-failed"],
    ] {
        let outcome = run(line).input("y\n").on(&api).await;
        assert_eq!(outcome.code, 2, "{line:?}");
        assert!(outcome.err.contains("--yes"), "{}", outcome.err);
    }
    let outcome = run(&["runs", "cancel", "run_2", "--no-input"]).input("y\n").on_terminal(80).on(&api).await;
    assert_eq!(outcome.code, 2);
    assert!(api.asked().iter().all(|asked| asked.what.starts_with("GET ")));
}

#[tokio::test]
async fn yes_answers_beforehand() {
    let api = api().await;
    let outcome = run(&["runs", "cancel", "run_2", "--yes", "-o", "json"]).on(&api).await;
    assert_eq!((outcome.code, outcome.err.as_str()), (0, ""));
    assert_eq!(outcome.out, "{\n  \"output\": {\n    \"accepted\": true\n  },\n  \"items\": 1\n}\n");
    let asked = api.asked().into_iter().find(|asked| asked.what == CANCEL).unwrap();
    assert_eq!(asked.body, r#"{"input":{}}"#);
}

#[tokio::test]
async fn only_yes_is_yes() {
    let api = api().await;
    for (answer, code) in [("n\n", 2), ("\n", 2), ("", 2), ("yes please\n", 2), ("y\n", 0), ("YES\n", 0)] {
        let outcome = run(&["runs", "cancel", "run_2"]).input(answer).on_terminal(80).on(&api).await;
        assert_eq!(outcome.code, code, "{answer:?}");
        assert!(outcome.err.starts_with("Cancel: acme/web CI #43 (attempt 2) (failure)? [y/N] "), "{}", outcome.err);
    }
    assert_eq!(api.count(CANCEL), 2);
}

#[tokio::test]
async fn rerun_does_what_its_flag_says() {
    let api = api().await;
    assert_eq!(run(&["runs", "rerun", "run_2"]).on(&api).await.code, 0);
    assert_eq!(run(&["runs", "rerun", "run_2", "--failed"]).on(&api).await.code, 0);
    assert_eq!(api.count("POST /api/v1/runs/run_2/actions/rerun"), 1);
    assert_eq!(api.count("POST /api/v1/runs/run_2/actions/rerun-failed-jobs"), 1);
}

#[tokio::test]
async fn what_can_not_be_done_is_said_with_what_can() {
    let api = api().await;
    let outcome = run(&["runs", "cancel", "run_2", "--force", "--yes"]).on(&api).await;
    assert_eq!(outcome.code, 1);
    assert_eq!(
        outcome.err,
        "error: run run_2 can not be cancelled by force now; what can be done to it: rerun, rerun-failed-jobs, cancel\n"
    );
}

#[tokio::test]
async fn all_failed_deliveries_are_replayed_after_one_question() {
    let api = api().await;
    api.says("POST /api/v1/deliveries/del_1/replay", 202, r#"{"id":"del_1"}"#);
    api.says("POST /api/v1/deliveries/del_2/replay", 202, r#"{"id":"del_2"}"#);
    api.says("POST /api/v1/deliveries/del_3/replay", 202, r#"{"id":"del_3"}"#);
    let line = ["deliveries", "replay", "--all-failed", "--connection", "acme"];
    let outcome = run(&line).input("y\n").on_terminal(80).on(&api).await;
    assert_eq!(outcome.code, 0);
    assert!(outcome.err.contains("Process 3 failed deliveries again? [y/N]"), "{}", outcome.err);
    let listed = api.asked().into_iter().find(|asked| asked.what == "GET /api/v1/deliveries").unwrap();
    assert_eq!(listed.query, "connection=con_1&limit=200&state=failed");
    let outcome = run(&["deliveries", "replay", "del_1", "del_2", "-o", "json"]).on(&api).await;
    let printed: serde_json::Value = serde_json::from_str(&outcome.out).unwrap();
    assert_eq!(printed, serde_json::json!([{ "id": "del_1" }, { "id": "del_2" }]));
}

#[tokio::test]
async fn a_delivery_that_can_not_be_replayed_does_not_stop_the_others() {
    let api = api().await;
    api.fails("POST /api/v1/deliveries/del_1/replay", 409, "it is being processed");
    api.says("POST /api/v1/deliveries/del_2/replay", 202, r#"{"id":"del_2"}"#);
    let outcome = run(&["deliveries", "replay", "del_1", "del_2", "-o", "name"]).on(&api).await;
    assert_eq!((outcome.code, outcome.out.as_str()), (1, "del_2\n"));
    assert_eq!(outcome.err, "warning: del_1: it is being processed\nerror: 1 of 2 deliveries could not be replayed\n");
}
