//! From the core's pipelines, runs and jobs.

use super::{
    Attempt, CriticalStep, Failure, FlakyJob, Job, Overview, Pipeline, PipelineBar, Run, RunAction, RunDetail,
    RunResult, RunState, Service, Step,
};
use crate::units::{ms, share, utc};
use opssight_core::pipelines as core;
use opssight_core::plugins::manifest::ActionSpec;
use opssight_core::vocabulary;

impl From<vocabulary::RunState> for RunState {
    fn from(state: vocabulary::RunState) -> Self {
        match state {
            vocabulary::RunState::Queued => Self::Queued,
            vocabulary::RunState::Waiting => Self::Waiting,
            vocabulary::RunState::Running => Self::Running,
            vocabulary::RunState::Finished => Self::Finished,
        }
    }
}

impl From<vocabulary::RunResult> for RunResult {
    fn from(result: vocabulary::RunResult) -> Self {
        match result {
            vocabulary::RunResult::Success => Self::Success,
            vocabulary::RunResult::Failure => Self::Failure,
            vocabulary::RunResult::Error => Self::Error,
            vocabulary::RunResult::Timeout => Self::Timeout,
            vocabulary::RunResult::Cancellation => Self::Cancellation,
            vocabulary::RunResult::Skip => Self::Skip,
            vocabulary::RunResult::Neutral => Self::Neutral,
            vocabulary::RunResult::ActionRequired => Self::ActionRequired,
        }
    }
}

impl From<RunResult> for vocabulary::RunResult {
    fn from(result: RunResult) -> Self {
        match result {
            RunResult::Success => Self::Success,
            RunResult::Failure => Self::Failure,
            RunResult::Error => Self::Error,
            RunResult::Timeout => Self::Timeout,
            RunResult::Cancellation => Self::Cancellation,
            RunResult::Skip => Self::Skip,
            RunResult::Neutral => Self::Neutral,
            RunResult::ActionRequired => Self::ActionRequired,
        }
    }
}

impl From<core::Run> for Run {
    fn from(run: core::Run) -> Self {
        Self {
            queue_ms: run.queue_micros().map(ms),
            execution_ms: run.execution_micros().map(ms),
            started_at: run.work_started_at().map(utc),
            id: run.id.0,
            connection: run.connection.0,
            upstream_id: run.upstream_id,
            attempt: run.attempt,
            service: run.service,
            pipeline: run.pipeline,
            number: run.number,
            title: run.title,
            url: run.url,
            state: run.state.into(),
            result: run.result.map(RunResult::from),
            trigger: run.trigger,
            branch: run.branch,
            commit: run.commit,
            actor: run.actor,
            changes: run.changes,
            created_at: run.created_at.map(utc),
            finished_at: run.finished_at.map(utc),
        }
    }
}

impl Job {
    /// A job, and whether it is flaky.
    pub fn of(job: core::Job, flaky: bool) -> Self {
        Self {
            queue_ms: job.queue_micros().map(ms),
            execution_ms: job.execution_micros().map(ms),
            id: job.id.0,
            upstream_id: job.upstream_id,
            name: job.name,
            url: job.url,
            state: job.state.into(),
            result: job.result.map(RunResult::from),
            created_at: job.created_at.map(utc),
            started_at: job.started_at.map(utc),
            finished_at: job.finished_at.map(utc),
            runner: job.runner,
            labels: job.labels,
            steps: job.steps.into_iter().map(Step::from).collect(),
            flaky,
        }
    }
}

impl From<core::Step> for Step {
    fn from(step: core::Step) -> Self {
        Self {
            number: step.number,
            name: step.name,
            state: step.state.into(),
            result: step.result.map(RunResult::from),
            started_at: step.started_at.map(utc),
            finished_at: step.finished_at.map(utc),
        }
    }
}

impl RunDetail {
    /// A run, what its jobs say about it, and what can be done to it now.
    pub fn of<'a>(detail: core::RunDetail, actions: impl Iterator<Item = &'a ActionSpec>) -> Self {
        let core::RunDetail { run, jobs, flaky, attempts } = detail;
        Self {
            critical_path: core::critical_path(&jobs).into_iter().map(CriticalStep::from).collect(),
            failure: core::failure(&run, &jobs).map(Failure::from),
            actions: actions.map(RunAction::from).collect(),
            attempts: attempts.into_iter().map(Attempt::from).collect(),
            jobs: jobs
                .into_iter()
                .map(|job| {
                    let is_flaky = flaky.contains(&job.name);
                    Job::of(job, is_flaky)
                })
                .collect(),
            run: run.into(),
        }
    }
}

impl From<core::Run> for Attempt {
    fn from(run: core::Run) -> Self {
        Self { id: run.id.0, attempt: run.attempt, state: run.state.into(), result: run.result.map(RunResult::from) }
    }
}

impl From<core::CriticalStep> for CriticalStep {
    fn from(step: core::CriticalStep) -> Self {
        Self {
            job: step.job.0,
            name: step.name,
            queue_ms: ms(step.queue_micros),
            execution_ms: ms(step.execution_micros),
        }
    }
}

impl From<core::FailureSummary> for Failure {
    fn from(failure: core::FailureSummary) -> Self {
        Self {
            class: failure.class.as_str().to_owned(),
            summary: failure.summary,
            job: failure.job.map(|job| job.0),
            step: failure.step,
        }
    }
}

impl From<&ActionSpec> for RunAction {
    fn from(action: &ActionSpec) -> Self {
        Self {
            name: action.name.clone(),
            title: action.title.clone(),
            description: action.description.clone(),
            danger: crate::plugins::danger(action.danger).to_owned(),
        }
    }
}

impl From<core::PipelineSummary> for Pipeline {
    fn from(summary: core::PipelineSummary) -> Self {
        Self {
            success_rate: share(summary.passed, summary.passed.saturating_add(summary.failed)),
            service: summary.service,
            pipeline: summary.pipeline,
            runs: summary.runs,
            execution_ms_p50: summary.execution_micros_p50.map(ms),
            last: summary.last.into_iter().map(PipelineBar::from).collect(),
        }
    }
}

impl From<core::PipelineBar> for PipelineBar {
    fn from(bar: core::PipelineBar) -> Self {
        Self {
            id: bar.id.0,
            state: bar.state.into(),
            result: bar.result.map(RunResult::from),
            execution_ms: bar.execution_micros.map(ms),
        }
    }
}

impl From<core::FlakyJob> for FlakyJob {
    fn from(flaky: core::FlakyJob) -> Self {
        Self {
            service: flaky.service,
            pipeline: flaky.pipeline,
            job: flaky.job,
            commits: flaky.commits,
            failed_run: flaky.failed_run.0,
            passed_run: flaky.passed_run.0,
            last_at: utc(flaky.last_at),
        }
    }
}

impl Overview {
    /// Figures of the read model, of the connections and of their deliveries.
    pub fn of(overview: core::Overview, connections: u64, failed_deliveries: u64) -> Self {
        Self {
            active_runs: overview.active_runs,
            runs_24h: overview.runs,
            success_rate_24h: share(overview.passed, overview.passed.saturating_add(overview.failed)),
            queue_ms_p50_24h: overview.queue_micros_p50.map(ms),
            services: overview.services.into_iter().map(Service::from).collect(),
            connections,
            failed_deliveries,
        }
    }
}

impl From<core::Service> for Service {
    fn from(service: core::Service) -> Self {
        Self { service: service.service, environments: service.environments }
    }
}
