//! The feeds against a scripted GitHub: pages, ETags, windows, what more is asked for, and resuming.

use crate::github::{self, Asked, NOW, call, error, list, ok, page, pull, run, runs, start, with};
use opssight_plugin::items::{Change, Deployment, DeploymentState, Job, PipelineRun};
use opssight_plugin::{FailureClass, Item, native};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

fn one() -> Value {
    json!({ "repositories": ["o/r"] })
}

fn runs_path(asked: &Asked) -> bool {
    asked.path == "/repos/o/r/actions/runs"
}

/// The runs whose creation lies in the asked window, newest first, as far as GitHub shows them.
fn in_window(asked: &Asked, all: &[Value]) -> Vec<Value> {
    let created = |run: &Value| run["created_at"].as_str().unwrap().to_owned();
    let wanted = &asked.query["created"];
    let mut runs: Vec<Value> = match wanted.split_once("..") {
        Some((from, to)) => all.iter().filter(|run| (from..=to).contains(&created(run).as_str())).cloned().collect(),
        None => {
            let from = wanted.strip_prefix(">=").unwrap();
            all.iter().filter(|run| created(run).as_str() >= from).cloned().collect()
        }
    };
    runs.sort_by_key(|run| std::cmp::Reverse(created(run)));
    runs
}

/// A filtered list ends after 1,000 entries, though `total_count` tells the truth.
fn capped(asked: &Asked, found: &[Value]) -> opssight_plugin::http::Response {
    let shown = &found[..found.len().min(1000)];
    page(asked, shown, |entries, _| runs(entries, found.len()))
}

#[test]
fn the_list_of_repositories_follows_pages_and_is_remembered_for_the_other_feeds() {
    let all: Vec<Value> =
        (0..250).map(|n| json!({ "id": n, "full_name": format!("o/r{n:03}"), "archived": n == 7 })).collect();
    let log = start(&json!({}), move |asked| match asked.path.as_str() {
        "/installation/repositories" => error(403, "You must authenticate with an installation access token"),
        "/user/repos" => page(asked, &all, list),
        path if path.ends_with("/deployments") => ok(&json!([])),
        path => panic!("{path}"),
    });
    let pulled = pull(&log, "repositories", None);
    assert_eq!(pulled.ids("vcs.repository").len(), 250);
    assert_eq!(log.take().len(), 4);
    let pulled = pull(&log, "deployments", None);
    let asked = log.take();
    assert_eq!((asked.len(), pulled.items.len()), (249, 0), "each once, but not the archived one");
    assert!(asked[248].starts_with("GET /repos/o/r249/deployments"));
}

#[test]
fn a_feed_lists_the_repositories_itself_when_nobody_has() {
    let log = start(&json!({}), |asked| match asked.path.as_str() {
        "/installation/repositories" => {
            ok(&json!({ "total_count": 1, "repositories": [{ "id": 1, "full_name": "o/r" }] }))
        }
        _ => ok(&runs(&[run(1, NOW - HOUR, "success")], 1)),
    });
    let pulled = pull(&log, "runs", None);
    assert_eq!(pulled.ids("ci.pipeline-run"), ["1/1"]);
}

#[test]
fn named_repositories_are_looked_up_and_one_that_is_gone_does_not_hide_the_others() {
    let log = start(&json!({ "repositories": ["o/gone", "o/r"] }), |asked| match asked.path.as_str() {
        "/repos/o/r" => ok(&json!({ "id": 1, "full_name": "o/r", "default_branch": "main" })),
        _ => error(404, "Not Found"),
    });
    assert_eq!(pull(&log, "repositories", None).ids("vcs.repository"), ["o/r"]);
    assert!(native::log_lines().iter().any(|line| line.starts_with("warn") && line.contains("o/gone")));
}

#[test]
fn nothing_new_costs_one_free_request() {
    let log = start(&one(), |asked| match asked.etag.as_deref() {
        Some("\"v1\"") => native::answer(304, ""),
        Some(other) => panic!("{other}"),
        None => with(ok(&runs(&[run(1, NOW - HOUR, "success")], 1)), "etag", "\"v1\""),
    });
    let first = pull(&log, "runs", None);
    assert_eq!(first.items.len(), 1);
    let second = pull(&log, "runs", Some(&first.checkpoint));
    assert_eq!((second.items.len(), log.len()), (0, 2));
}

