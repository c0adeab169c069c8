//! The demo's own arithmetic, without a host.

use super::compare::Window;
use super::expect::{Expected, dora};
use super::{Delivery, recorded, story};
use crate::workspace::Workspace;
use std::collections::BTreeSet;

const NOW: i64 = 1_763_812_800;

fn recorded_deliveries() -> Vec<Delivery> {
    recorded::load(&Workspace::find().unwrap()).unwrap()
}

fn told(until: i64) -> Vec<Delivery> {
    let told = story::tell(&recorded_deliveries(), NOW, until).unwrap();
    told.into_iter().filter(|told| told.at <= NOW).map(|told| told.delivery).collect()
}

#[test]
fn the_recorded_examples_tell_of_these_things_and_no_others() {
    let expected = Expected::of(&recorded_deliveries()).unwrap();
    let runs: Vec<String> = expected.runs.keys().map(|(id, attempt)| format!("{id}/{attempt}")).collect();
    // Two told by workflow_run, four only by workflow_job, four by other CI systems' check suites and check runs.
    assert_eq!(
        runs,
        [
            "1589141559/1",
            "2202229078/1",
            "289782451/1",
            "4747967848/1",
            "5373506832/1",
            "940463255/1",
            "check-suite:118578147/1",
            "check-suite:118578174/1",
            "check-suite:1604239627/1",
            "check-suite:5/1"
        ]
    );
    assert_eq!(expected.jobs.len(), 7);
    assert_eq!(expected.deployments.len(), 1);
    assert_eq!(expected.changes.len(), 1);
}

#[test]
fn a_newer_word_counts_and_of_two_of_one_moment_either_may() {
    let expected = Expected::of(&recorded_deliveries()).unwrap();
    let run = &expected.runs[&("289782451".to_owned(), 1)];
    assert_eq!(run.state(), "finished");
    assert!(run.allows_result(Some("success")) && !run.allows_result(Some("action_required")));
    let job = &expected.jobs["289782451"].work;
    assert!(job.allows_result(Some("success")) && job.allows_result(Some("failure")) && !job.allows_result(None));
}

#[test]
fn the_order_of_deliveries_does_not_matter() {
    let mut deliveries = recorded_deliveries();
    deliveries.extend(told(NOW));
    let forth = format!("{:?}", Expected::of(&deliveries).unwrap());
    deliveries.reverse();
    assert_eq!(forth, format!("{:?}", Expected::of(&deliveries).unwrap()));
}

#[test]
fn the_story_is_worth_looking_at() {
    let deliveries = told(NOW);
    let expected = Expected::of(&deliveries).unwrap();
    let states: BTreeSet<&str> = expected.runs.values().map(super::expect::Work::state).collect();
    assert!(states.contains("running") && states.contains("finished"), "{states:?}");
    let services: BTreeSet<&str> = expected.runs.values().map(|run| run.service.as_str()).collect();
    assert_eq!(services.len(), 4);
    let metrics = dora::metrics(&expected, Window::ending(NOW * 1000, 30).from, Window::ending(NOW * 1000, 30).to);
    let checkout = &metrics[&("acme/checkout".to_owned(), "production".to_owned())];
    assert!(checkout.deployment_frequency_per_day > 0.2, "{checkout:?}");
    assert!(checkout.change_fail_rate.unwrap() > 0.0 && checkout.change_fail_rate.unwrap() < 0.5, "{checkout:?}");
    assert!(checkout.change_lead_time_ms_p50.is_some(), "{checkout:?}");
    assert!(checkout.failed_deployment_recovery_time_ms_p50.is_some(), "{checkout:?}");
    assert!(checkout.deployment_rework_rate.unwrap() > 0.0, "{checkout:?}");
    assert!((500..4000).contains(&deliveries.len()), "{}", deliveries.len());
}

#[test]
fn the_story_is_told_the_same_twice_and_goes_on_when_asked() {
    let bodies = |until| story::tell(&recorded_deliveries(), NOW, until).unwrap();
    let (once, twice) = (bodies(NOW), bodies(NOW));
    assert!(once.iter().zip(&twice).all(|(a, b)| a.at == b.at && a.delivery.body == b.delivery.body));
    assert!(bodies(NOW + 3600).iter().any(|told| told.at > NOW + 3600));
    let ids: BTreeSet<&str> = once.iter().map(|told| told.delivery.id.as_str()).collect();
    assert_eq!(ids.len(), once.len());
}

/// Deployments that were asked for at whole minutes, one after the other: "+" worked, "-" did not, "r" is a roll-back.
fn history(marks: &str) -> Expected {
    let service = "acme/checkout";
    let deliveries: Vec<Delivery> = marks
        .chars()
        .zip(1..)
        .flat_map(|(mark, minute)| {
            let at = |second: i64| super::payload::time(NOW + minute * 60 + second);
            let deployment = serde_json::json!({
                "id": minute, "environment": "production", "created_at": at(0),
                "task": if mark == 'r' { "deploy:rollback" } else { "deploy" },
            });
            let status = serde_json::json!({
                "state": if mark == '-' { "failure" } else { "success" }, "created_at": at(30),
            });
            let body = serde_json::json!({
                "deployment": deployment, "deployment_status": status, "repository": { "full_name": service },
            });
            ["deployment", "deployment_status"].map(|event| Delivery {
                event: event.to_owned(),
                id: format!("{event}{minute}"),
                body: body.to_string(),
            })
        })
        .collect();
    Expected::of(&deliveries).unwrap()
}

#[test]
fn failures_roll_backs_and_repairs_are_counted_as_defined() {
    // (history, failed, rework, median recovery in minutes)
    let table = [
        ("++", 0.0, 0.0, None),
        ("+-+", 1.0, 1.0, Some(1.0)),
        ("--+", 2.0, 1.0, Some(1.5)),
        ("+r+", 1.0, 1.0, Some(1.0)),
        ("+-r", 1.0, 1.0, Some(1.0)),
        ("-", 1.0, 0.0, None),
    ];
    for (marks, failed, rework, recovery) in table {
        let expected = history(marks);
        let metrics = dora::metrics(&expected, NOW * 1000, (NOW + 86_400) * 1000);
        let metrics = &metrics[&("acme/checkout".to_owned(), "production".to_owned())];
        let over = marks.len() as f64;
        assert_eq!(metrics.change_fail_rate, Some(failed / over), "{marks}");
        assert_eq!(metrics.deployment_rework_rate, Some(rework / over), "{marks}");
        assert_eq!(metrics.failed_deployment_recovery_time_ms_p50, recovery.map(|m| m * 60_000.0), "{marks}");
    }
}
