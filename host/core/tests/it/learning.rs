//! Any order of observations, with any repetition, ends in the same knowledge.

use opssight_core::delivery::{ChangeDoc, DeploymentDoc};
use opssight_core::id::ConnectionId;
use opssight_core::pipelines::{JobDoc, RunDoc};
use opssight_core::time::Timestamp;
use opssight_core::vocabulary::{
    Change, ChangeState, Deployment, DeploymentState, Job, JobStep, PipelineRun, Review, ReviewState, RunResult,
    RunState,
};
use proptest::prelude::*;
use proptest::sample::select;

/// Few values and few moments, so that ties and repetitions are common.
fn moment() -> impl Strategy<Value = i64> {
    (0_i64..6).prop_map(|n| 1_600_000_000_000 + n * 1000)
}

fn text() -> impl Strategy<Value = Option<String>> {
    proptest::option::of(select(vec!["a".to_owned(), "b".to_owned(), String::new()]))
}

fn state() -> impl Strategy<Value = Option<RunState>> {
    proptest::option::of(select(vec![RunState::Queued, RunState::Waiting, RunState::Running, RunState::Finished]))
}

fn result() -> impl Strategy<Value = Option<RunResult>> {
    proptest::option::of(select(vec![RunResult::Success, RunResult::Failure, RunResult::Cancellation]))
}

prop_compose! {
    fn run()(
        state in state(), result in result(), title in text(), branch in text(),
        started_at in proptest::option::of(moment()), finished_at in proptest::option::of(moment()),
        changes in proptest::collection::vec(1_u64..4, 0..3), at in moment(),
    ) -> (PipelineRun, Timestamp) {
        let run = PipelineRun {
            id: "1".into(), attempt: 1, service: "o/r".into(),
            state, result, title, branch, started_at, finished_at, changes, ..PipelineRun::default()
        };
        (run, Timestamp::from_millis(at))
    }
}

prop_compose! {
    fn job()(
        state in state(), result in result(), name in text(), run_attempt in 1_u32..3,
        started_at in proptest::option::of(moment()), steps in proptest::option::of(0_u32..4), at in moment(),
    ) -> (Job, Timestamp) {
        let step = |number| JobStep {
            number, name: "step".into(), state: RunState::Running, result: None, started_at: None, finished_at: None,
        };
        let steps = steps.map(|n| (0..n).map(step).collect());
        let job = Job {
            id: "7".into(), run_id: "1".into(), run_attempt, service: "o/r".into(),
            state, result, name, started_at, steps, ..Job::default()
        };
        (job, Timestamp::from_millis(at))
    }
}

prop_compose! {
    fn deployment()(
        state in proptest::option::of(select(vec![
            DeploymentState::Pending, DeploymentState::Success, DeploymentState::Failure, DeploymentState::Inactive,
        ])),
        state_at in proptest::option::of(moment()), environment in text(), at in moment(),
    ) -> (Deployment, Timestamp) {
        let deployment = Deployment {
            id: "9".into(), service: "o/r".into(), state, state_at, environment, ..Deployment::default()
        };
        (deployment, Timestamp::from_millis(at))
    }
}

#[derive(Debug, Clone)]
enum OfChange {
    Seen(Box<Change>),
    Reviewed(Review),
    Committed(i64),
}

fn of_change() -> impl Strategy<Value = (OfChange, Timestamp)> {
    let states = select(vec![ChangeState::Open, ChangeState::Closed, ChangeState::Merged]);
    let seen =
        (proptest::option::of(states), text(), proptest::option::of(moment())).prop_map(|(state, title, merged_at)| {
            OfChange::Seen(Box::new(Change {
                service: "o/r".into(),
                number: 3,
                state,
                title,
                merged_at,
                ..Change::default()
            }))
        });
    let reviews = select(vec![ReviewState::Approved, ReviewState::Commented, ReviewState::Dismissed]);
    let reviewed =
        (reviews, select(vec!["r1", "r2"]), proptest::option::of(moment())).prop_map(|(state, id, submitted_at)| {
            OfChange::Reviewed(Review {
                id: id.into(),
                service: "o/r".into(),
                change: 3,
                state,
                reviewer: None,
                submitted_at,
            })
        });
    let what = prop_oneof![seen, reviewed, moment().prop_map(OfChange::Committed)];
    (what, moment().prop_map(Timestamp::from_millis))
}