#[test]
fn a_poll_tells_only_what_was_updated_since_the_last_one() {
    let upstream: Rc<RefCell<Vec<Value>>> = Rc::default();
    upstream.borrow_mut().extend((0..150).map(|n| run(n, NOW - HOUR + i64::try_from(n).unwrap() * 1000, "success")));
    let shared = upstream.clone();
    let log = start(&one(), move |asked| page(asked, &in_window(asked, &shared.borrow()), runs));
    let first = pull(&log, "runs", None);
    assert_eq!((first.items.len(), log.take().len()), (150, 2));
    let mut late = run(3, NOW - HOUR + 3000, "skipped");
    late["updated_at"] = json!(opssight_plugin::time::format(NOW));
    upstream.borrow_mut()[3] = late;
    upstream.borrow_mut().push(run(200, NOW - 1000, "success"));
    let second = pull(&log, "runs", Some(&first.checkpoint));
    // 149 was the newest: GitHub's clock has whole seconds, so that it may have been followed in its own second. Run 3
    // stands on the second page, which is read because the first one has news.
    let ids: BTreeSet<&str> = second.ids("ci.pipeline-run").into_iter().collect();
    assert_eq!(ids, ["149/1", "200/1", "3/1"].into());
}

#[test]
fn jobs_are_asked_for_where_somebody_will_look() {
    let log = start(&one(), |asked| {
        let mut again = run(5, NOW - HOUR, "success");
        again["run_attempt"] = json!(3);
        let mut working = run(4, NOW - HOUR, "");
        working["status"] = json!("in_progress");
        working["conclusion"] = Value::Null;
        let all = [
            run(1, NOW - HOUR, "success"),
            run(2, NOW - HOUR, "failure"),
            run(3, NOW - HOUR, "skipped"),
            working,
            again,
        ];
        if runs_path(asked) {
            return page(asked, &all, runs);
        }
        if let Some(attempt) = asked.path.strip_prefix("/repos/o/r/actions/runs/5/attempts/") {
            let mut earlier = run(5, NOW - HOUR, "failure");
            earlier["run_attempt"] = json!(attempt.parse::<u32>().unwrap());
            return ok(&earlier);
        }
        let id: u64 = asked.path.split('/').nth(6).unwrap().parse().unwrap();
        assert_eq!(asked.query["filter"], if id == 5 { "all" } else { "latest" });
        let jobs: Vec<Value> = (0..if id == 2 { 130 } else { 1 })
            .map(|n| json!({ "id": id * 1000 + n, "run_id": id, "run_attempt": 1, "name": format!("job {n}"), "status": "completed", "conclusion": "failure" }))
            .collect();
        page(asked, &jobs, |entries, total| json!({ "total_count": total, "jobs": entries }))
    });
    let pulled = pull(&log, "runs", None);
    let asked = log.take();
    assert_eq!(asked.iter().filter(|line| line.contains("/jobs")).count(), 4, "{asked:#?}");
    assert_eq!(asked.iter().filter(|line| line.contains("/attempts/")).count(), 2);
    assert_eq!(pulled.ids("ci.job").len(), 130 + 1 + 1);
    let job: Job = pulled.items.iter().find_map(Item::payload_as).unwrap();
    assert_eq!(job.service, "o/r");
    let runs: BTreeSet<&str> = pulled.ids("ci.pipeline-run").into_iter().collect();
    assert_eq!(runs, ["1/1", "2/1", "3/1", "4/1", "5/1", "5/2", "5/3"].into());
}

