//! Critical path and failure class, as tables.

use opssight_core::id::{ConnectionId, JobId, RunId};
use opssight_core::pipelines::{FailureClass, Job, Run, RunDoc, Step, critical_path, failure};
use opssight_core::time::Timestamp;
use opssight_core::vocabulary::{PipelineRun, RunResult, RunState};

fn job(name: &str, created: i64, started: i64, finished: i64) -> Job {
    Job {
        id: JobId::from(name),
        run: RunId::from("run"),
        upstream_id: name.into(),
        name: name.into(),
        state: RunState::Finished,
        url: None,
        result: Some(RunResult::Success),
        created_at: Some(Timestamp(created)),
        started_at: Some(Timestamp(started)),
        finished_at: Some(Timestamp(finished)),
        runner: None,
        labels: vec![],
        steps: vec![],
    }
}

fn finished(result: RunResult) -> Run {
    let mut doc = RunDoc::default();
    let seen = PipelineRun {
        id: "1".into(),
        attempt: 1,
        service: "o/r".into(),
        state: Some(RunState::Finished),
        result: Some(result),
        ..PipelineRun::default()
    };
    doc.learn(&seen, Timestamp::from_millis(1000));
    doc.view(&ConnectionId::from("c"))
}

#[test]
fn the_critical_path_goes_back_from_the_last_end() {
    // build -> {test, lint} -> deploy; lint is quick and does not count.
    let jobs = [job("deploy", 31, 35, 50), job("lint", 11, 12, 14), job("test", 11, 13, 30), job("build", 0, 2, 10)];
    let path: Vec<String> = critical_path(&jobs)
        .iter()
        .map(|step| format!("{} {}+{}", step.name, step.queue_micros, step.execution_micros))
        .collect();
    assert_eq!(path, ["build 2+8", "test 2+17", "deploy 4+15"]);
}

#[test]
fn jobs_side_by_side_have_the_longest_as_their_path() {
    let jobs = [job("a", 0, 1, 9), job("b", 0, 1, 20), job("c", 0, 1, 5)];
    let path: Vec<String> = critical_path(&jobs).iter().map(|step| step.name.clone()).collect();
    assert_eq!(path, ["b"]);
}

#[test]
fn jobs_of_no_length_make_no_circle() {
    let jobs = [job("a", 5, 5, 5), job("b", 5, 5, 5), job("c", 5, 5, 5)];
    assert_eq!(critical_path(&jobs).len(), 3);
}

#[test]
fn failures_have_a_class() {
    let cases = [
        ("ci", "Run tests", RunResult::Failure, FailureClass::Test),
        ("ci", "cargo build --release", RunResult::Failure, FailureClass::Build),
        ("ci", "Set up job", RunResult::Failure, FailureClass::Setup),
        ("ci", "Install dependencies", RunResult::Failure, FailureClass::Setup),
        ("ci", "Deploy to production", RunResult::Failure, FailureClass::Deploy),
        ("ci", "Publish the latest", RunResult::Failure, FailureClass::Deploy),
        ("unit tests", "Do it", RunResult::Failure, FailureClass::Test),
        ("ci", "Contest the latest", RunResult::Failure, FailureClass::Unknown),
        ("ci", "Run tests", RunResult::Timeout, FailureClass::Timeout),
        ("ci", "Run tests", RunResult::Error, FailureClass::Infrastructure),
    ];
    for (name, step, result, class) in cases {
        let mut job = job(name, 0, 1, 2);
        job.result = Some(result);
        job.steps = vec![Step {
            number: 1,
            name: step.into(),
            state: RunState::Finished,
            result: Some(RunResult::Failure),
            started_at: None,
            finished_at: None,
        }];
        let found = failure(&finished(RunResult::Failure), &[job]).expect("a failed run has a failure");
        assert_eq!(found.class, class, "{name} / {step}");
    }
}

#[test]
fn a_run_that_did_not_fail_has_no_failure() {
    for result in [RunResult::Success, RunResult::Skip, RunResult::Neutral] {
        assert_eq!(failure(&finished(result), &[]), None);
    }
    let cancelled = failure(&finished(RunResult::Cancellation), &[]).expect("cancelled");
    assert_eq!(cancelled.class, FailureClass::Cancelled);
}
