//! The port of runs.

use crate::items::{finished, item, job, run, started};
use crate::ports::{Ports, at};
use opssight_core::id::{ConnectionId, RunId};
use opssight_core::items::Body;
use opssight_core::page::PageOf;
use opssight_core::pipelines::{RunQuery, RunStateFilter};
use opssight_core::vocabulary::{RunResult, RunState};

fn id(upstream: &str, attempt: u32) -> RunId {
    RunId::of(&ConnectionId::from("c"), upstream, attempt)
}

async fn found(ports: &Ports, query: RunQuery) -> Vec<String> {
    ports.runs.runs(&query).await.unwrap().items.into_iter().map(|run| run.upstream_id).collect()
}

pub(crate) async fn runs_are_filtered_and_paged(ports: Ports) {
    let mut other = run("3", 1, 30);
    other.service = "acme/web".to_owned();
    other.pipeline = Some("Deploy".to_owned());
    other.branch = Some("release".to_owned());
    other.trigger = Some("schedule".to_owned());
    other.actor = Some("bot".to_owned());
    ports
        .apply(vec![
            item(1, Body::Run(run("1", 1, 10))),
            started(run("2", 1, 20), 22),
            finished(other, 40, RunResult::Failure),
            finished(run("4", 1, 20), 45, RunResult::Success),
        ])
        .await;
    let all = RunQuery::default;
    // Two of the same moment are ordered by their id.
    let tied = if id("2", 1) > id("4", 1) { ["2", "4"] } else { ["4", "2"] };
    assert_eq!(found(&ports, all()).await, ["3", tied[0], tied[1], "1"]);
    let mut paged = RunQuery { page: PageOf { after: None, limit: 1 }, ..all() };
    let mut seen = Vec::new();
    loop {
        let page = ports.runs.runs(&paged).await.unwrap();
        seen.extend(page.items.into_iter().map(|run| run.upstream_id));
        paged.page.after = page.next;
        if paged.page.after.is_none() {
            break;
        }
    }
    assert_eq!(seen, ["3", tied[0], tied[1], "1"]);
    let text = |text: &str| Some(text.to_owned());
    let cases = [
        (RunQuery { service: text("acme/web"), ..all() }, vec!["3"]),
        (RunQuery { pipeline: text("Deploy"), ..all() }, vec!["3"]),
        (RunQuery { branch: text("release"), ..all() }, vec!["3"]),
        (RunQuery { trigger: text("schedule"), ..all() }, vec!["3"]),
        (RunQuery { actor: text("bot"), ..all() }, vec!["3"]),
        (RunQuery { commit: text("c0ffee1"), ..all() }, vec!["1"]),
        (RunQuery { connection: Some("nope".into()), ..all() }, vec![]),
        (RunQuery { state: Some(RunStateFilter::Active), ..all() }, vec!["2", "1"]),
        (RunQuery { state: Some(RunStateFilter::Is(RunState::Queued)), ..all() }, vec!["1"]),
        (RunQuery { result: Some(RunResult::Success), ..all() }, vec!["4"]),
        (RunQuery { since: Some(at(30)), ..all() }, vec!["3"]),
        (RunQuery { until: Some(at(20)), ..all() }, vec!["1"]),
    ];
    for (query, expected) in cases {
        assert_eq!(found(&ports, query.clone()).await, expected, "{query:?}");
    }
}

pub(crate) async fn text_finds_runs_literally(ports: Ports) {
    let mut odd = run("2", 1, 20);
    odd.title = Some("Raise COVERAGE to 100%_now \\o/".to_owned());
    ports.apply(vec![item(1, Body::Run(run("1", 1, 10))), item(1, Body::Run(odd))]).await;
    let search =
        async |text: &str| found(&ports, RunQuery { text: Some(text.to_owned()), ..RunQuery::default() }).await;
    assert_eq!(search("coverage").await, ["2"]);
    assert_eq!(search("100%_").await, ["2"]);
    assert_eq!(search("%").await, ["2"]);
    assert_eq!(search("\\O/").await, ["2"]);
    assert_eq!(search("change 1").await, ["1"]);
    assert_eq!(search("#49").await, ["1"]);
    assert_eq!(search("C0FFEE").await, ["2", "1"]);
    assert_eq!(search("  ").await, ["2", "1"]);
    assert!(search("nothing like it").await.is_empty());
}

