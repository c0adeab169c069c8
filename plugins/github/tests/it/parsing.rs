//! Every example of every event becomes items or a note; what the handled ones become is written down.

use crate::examples;
use opssight_plugin::items::{Deployment, PipelineRun, Push, RunState};
use opssight_plugin::{FailureClass, Item};
use opssight_plugin_github::parse::{Context, ProductionEnvironments, delivery};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const HANDLED: &[&str] = &[
    "workflow_run",
    "workflow_job",
    "check_suite",
    "check_run",
    "deployment",
    "deployment_status",
    "pull_request",
    "pull_request_review",
    "push",
    "release",
    "ping",
    "installation",
    "installation_repositories",
];

pub(crate) fn context() -> Context {
    Context { received_at: 1_795_344_843_000, ..Context::default() }
}

pub(crate) fn show(item: &Item) -> Value {
    json!({
        "id": item.id,
        "kind": item.kind,
        "at": opssight_plugin::time::format(item.at),
        "title": item.title,
        "url": item.url,
        "payload": serde_json::from_slice::<Value>(&item.payload).unwrap(),
    })
}

fn bytes(payload: &Value) -> Vec<u8> {
    serde_json::to_vec(payload).unwrap()
}

#[test]
fn every_example_becomes_items_or_a_note() {
    let mut items = 0;
    for example in examples::all() {
        let what = format!("{} {} #{}", example.event, example.action(), example.number);
        let reception = delivery(&example.event, &bytes(&example.payload), &context())
            .unwrap_or_else(|failure| panic!("{what}: {failure:?}"));
        assert_eq!(reception.items.is_empty(), reception.note.is_some(), "{what}");
        items += reception.items.len();
        let ids: BTreeSet<_> = reception.items.iter().map(|item| (&item.kind, &item.id)).collect();
        assert_eq!(ids.len(), reception.items.len(), "{what}: two items of one kind have one id");
        for item in &reception.items {
            assert!(opssight_plugin::items::KINDS.contains(&item.kind.as_str()), "{what}: {}", item.kind);
            assert!(item.at > 0 && !item.title.is_empty(), "{what}: {item:?}");
        }
        if !HANDLED.contains(&example.event.as_str()) {
            assert!(reception.items.is_empty(), "{what}");
        }
    }
    assert!(items > 80, "only {items} items");
}

#[test]
fn what_each_handled_event_becomes() {
    for event in HANDLED {
        // One example of each action, each written with its action, so that a change shows which one it touches.
        let mut seen = BTreeMap::new();
        for example in examples::of(event) {
            let reception = delivery(event, &bytes(&example.payload), &context()).unwrap();
            seen.entry(example.action().to_owned()).or_insert_with(
                || json!({ "items": reception.items.iter().map(show).collect::<Vec<_>>(), "note": reception.note }),
            );
        }
        insta::assert_json_snapshot!(format!("event_{event}"), seen);
    }
}

#[test]
fn a_rerun_is_another_attempt_that_began_when_it_was_rerun() {
    let mut payload = examples::of("workflow_run").remove(0).payload;
    payload["workflow_run"]["run_attempt"] = json!(3);
    payload["workflow_run"]["created_at"] = json!("2026-01-01T00:00:00Z");
    payload["workflow_run"]["run_started_at"] = json!("2026-01-02T00:00:00Z");
    let reception = delivery("workflow_run", &bytes(&payload), &context()).unwrap();
    let run: PipelineRun = reception.items[0].payload_as().unwrap();
    assert!(reception.items[0].id.ends_with("/3"));
    assert_eq!((run.attempt, run.created_at, run.started_at), (3, Some(1_767_312_000_000), Some(1_767_312_000_000)));
}

#[test]
fn a_job_tells_its_run_along_but_not_how_the_run_is_doing() {
    for example in examples::of("workflow_job") {
        let reception = delivery("workflow_job", &bytes(&example.payload), &context()).unwrap();
        let run: PipelineRun = reception.items[0].payload_as().unwrap();
        assert_eq!(run.id, example.payload["workflow_job"]["run_id"].to_string());
        assert_eq!((run.state, run.result, run.finished_at), (None, None, None));
        assert_eq!(reception.items.len(), 2);
    }
}

#[test]
fn states_and_results_are_mapped() {
    let payload = examples::of("workflow_run").remove(0).payload;
    for (status, conclusion, expect) in [
        ("requested", Value::Null, json!(["queued", null])),
        ("queued", Value::Null, json!(["queued", null])),
        ("pending", Value::Null, json!(["queued", null])),
        ("waiting", Value::Null, json!(["waiting", null])),
        ("in_progress", Value::Null, json!(["running", null])),
        ("completed", json!("success"), json!(["finished", "success"])),
        ("completed", json!("failure"), json!(["finished", "failure"])),
        ("completed", json!("timed_out"), json!(["finished", "timeout"])),
        ("completed", json!("cancelled"), json!(["finished", "cancellation"])),
        ("completed", json!("skipped"), json!(["finished", "skip"])),
        ("completed", json!("neutral"), json!(["finished", "neutral"])),
        ("completed", json!("action_required"), json!(["finished", "action_required"])),
        ("completed", json!("startup_failure"), json!(["finished", "error"])),
        ("completed", json!("stale"), json!(["finished", "cancellation"])),
        ("invented_later", json!("invented_too"), json!([null, null])),
    ] {
        let mut payload = payload.clone();
        payload["workflow_run"]["status"] = json!(status);
        payload["workflow_run"]["conclusion"] = conclusion;
        let reception = delivery("workflow_run", &bytes(&payload), &context()).unwrap();
        let run: PipelineRun = reception.items[0].payload_as().unwrap();
        assert_eq!(json!([run.state, run.result]), expect, "{status}");
        assert_eq!(run.finished_at.is_some(), run.state == Some(RunState::Finished), "{status}");
    }
}