/// The observations, and the same ones in another order with some of them twice.
fn twice_and_shuffled<T: Clone + std::fmt::Debug + 'static>(
    one: impl Strategy<Value = T>,
) -> impl Strategy<Value = (Vec<T>, Vec<T>)> {
    proptest::collection::vec(one, 1..12).prop_flat_map(|all| {
        let mut again = all.clone();
        again.extend(all.iter().step_by(2).cloned());
        (Just(all), Just(again).prop_shuffle())
    })
}

proptest! {
    #[test]
    fn a_run_is_the_same_whatever_the_order((all, again) in twice_and_shuffled(run())) {
        let learn = |seen: &[(PipelineRun, Timestamp)]| {
            let mut doc = RunDoc::default();
            seen.iter().for_each(|(run, at)| doc.learn(run, *at));
            doc
        };
        prop_assert_eq!(learn(&all), learn(&again));
    }

    #[test]
    fn a_job_is_the_same_whatever_the_order((all, again) in twice_and_shuffled(job())) {
        let learn = |seen: &[(Job, Timestamp)]| {
            let mut doc = JobDoc::default();
            seen.iter().for_each(|(job, at)| doc.learn(job, *at));
            doc
        };
        prop_assert_eq!(learn(&all), learn(&again));
    }

    #[test]
    fn a_deployment_is_the_same_whatever_the_order((all, again) in twice_and_shuffled(deployment())) {
        let learn = |seen: &[(Deployment, Timestamp)]| {
            let mut doc = DeploymentDoc::default();
            seen.iter().for_each(|(deployment, at)| doc.learn(deployment, *at));
            doc
        };
        prop_assert_eq!(learn(&all), learn(&again));
    }

    #[test]
    fn a_change_is_the_same_whatever_the_order((all, again) in twice_and_shuffled(of_change())) {
        let learn = |seen: &[(OfChange, Timestamp)]| {
            let mut doc = ChangeDoc::new("o/r", 3);
            for (what, at) in seen {
                match what {
                    OfChange::Seen(change) => doc.learn(change, *at),
                    OfChange::Reviewed(review) => doc.learn_review(review, *at),
                    OfChange::Committed(at) => doc.learn_commit(Timestamp::from_millis(*at)),
                }
            }
            doc
        };
        prop_assert_eq!(learn(&all), learn(&again));
    }
}

#[test]
fn a_finished_run_does_not_start_again() {
    let mut doc = RunDoc::default();
    let seen = |state, result| PipelineRun {
        id: "1".into(),
        attempt: 1,
        service: "o/r".into(),
        state: Some(state),
        result,
        ..PipelineRun::default()
    };
    doc.learn(&seen(RunState::Finished, Some(RunResult::Success)), Timestamp::from_millis(2000));
    doc.learn(&seen(RunState::Running, None), Timestamp::from_millis(3000));
    let run = doc.view(&ConnectionId::from("c"));
    assert_eq!((run.state, run.result), (RunState::Finished, Some(RunResult::Success)));
}

#[test]
fn a_deployment_that_failed_and_then_worked_has_worked() {
    let mut doc = DeploymentDoc::default();
    for (state, at) in
        [(DeploymentState::Success, 3000), (DeploymentState::Failure, 2000), (DeploymentState::Inactive, 9000)]
    {
        let seen = Deployment { id: "9".into(), service: "o/r".into(), state: Some(state), ..Deployment::default() };
        doc.learn(&seen, Timestamp::from_millis(at));
    }
    let view = doc.view(&ConnectionId::from("c"));
    assert_eq!(view.outcome.as_str(), "succeeded");
    assert_eq!(view.finished_at, Some(Timestamp::from_millis(3000)));
    assert_eq!(view.state, Some(DeploymentState::Inactive));
}
