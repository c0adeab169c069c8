//! Actions, health and refusals against a scripted GitHub.

use crate::github::{NOW, error, ok, run, start, with};
use opssight_plugin::http::Method;
use opssight_plugin::{Actions, Delivery, Failure, FailureClass, Health, Invocation, Outcome, Webhook, native};
use opssight_plugin_github::GitHub;
use serde_json::{Value, json};

fn act(name: &str, input: &Value) -> Result<Outcome, Failure> {
    GitHub::run(Invocation {
        name: name.to_owned(),
        input: input.to_string(),
        idempotency_key: "k".to_owned(),
        actor: "ada".to_owned(),
    })
}

fn output(outcome: &Outcome) -> Value {
    serde_json::from_str(&outcome.output).unwrap()
}

#[test]
fn run_actions_post_and_tell_how_the_run_is_now() {
    for (name, status) in [("rerun", 201), ("rerun-failed-jobs", 201), ("cancel", 202), ("force-cancel", 202)] {
        let log = start(&json!({}), move |asked| match asked.method {
            Method::Post => native::answer(status, "{}"),
            _ => ok(&run(7, NOW, "success")),
        });
        let outcome = act(name, &json!({ "service": "o/r", "run_id": "7" })).unwrap();
        assert_eq!(
            log.take(),
            [format!("POST /repos/o/r/actions/runs/7/{name}"), "GET /repos/o/r/actions/runs/7".to_owned()]
        );
        assert_eq!(output(&outcome), json!({ "run_id": "7" }));
        assert_eq!(outcome.items[0].id, "7/1");
    }
}

#[test]
fn what_was_done_is_no_failure_because_the_run_cannot_be_read() {
    start(&json!({}), |asked| match asked.method {
        Method::Post => native::answer(202, "{}"),
        _ => error(502, "Bad gateway"),
    });
    let outcome = act("cancel", &json!({ "service": "o/r", "run_id": "7" })).unwrap();
    assert!(outcome.items.is_empty());
}

#[test]
fn a_dispatch_returns_the_run_where_the_server_can() {
    for (details, expect) in [(true, json!("99")), (false, Value::Null)] {
        let log = start(&json!({}), move |asked| match asked.method {
            Method::Post => {
                assert_eq!(
                    asked.body,
                    json!({ "ref": "main", "inputs": { "env": "prod" }, "return_run_details": true })
                );
                if details {
                    ok(
                        &json!({ "workflow_run_id": 99, "run_url": "u", "html_url": "https://github.com/o/r/actions/runs/99" }),
                    )
                } else {
                    native::answer(204, "")
                }
            }
            _ => ok(&run(99, NOW, "success")),
        });
        let input = json!({ "service": "o/r", "workflow": "a b.yml", "ref": "main", "inputs": { "env": "prod" } });
        let outcome = act("dispatch", &input).unwrap();
        assert_eq!(log.take()[0], "POST /repos/o/r/actions/workflows/a%20b.yml/dispatches");
        assert_eq!(output(&outcome)["run_id"], expect);
        assert_eq!(outcome.items.len(), usize::from(details));
    }
}

#[test]
fn a_review_decides_on_what_waits_and_may_be_decided() {
    let pending = json!([
        { "environment": { "id": 1, "name": "staging" }, "current_user_can_approve": true },
        { "environment": { "id": 2, "name": "production" }, "current_user_can_approve": true },
        { "environment": { "id": 3, "name": "vault" }, "current_user_can_approve": false },
    ]);
    for (input, ids, state, comment) in [
        (json!({ "decision": "approve" }), json!([1, 2]), "approved", "approved by ada through OpsSight"),
        (
            json!({ "decision": "reject", "environments": ["production"], "comment": "not on a Friday" }),
            json!([2]),
            "rejected",
            "not on a Friday (ada through OpsSight)",
        ),
    ] {
        let pending = pending.clone();
        let (wanted, state_wanted, comment) = (ids.clone(), state.to_owned(), comment.to_owned());
        start(&json!({}), move |asked| match (asked.method, asked.path.ends_with("/pending_deployments")) {
            (Method::Get, true) => ok(&pending),
            (Method::Post, true) => {
                assert_eq!(asked.body, json!({ "environment_ids": wanted, "state": state_wanted, "comment": comment }));
                ok(&json!([]))
            }
            _ => ok(&run(7, NOW, "success")),
        });
        let mut input = input;
        input["service"] = json!("o/r");
        input["run_id"] = json!("7");
        let outcome = act("review-deployment", &input).unwrap();
        assert_eq!(output(&outcome)["decision"], state);
        assert_eq!(outcome.items.len(), 1);
        input["environments"] = json!(["vault"]);
        assert_eq!(act("review-deployment", &input).unwrap_err().code, "github.nothing-waits");
    }
}

#[test]
fn an_action_or_input_that_is_not_known_is_said_to_be_unknown() {
    start(&json!({}), |_| error(500, "never asked"));
    assert_eq!(act("explode", &json!({})).unwrap_err().code, "github.no-action");
    assert_eq!(act("rerun", &json!({ "service": "o/r" })).unwrap_err().code, "github.bad-input");
}