#[test]
fn a_backfill_of_30_000_runs_finds_all_with_at_least_ten_times_fewer_requests_and_survives_a_crash_after_every_page() {
    // Bursts and pauses: half of the runs were made in two days. One in three failed, one in ten was run again.
    let all: Vec<Value> = (0..30_000_u64)
        .map(|n| {
            let n_ms = i64::try_from(n).unwrap();
            let back = if n % 2 == 0 { n_ms * 2 * DAY / 30_000 + 9 * DAY } else { n_ms * 29 * DAY / 30_000 };
            let mut run = run(n, NOW - HOUR - back, if n % 3 == 0 { "failure" } else { "success" });
            run["name"] = json!(format!("workflow {}", n % 7));
            run["run_attempt"] = json!(if n % 10 == 0 { 2 } else { 1 });
            run
        })
        .collect();
    let log = start(&one(), move |asked| {
        if runs_path(asked) {
            return capped(asked, &in_window(asked, &all));
        }
        if asked.path.contains("/attempts/") {
            return ok(&run(1, NOW - HOUR, "failure"));
        }
        ok(
            &json!({ "total_count": 1, "jobs": [{ "id": 1, "run_id": 1, "status": "completed", "conclusion": "failure" }] }),
        )
    });
    let pulled = pull(&log, "run-history", None);
    let found: BTreeSet<&str> = pulled.ids("ci.pipeline-run").into_iter().collect();
    assert!((0..30_000).all(|n| found.contains(format!("{n}/{}", if n % 10 == 0 { 2 } else { 1 }).as_str())));
    let asked = log.take();
    let lists = asked.iter().filter(|line| line.contains("/actions/runs?")).count();
    let more = asked.len() - lists;
    println!("{} requests: {lists} lists, {more} for jobs and attempts", asked.len());
    assert!(asked.len() * 10 <= 30_000, "{} requests: {lists} lists, {more} more", asked.len());
    assert!(lists < 420 && more > 100, "{lists} lists, {more} more");
    // The next round reads one day again and nothing else.
    let again = pull(&log, "run-history", Some(&pulled.checkpoint));
    assert!(log.len() < 100, "{}", log.len());
    assert!(again.items.len() < 1200);
}

#[test]
fn history_goes_from_new_to_old() {
    let all: Vec<Value> =
        (0..2500).map(|n| run(n, NOW - HOUR - i64::try_from(n).unwrap() * 1000 * 600, "success")).collect();
    let log = start(&one(), move |asked| capped(asked, &in_window(asked, &all)));
    let pulled = pull(&log, "run-history", None);
    let first: PipelineRun = pulled.items.first().and_then(Item::payload_as).unwrap();
    let last: PipelineRun = pulled.items.last().and_then(Item::payload_as).unwrap();
    assert_eq!((first.id.as_str(), last.id.as_str()), ("0", "2499"));
}

#[test]
fn deployments_come_with_all_their_states_and_only_when_they_are_new() {
    let log = start(&json!({ "repositories": ["o/r"], "production_environments": ["prod*"] }), |asked| {
        let at = |ms: i64| opssight_plugin::time::format(ms);
        if asked.path == "/repos/o/r/deployments" {
            if asked.etag.is_some() {
                return native::answer(304, "");
            }
            let all = json!([
                { "id": 2, "sha": "b", "ref": "main", "environment": "prod-eu", "created_at": at(NOW - HOUR), "updated_at": at(NOW) },
                { "id": 1, "sha": "a", "ref": "main", "environment": "staging", "created_at": at(NOW - 90 * DAY), "updated_at": at(NOW - 90 * DAY) },
            ]);
            return with(ok(&all), "etag", "W/\"1\"");
        }
        assert_eq!(asked.path, "/repos/o/r/deployments/2/statuses");
        ok(&json!([
            { "state": "success", "created_at": at(NOW), "log_url": "https://ci/1" },
            { "state": "in_progress", "created_at": at(NOW - 60_000) },
        ]))
    });
    let pulled = pull(&log, "deployments", None);
    let deployments: Vec<Deployment> = pulled.items.iter().filter_map(Item::payload_as).collect();
    assert_eq!(deployments.iter().map(|d| d.id.as_str()).collect::<Vec<_>>(), ["2", "2", "2"]);
    assert_eq!(deployments[0].production, Some(true));
    assert_eq!(deployments[1].state, Some(DeploymentState::Success));
    assert_eq!(deployments[1].state_at, Some(NOW));
    assert_eq!(log.take().len(), 2);
    assert!(pull(&log, "deployments", Some(&pulled.checkpoint)).items.is_empty());
    assert_eq!(log.len(), 1);
}