pub(crate) async fn a_run_shows_its_jobs_and_attempts(ports: Ports) {
    let mut second = run("1", 2, 50);
    second.commit = Some("c0ffee1".to_owned());
    ports
        .apply(vec![
            job("b", "1", 1, "test", (12, 30), RunResult::Failure),
            job("a", "1", 1, "build", (11, 12), RunResult::Success),
            finished(run("1", 1, 10), 31, RunResult::Failure),
            finished(second, 80, RunResult::Success),
            job("d", "1", 2, "test", (55, 79), RunResult::Success),
        ])
        .await;
    let detail = ports.runs.run(&id("1", 1)).await.unwrap().unwrap();
    let names: Vec<&str> = detail.jobs.iter().map(|job| job.name.as_str()).collect();
    assert_eq!(names, ["build", "test"]);
    assert_eq!(detail.run.first_job_started_at, Some(at(11)));
    assert_eq!(detail.run.queue_micros(), Some(1_000_000));
    assert_eq!(detail.run.execution_micros(), Some(20_000_000));
    assert_eq!(detail.attempts.iter().map(|run| run.attempt).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(detail.flaky, ["test"]);
    assert!(ports.runs.run(&id("1", 3)).await.unwrap().is_none());
}

pub(crate) async fn pipelines_are_summed_up(ports: Ports) {
    let mut items = Vec::new();
    for n in 0..40_i64 {
        let name = format!("{n:02}");
        let result = if n % 4 == 0 { RunResult::Failure } else { RunResult::Success };
        items.push(started(run(&name, 1, n * 100), n * 100 + 1));
        items.push(finished(run(&name, 1, n * 100), n * 100 + 1 + n, result));
    }
    let mut other = run("other", 1, 7);
    other.pipeline = Some("Nightly".to_owned());
    items.push(item(7, Body::Run(other)));
    ports.apply(items).await;
    let pipelines = ports.runs.pipelines(None, at(0)).await.unwrap();
    assert_eq!(pipelines.iter().map(|one| one.pipeline.as_str()).collect::<Vec<_>>(), ["CI", "Nightly"]);
    let ci = &pipelines[0];
    assert_eq!((ci.runs, ci.passed, ci.failed, ci.last.len()), (40, 30, 10, 30));
    assert_eq!((&ci.last[0].id, ci.last[0].execution_micros), (&id("39", 1), Some(39_000_000)));
    // The runs that passed took all seconds to 39 but every fourth: 1, 2, 3, 5, ... 39.
    let mut passed: Vec<i64> = (0..40).filter(|n| n % 4 != 0).map(|n| n * 1_000_000).collect();
    assert_eq!(ci.execution_micros_p50, opssight_core::delivery::dora::median(&mut passed));
    assert_eq!(pipelines[1].execution_micros_p50, None);
    assert_eq!(ports.runs.pipelines(Some("acme/shop"), at(3900)).await.unwrap()[0].runs, 1);
    assert!(ports.runs.pipelines(Some("nobody"), at(0)).await.unwrap().is_empty());
}

pub(crate) async fn flaky_jobs_are_found(ports: Ports) {
    let mut items = Vec::new();
    for (n, commit) in [("1", "x"), ("2", "y")] {
        for attempt in [1, 2] {
            let mut seen = run(n, attempt, i64::from(attempt) * 10);
            seen.commit = Some(commit.to_owned());
            items.push(finished(seen, 60, RunResult::Success));
            let result = if attempt == 1 { RunResult::Timeout } else { RunResult::Success };
            let span = (20, 20 + i64::from(attempt));
            items.push(job(&format!("{n}{attempt}t"), n, attempt, "test", span, result));
            items.push(job(&format!("{n}{attempt}b"), n, attempt, "build", span, RunResult::Success));
        }
    }
    ports.apply(items).await;
    let flaky = ports.runs.flaky_jobs(None, at(0)).await.unwrap();
    assert_eq!(flaky.len(), 1);
    assert_eq!((flaky[0].job.as_str(), flaky[0].commits, flaky[0].last_at), ("test", 2, at(22)));
    let (failed, passed) = (&flaky[0].failed_run, &flaky[0].passed_run);
    assert!([(id("1", 1), id("1", 2)), (id("2", 1), id("2", 2))].contains(&(failed.clone(), passed.clone())));
    assert!(ports.runs.flaky_jobs(Some("nobody"), at(0)).await.unwrap().is_empty());
    assert!(ports.runs.flaky_jobs(None, at(15)).await.unwrap().is_empty());
}

pub(crate) async fn the_overview_counts(ports: Ports) {
    let empty = ports.runs.overview(at(0)).await.unwrap();
    assert_eq!((empty.active_runs, empty.runs, empty.queue_micros_p50), (0, 0, None));
    ports
        .apply(vec![
            started(run("1", 1, 0), 4),
            started(run("2", 1, 10), 12),
            finished(run("2", 1, 10), 20, RunResult::Success),
            finished(run("3", 1, 20), 30, RunResult::Error),
            crate::items::deployment("d", 1, opssight_core::vocabulary::DeploymentState::Pending, 2),
        ])
        .await;
    let overview = ports.runs.overview(at(0)).await.unwrap();
    assert_eq!((overview.active_runs, overview.runs, overview.passed, overview.failed), (1, 3, 1, 1));
    assert_eq!(overview.queue_micros_p50, Some(3_000_000));
    assert_eq!(overview.services.len(), 1);
    assert_eq!(overview.services[0].environments, ["production"]);
    assert_eq!(ports.runs.overview(at(15)).await.unwrap().runs, 1);
}