#[test]
fn refusals_say_who_has_to_do_what() {
    let reset = (NOW / 1000 + 90).to_string();
    for (response, class, code, retry) in [
        (error(401, "Bad credentials"), FailureClass::Auth, "github.unauthorized", None),
        (error(403, "Resource not accessible by personal access token"), FailureClass::Auth, "github.forbidden", None),
        (error(404, "Not Found"), FailureClass::NotFound, "github.not-found", None),
        (
            error(409, "Cannot cancel a workflow run that is completed."),
            FailureClass::Unsupported,
            "github.conflict",
            None,
        ),
        (error(422, "No ref found for: nope"), FailureClass::Unsupported, "github.refused", None),
        (error(502, "Bad gateway"), FailureClass::Upstream, "github.unavailable", None),
        (native::answer(503, "<html>"), FailureClass::Upstream, "github.unavailable", None),
        (
            with(with(error(403, "API rate limit exceeded"), "x-ratelimit-remaining", 0), "x-ratelimit-reset", reset),
            FailureClass::RateLimited,
            "github.rate-limit",
            Some(90_000),
        ),
        (
            with(error(429, "slow"), "retry-after", 5),
            FailureClass::RateLimited,
            "github.secondary-rate-limit",
            Some(5_000),
        ),
        (
            error(403, "You have exceeded a secondary rate limit"),
            FailureClass::RateLimited,
            "github.secondary-rate-limit",
            Some(60_000),
        ),
    ] {
        start(&json!({}), move |_| response.clone());
        let failure = act("cancel", &json!({ "service": "o/r", "run_id": "7" })).unwrap_err();
        assert_eq!((failure.class, failure.code.as_str(), failure.retry_after_ms), (class, code, retry));
        assert!(failure.message.contains("/repos/o/r/actions/runs/7/cancel"), "{}", failure.message);
    }
}

#[test]
fn health_names_who_it_is_and_tries_the_named_repositories() {
    start(&json!({}), |asked| match asked.path.as_str() {
        "/installation/repositories" => {
            with(ok(&json!({ "total_count": 12, "repositories": [] })), "x-ratelimit-remaining", 4999)
        }
        path => panic!("{path}"),
    });
    let report = GitHub::check().unwrap();
    assert_eq!(report.summary, "signed in as a GitHub App that sees 12 repositories");
    assert!(report.attrs.contains(&("github.ratelimit-remaining".to_owned(), "4999".to_owned())));

    start(&json!({ "repositories": ["o/r", "o/old"] }), |asked| match asked.path.as_str() {
        "/user" => ok(&json!({ "login": "octocat" })),
        "/repos/o/r" => ok(&json!({ "full_name": "o/r" })),
        "/repos/o/old" => ok(&json!({ "full_name": "o/new" })),
        _ => error(403, "You must authenticate with an installation access token"),
    });
    let failure = GitHub::check().unwrap_err();
    assert_eq!((failure.class, failure.code.as_str()), (FailureClass::Config, "github.renamed"));

    start(&json!({ "repositories": ["o/r"] }), |asked| match asked.path.as_str() {
        "/user" => ok(&json!({ "login": "octocat" })),
        "/repos/o/r" => ok(&json!({ "full_name": "o/r" })),
        _ => error(403, "You must authenticate with an installation access token"),
    });
    assert_eq!(GitHub::check().unwrap().summary, "signed in as octocat, watching 1 repository");

    start(&json!({}), |_| error(401, "Bad credentials"));
    assert_eq!(GitHub::check().unwrap_err().class, FailureClass::Auth);
}

#[test]
fn a_github_enterprise_server_is_reached_under_its_own_address() {
    native::reset();
    native::set_settings(r#"{"base_url": "https://ghe.example.com/api/v3"}"#);
    native::on_http(|request| {
        assert_eq!(request.url(), "https://ghe.example.com/api/v3/installation/repositories?per_page=1");
        Ok(ok(&json!({ "total_count": 1 })))
    });
    assert_eq!(GitHub::check().unwrap().summary, "signed in as a GitHub App that sees 1 repository");
}

#[test]
fn a_delivery_is_received_by_its_event_header() {
    native::reset();
    native::set_settings(r#"{"production_environments": ["production"]}"#);
    let body = serde_json::to_vec(&crate::examples::of("deployment_status").remove(0).payload).unwrap();
    let mut delivery = Delivery {
        headers: vec![("x-github-event".to_owned(), "deployment_status".to_owned())],
        body,
        received_at: NOW,
    };
    let reception = GitHub::receive(delivery.clone()).unwrap();
    assert!(String::from_utf8_lossy(&reception.items[0].payload).contains("\"production\":true"));
    delivery.headers.clear();
    assert_eq!(GitHub::receive(delivery).unwrap_err().code, "github.no-event");
}