#[test]
fn changes_are_read_until_what_is_known_and_landed_ones_tell_their_first_commit() {
    let all: Vec<Value> = (0..260)
        .map(|n| {
            let updated = NOW - i64::from(n) * 6 * HOUR;
            let merged = (n % 50 == 0).then(|| opssight_plugin::time::format(updated));
            json!({ "number": 1000 - n, "title": "x", "state": "closed", "updated_at": opssight_plugin::time::format(updated),
                "merged_at": merged, "merge_commit_sha": "c", "base": { "ref": "main" } })
        })
        .collect();
    let log = start(&one(), move |asked| {
        if asked.path == "/repos/o/r/pulls" {
            assert_eq!((asked.query["sort"].as_str(), asked.query["direction"].as_str()), ("updated", "desc"));
            return page(asked, &all, list);
        }
        assert!(asked.path.ends_with("/commits") && asked.query["per_page"] == "1", "{}", asked.path);
        ok(
            &json!([{ "sha": "f", "commit": { "author": { "date": "2026-01-01T00:00:00Z" }, "committer": { "date": "2026-02-01T00:00:00Z" } } }]),
        )
    });
    let pulled = pull(&log, "changes", None);
    // 30 days of history at one every six hours, both ends counted.
    let changes: Vec<Change> = pulled.items.iter().filter_map(Item::payload_as).collect();
    assert_eq!(changes.iter().filter(|change| change.title.is_some()).count(), 121);
    let first_commits: Vec<_> = changes.iter().filter_map(|change| change.first_commit_at).collect();
    assert_eq!(first_commits, [1_767_225_600_000; 3]);
    assert_eq!(log.take().len(), 2 + 3);
    let again = pull(&log, "changes", Some(&pulled.checkpoint));
    assert_eq!((again.ids("vcs.change").len(), log.len()), (2, 2), "the newest one once more, with its first commit");
}

#[test]
fn deliveries_that_did_not_arrive_are_read_from_githubs_log() {
    let sample = crate::examples::of("workflow_job").remove(1).payload;
    let at = |hours: i64| opssight_plugin::time::format(NOW - hours * HOUR);
    let entry = |id: u64, guid: &str, event: &str, hours: i64, code: u16, again: bool| json!({ "id": id, "guid": guid, "event": event, "delivered_at": at(hours), "redelivery": again, "status_code": code });
    let entries = vec![
        entry(9, "b", "workflow_job", 1, 202, true),
        entry(8, "a", "workflow_job", 2, 503, true),
        entry(7, "a", "workflow_job", 3, 502, false),
        entry(6, "b", "workflow_job", 4, 500, false),
        entry(5, "c", "star", 5, 500, false),
        entry(4, "d", "push", 6, 202, false),
        entry(3, "e", "workflow_job", 80, 500, false),
    ];
    let log = start(&one(), move |asked| match asked.path.as_str() {
        "/repos/o/r/hooks" => ok(&json!([
            { "id": 11, "active": true, "config": { "url": "https://ci.example.com/github-webhook/" } },
            { "id": 12, "active": true, "config": { "url": "https://ops.example.com/hooks/con_1" } },
        ])),
        "/repos/o/r/hooks/12/deliveries" => {
            assert!(!asked.query.contains_key("status"), "the filter leaves out what never got an answer");
            page(asked, &entries, list)
        }
        "/repos/o/r/hooks/12/deliveries/8" => ok(
            &json!({ "id": 8, "event": "workflow_job", "delivered_at": at(2), "request": { "headers": {}, "payload": sample } }),
        ),
        path => panic!("{path}"),
    });
    let pulled = pull(&log, "deliveries", None);
    assert_eq!(pulled.ids("ci.job").len(), 1, "once, though it failed twice; b was sent again with success");
    assert_eq!(log.take().len(), 3);
    // The webhooks are known for a day; the ten minutes of overlap hold nothing that failed.
    let again = pull(&log, "deliveries", Some(&pulled.checkpoint));
    assert_eq!((again.items.len(), log.len()), (0, 1));
}

