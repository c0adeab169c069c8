//! `runs watch`: following a run over the live stream.

use crate::api::Api;
use crate::{Outcome, run};
use std::sync::Arc;
use std::time::Duration;

const RUN: &str = "GET /api/v1/runs/run_2";

fn detail(state: &str, result: Option<&str>) -> String {
    let mut detail: serde_json::Value = serde_json::from_str(include_str!("fixtures/run.json")).unwrap();
    detail["run"]["state"] = state.into();
    detail["run"]["result"] = result.into();
    detail["jobs"][2]["state"] = state.into();
    detail.to_string()
}

fn event(id: u32, subject: &str, data: &str) -> String {
    let event = format!(
        r#"{{"specversion":"1.0","id":"{id}","type":"dev.cdevents.pipelinerun.finished.0.3.0","source":"/connections/con_1","subject":"{subject}","time":"2026-11-10T12:00:00Z","data":{data}}}"#
    );
    format!("id: {id}\ndata: {event}\n\n")
}

/// Start to watch a run that is running, and wait until it is being followed.
async fn watching(line: &'static [&'static str]) -> (Arc<Api>, tokio::task::JoinHandle<Outcome>) {
    let api = Arc::new(Api::start().await);
    api.says(RUN, 200, &detail("running", None));
    let watched = Arc::clone(&api);
    let task = tokio::spawn(async move { run(line).on(&watched).await });
    while api.listeners() == 0 || api.count(RUN) == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // It must be in its wait, or the test would not show that the event wakes it.
    tokio::time::sleep(Duration::from_millis(50)).await;
    (api, task)
}

async fn ended(task: tokio::task::JoinHandle<Outcome>) -> Outcome {
    tokio::time::timeout(Duration::from_secs(10), task).await.expect("the watch does not end").unwrap()
}

#[tokio::test]
async fn an_event_about_the_run_ends_the_wait() {
    let (api, task) = watching(&["runs", "watch", "run_2"]).await;
    api.says(RUN, 200, &detail("finished", Some("success")));
    api.send(&event(1, "run_2", "{}"));
    let outcome = ended(task).await;
    assert_eq!(outcome.code, 0);
    assert!(outcome.out.starts_with("Run            run_2\nState          success\n"), "{}", outcome.out);
    assert_eq!(outcome.err, "");
}

#[tokio::test]
async fn events_about_its_jobs_count_and_others_do_not() {
    let (api, task) = watching(&["runs", "watch", "run_2", "-o", "name"]).await;
    api.says(RUN, 200, &detail("finished", Some("failure")));
    let before = api.count(RUN);
    api.send(&event(1, "run_99", "{}"));
    api.send("data: not json\n\n: comment\n\n");
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(api.count(RUN), before);
    api.send(&event(2, "job_3", r#"{"state":"finished"}"#));
    let outcome = ended(task).await;
    assert_eq!((outcome.code, outcome.out.as_str()), (5, "run_2\n"));
    assert_eq!(outcome.err, "error: run run_2 ended badly: failure\n");
}

#[tokio::test]
async fn a_broken_stream_is_taken_up_where_it_was() {
    let (api, task) = watching(&["runs", "watch", "run_2", "-o", "name"]).await;
    api.send(&event(41, "run_99", "{}"));
    api.send("END");
    while api.count("GET /api/v1/live") < 2 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let again = api.asked().into_iter().filter(|asked| asked.what == "GET /api/v1/live").nth(1).unwrap();
    assert_eq!(again.headers["last-event-id"], "41");
    api.says(RUN, 200, &detail("finished", Some("success")));
    api.send("event: resync\ndata: {}\n\n");
    assert_eq!(ended(task).await.code, 0);
}

#[tokio::test]
async fn it_gives_up_in_time_and_says_so_by_its_exit_code() {
    let api = Api::start().await;
    api.says(RUN, 200, &detail("running", None));
    let outcome = run(&["runs", "watch", "run_2", "--timeout", "200ms", "-o", "json"]).on(&api).await;
    assert_eq!((outcome.code, outcome.out.as_str()), (8, ""));
    assert!(outcome.err.contains(r#""code":"still-pending""#), "{}", outcome.err);
}

#[tokio::test]
async fn what_is_over_already_is_not_waited_for() {
    for (result, code) in [
        ("success", 0),
        ("skip", 0),
        ("neutral", 0),
        ("failure", 5),
        ("error", 5),
        ("timeout", 5),
        ("cancellation", 5),
        ("action_required", 5),
    ] {
        let api = Api::start().await;
        api.says(RUN, 200, &detail("finished", Some(result)));
        assert_eq!(run(&["runs", "watch", "run_2"]).on(&api).await.code, code, "{result}");
    }
}

#[tokio::test]
async fn with_jsonl_every_change_is_a_line() {
    let (api, task) = watching(&["runs", "watch", "run_2", "-o", "jsonl"]).await;
    api.send(&event(1, "run_2", "{}"));
    tokio::time::sleep(Duration::from_millis(300)).await;
    api.says(RUN, 200, &detail("finished", Some("success")));
    api.send(&event(2, "run_2", "{}"));
    let outcome = ended(task).await;
    let states: Vec<_> = outcome
        .out
        .lines()
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line).unwrap()["run"]["state"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(states, ["running", "finished"]);
}

#[tokio::test]
async fn a_hiccup_of_the_server_is_sat_out() {
    let (api, task) = watching(&["runs", "watch", "run_2", "-o", "name"]).await;
    let busy = r#"{"type":"x","title":"Busy","status":503,"detail":"starting"}"#;
    api.then(RUN, &[(503, busy), (200, &detail("finished", Some("success")))]);
    api.send(&event(1, "run_2", "{}"));
    tokio::time::sleep(Duration::from_millis(300)).await;
    api.send(&event(2, "run_2", "{}"));
    assert_eq!(ended(task).await.code, 0);
}

#[tokio::test]
async fn a_run_that_is_not_there_is_not_waited_for() {
    let api = Api::start().await;
    assert_eq!(run(&["runs", "watch", "run_404"]).on(&api).await.code, 1);
}
