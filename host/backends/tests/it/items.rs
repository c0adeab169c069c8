//! Short ways to say what was seen. Times are seconds after `DAY0`.

use crate::ports::{DAY0, at};
use opssight_core::items::{Body, Item};
use opssight_core::vocabulary::{
    Change, ChangeState, Commit, Deployment, DeploymentState, Job, PipelineRun, Push, Review, ReviewState, RunResult,
    RunState,
};

pub(crate) fn ms(secs: i64) -> i64 {
    DAY0 + secs * 1000
}

pub(crate) fn item(secs: i64, body: Body) -> Item {
    Item { at: at(secs), body }
}

/// An attempt of run `id` of "acme/shop", asked for at `created`.
pub(crate) fn run(id: &str, attempt: u32, created: i64) -> PipelineRun {
    PipelineRun {
        id: id.to_owned(),
        attempt,
        service: "acme/shop".to_owned(),
        pipeline: Some("CI".to_owned()),
        number: Some(id.bytes().map(u64::from).sum()),
        title: Some(format!("Change {id}")),
        state: Some(RunState::Queued),
        branch: Some("main".to_owned()),
        commit: Some(format!("c0ffee{id}")),
        trigger: Some("push".to_owned()),
        actor: Some("ada".to_owned()),
        created_at: Some(ms(created)),
        ..PipelineRun::default()
    }
}

pub(crate) fn started(mut run: PipelineRun, secs: i64) -> Item {
    run.state = Some(RunState::Running);
    run.started_at = Some(ms(secs));
    item(secs, Body::Run(run))
}

pub(crate) fn finished(mut run: PipelineRun, secs: i64, result: RunResult) -> Item {
    run.state = Some(RunState::Finished);
    run.result = Some(result);
    run.finished_at = Some(ms(secs));
    item(secs, Body::Run(run))
}

/// A job of a run's attempt that worked from `from` to `to`.
pub(crate) fn job(id: &str, run: &str, attempt: u32, name: &str, span: (i64, i64), result: RunResult) -> Item {
    let (from, to) = span;
    item(
        to,
        Body::Job(Job {
            id: id.to_owned(),
            run_id: run.to_owned(),
            run_attempt: attempt,
            service: "acme/shop".to_owned(),
            name: Some(name.to_owned()),
            state: Some(RunState::Finished),
            result: Some(result),
            created_at: Some(ms(from - 2)),
            started_at: Some(ms(from)),
            finished_at: Some(ms(to)),
            ..Job::default()
        }),
    )
}

/// A deployment of "acme/shop" to "production", asked for at `asked`, in a state since `since`.
pub(crate) fn deployment(id: &str, asked: i64, state: DeploymentState, since: i64) -> Item {
    item(since, Body::Deployment(deployed(id, asked, state, since)))
}

pub(crate) fn deployed(id: &str, asked: i64, state: DeploymentState, since: i64) -> Deployment {
    Deployment {
        id: id.to_owned(),
        service: "acme/shop".to_owned(),
        environment: Some("production".to_owned()),
        created_at: Some(ms(asked)),
        state: Some(state),
        state_at: Some(ms(since)),
        ..Deployment::default()
    }
}

/// A change of "acme/shop", proposed at `created`.
pub(crate) fn change(number: u64, created: i64, head: &str) -> Change {
    Change {
        service: "acme/shop".to_owned(),
        number,
        title: Some(format!("Change {number}")),
        state: Some(ChangeState::Open),
        head_commit: Some(head.to_owned()),
        created_at: Some(ms(created)),
        ..Change::default()
    }
}

pub(crate) fn merged(mut change: Change, secs: i64) -> Item {
    change.state = Some(ChangeState::Merged);
    change.merged_at = Some(ms(secs));
    item(secs, Body::Change(change))
}

pub(crate) fn review(id: &str, change: u64, secs: i64, state: ReviewState) -> Item {
    let review = Review {
        id: id.to_owned(),
        service: "acme/shop".to_owned(),
        change,
        state,
        reviewer: Some("grace".to_owned()),
        submitted_at: Some(ms(secs)),
    };
    item(secs, Body::Review(review))
}

pub(crate) fn push(secs: i64, commits: &[(&str, i64)]) -> Item {
    let commits: Vec<Commit> =
        commits.iter().map(|(id, at)| Commit { id: (*id).to_owned(), committed_at: ms(*at) }).collect();
    item(
        secs,
        Body::Push(Push {
            service: "acme/shop".to_owned(),
            branch: "main".to_owned(),
            after: commits.last().map_or_else(|| "none".to_owned(), |commit| commit.id.clone()),
            commits,
            ..Push::default()
        }),
    )
}