#[test]
fn checks_of_github_actions_are_left_to_its_own_events() {
    for event in ["check_suite", "check_run"] {
        let mut payload = examples::of(event).remove(0).payload;
        payload[event]["app"]["slug"] = json!("github-actions");
        let reception = delivery(event, &bytes(&payload), &context()).unwrap();
        assert!(reception.items.is_empty());
        payload[event]["app"]["slug"] = json!("buildkite");
        let reception = delivery(event, &bytes(&payload), &context()).unwrap();
        assert!(reception.items.iter().all(|item| item.id.starts_with("check-")), "{event}");
    }
}

#[test]
fn the_setting_decides_what_production_is_and_githubs_flag_where_there_is_no_setting() {
    let mut payload = examples::of("deployment_status").remove(0).payload;
    for (patterns, environment, flag, expect) in [
        (vec![], "prod-eu", json!(true), Some(true)),
        (vec![], "prod-eu", Value::Null, None),
        (vec!["prod*"], "prod-eu", json!(false), Some(true)),
        (vec!["prod*"], "staging", json!(true), Some(false)),
        (vec!["live"], "live", Value::Null, Some(true)),
        (vec!["live"], "live-2", Value::Null, Some(false)),
    ] {
        payload["deployment"]["environment"] = json!(environment);
        payload["deployment"]["production_environment"] = flag;
        let production = ProductionEnvironments(patterns.into_iter().map(str::to_owned).collect());
        let context = Context { production, ..context() };
        let reception = delivery("deployment_status", &bytes(&payload), &context).unwrap();
        let deployment: Deployment = reception.items[0].payload_as().unwrap();
        assert_eq!(deployment.production, expect, "{environment} {context:?}");
    }
}

#[test]
fn a_push_lists_commits_with_their_times_and_a_deleted_branch_is_only_noted() {
    let mut payload = examples::of("push").remove(0).payload;
    payload["ref"] = json!("refs/heads/feature/x");
    payload["deleted"] = json!(false);
    payload["after"] = json!("6113728f27ae82c7b1a177c8d03f9e96e0adf246");
    payload["commits"] =
        json!([{ "id": "a", "timestamp": "2026-01-01T02:00:00+02:00" }, { "id": "b", "timestamp": null }]);
    let reception = delivery("push", &bytes(&payload), &context()).unwrap();
    let push: Push = reception.items[0].payload_as().unwrap();
    assert_eq!(push.branch, "feature/x");
    assert_eq!(push.commits.len(), 1);
    assert_eq!(push.commits[0].committed_at, 1_767_225_600_000);
    payload["deleted"] = json!(true);
    let reception = delivery("push", &bytes(&payload), &context()).unwrap();
    assert!(reception.items.is_empty() && reception.note.unwrap().contains("feature/x was deleted"));
}

#[test]
fn what_is_not_json_is_named_so() {
    for event in HANDLED.iter().copied().chain(["star"]) {
        let body = bytes(&examples::of(event).remove(0).payload);
        for cut in [0, 1, body.len() / 2, body.len() - 1] {
            let failure = delivery(event, &body[..cut], &context()).unwrap_err();
            assert_eq!(
                (failure.class, failure.code.as_str()),
                (FailureClass::Unsupported, "github.not-json"),
                "{event} {cut}"
            );
        }
    }
    let failure = delivery("push", b"payload=%7B%7D", &context()).unwrap_err();
    assert!(failure.message.contains("application/json"), "{}", failure.message);
}

#[test]
fn json_of_another_shape_names_event_and_field() {
    for (event, body, expect) in [
        ("workflow_run", "{}", "the workflow_run payload has no workflow_run"),
        ("workflow_run", r#"{"workflow_run": {}, "repository": {"full_name": "o/r"}}"#, "has no workflow_run.id"),
        (
            "workflow_job",
            r#"{"workflow_job": {"id": 1}, "repository": {"full_name": "o/r"}}"#,
            "no workflow_job.run_id",
        ),
        ("push", r#"{"ref": "refs/heads/x", "after": "1"}"#, "the push payload has no repository"),
        ("workflow_run", "[]", "does not look as GitHub documents it"),
        ("workflow_run", "null", "does not look as GitHub documents it"),
    ] {
        let failure = delivery(event, body.as_bytes(), &context()).unwrap_err();
        assert_eq!(failure.code, "github.bad-payload");
        assert!(failure.message.contains(expect), "{}", failure.message);
    }
}