#[test]
fn webhooks_that_may_not_be_seen_are_no_failure() {
    let log = start(&one(), |_| error(404, "Not Found"));
    assert!(pull(&log, "deliveries", None).items.is_empty());
    assert!(native::log_lines().iter().any(|line| line.contains("cannot be looked up")));
}

#[test]
fn one_forbidden_repository_is_left_out_but_all_of_them_are_a_failure_until_it_is_mended() {
    let mended = Rc::new(RefCell::new(false));
    let shared = mended.clone();
    let log = start(&json!({ "repositories": ["o/a", "o/b"] }), move |asked| {
        if asked.path.starts_with("/repos/o/b") && *shared.borrow() {
            return ok(&runs(&[run(1, NOW - HOUR, "success")], 1));
        }
        error(403, "Resource not accessible by integration")
    });
    for feed in ["runs", "run-history", "deployments", "changes"] {
        let failure = call(feed, None, None).unwrap_err();
        assert_eq!((failure.class, failure.code.as_str()), (FailureClass::Auth, "github.all-refused"), "{feed}");
        assert!(failure.message.contains("Resource not accessible"), "{}", failure.message);
    }
    *mended.borrow_mut() = true;
    assert_eq!(pull(&log, "runs", None).items.len(), 1);
}

#[test]
fn what_was_read_before_a_limit_is_kept_and_the_next_call_reports_the_limit() {
    let asked_so_far = Rc::new(RefCell::new(0));
    let log = start(&json!({ "repositories": ["o/a", "o/b", "o/c"] }), move |asked| {
        *asked_so_far.borrow_mut() += 1;
        if asked.path.starts_with("/repos/o/c") && *asked_so_far.borrow() < 5 {
            return with(error(403, "You have exceeded a secondary rate limit"), "retry-after", 17);
        }
        ok(&runs(&[run(1, NOW - HOUR, "success")], 1))
    });
    let batch = call("runs", None, None).unwrap();
    assert_eq!(batch.items.len(), 2);
    let failure = call("runs", None, batch.next.as_deref()).unwrap_err();
    assert_eq!((failure.class, failure.retry_after_ms), (FailureClass::RateLimited, Some(17_000)));
    let batch = call("runs", None, batch.next.as_deref()).unwrap();
    assert_eq!((batch.items.len(), batch.next, log.len()), (1, None, 5));
}

#[test]
fn a_small_page_is_never_overfilled() {
    let all: Vec<Value> = (0..60).map(|n| run(n, NOW - HOUR, "success")).collect();
    start(&one(), move |asked| page(asked, &in_window(asked, &all), runs));
    let page = opssight_plugin::PageRequest { cursor: None, limit: 25 };
    let batch = <opssight_plugin_github::GitHub as opssight_plugin::Source>::pull("runs", None, page).unwrap();
    assert_eq!(batch.items.len(), 25);
    assert!(batch.next.is_some());
}

#[test]
fn a_checkpoint_that_does_not_read_starts_afresh_and_an_unknown_feed_is_said_to_be_unknown() {
    let log = start(&one(), |_| ok(&runs(&[run(1, NOW - HOUR, "success")], 1)));
    assert_eq!(pull(&log, "run-history", Some("{\"round\": 7}")).items.len(), 1);
    assert_eq!(call("stars", None, None).unwrap_err().class, FailureClass::Unsupported);
}

#[test]
fn a_repository_that_moved_is_followed_once() {
    let log = start(&one(), |asked| match asked.path.as_str() {
        "/repos/o/r/deployments" => with(
            error(301, "Moved Permanently"),
            "location",
            "https://api.github.com/repositories/1/deployments?per_page=100",
        ),
        _ => ok(&json!([])),
    });
    pull(&log, "deployments", None);
    assert_eq!(github::Log::take(&log)[1], "GET /repositories/1/deployments?per_page=100");
}
