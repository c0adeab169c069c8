//! Pipelines, their runs, jobs and steps.

mod convert;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Stage of life of a run, job or step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Asked for, no machine yet.
    Queued,
    /// Held back by an approval or a limit.
    Waiting,
    /// Working.
    Running,
    /// Over.
    Finished,
}

/// How a run, job or step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunResult {
    /// It did what it should.
    Success,
    /// What was run said no.
    Failure,
    /// The CI system itself failed.
    Error,
    /// Ran out of time.
    Timeout,
    /// Was stopped.
    Cancellation,
    /// Was not needed.
    Skip,
    /// Neither good nor bad.
    Neutral,
    /// Over until a person acts.
    ActionRequired,
}

/// One attempt of one run.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Run {
    /// Our id of this attempt.
    pub id: String,
    /// The connection it was seen through.
    pub connection: String,
    /// The upstream's id of the run.
    pub upstream_id: String,
    /// Counted from 1.
    pub attempt: u32,
    /// "owner/name".
    pub service: String,
    /// The pipeline's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pipeline: Option<String>,
    /// The number people quote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    /// What it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Its page upstream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Stage of life.
    pub state: RunState,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<RunResult>,
    /// What caused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger: Option<String>,
    /// Branch or tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// Commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Who caused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// Changes (pull requests) it ran for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<u64>,
    /// When it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<DateTime<Utc>>,
    /// When it began to work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<DateTime<Utc>>,
    /// When it was over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<DateTime<Utc>>,
    /// From asked for to its first job's start; absent while unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_ms: Option<i64>,
    /// From the first job's start to its end; absent until finished.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_ms: Option<i64>,
}

/// A job of a run.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Job {
    /// Our id.
    pub id: String,
    /// The upstream's id.
    pub upstream_id: String,
    /// Its name.
    pub name: String,
    /// Its page (with the log) upstream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Stage of life.
    pub state: RunState,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<RunResult>,
    /// When it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<DateTime<Utc>>,
    /// When a runner took it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<DateTime<Utc>>,
    /// When it was over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<DateTime<Utc>>,
    /// Waiting for a runner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_ms: Option<i64>,
    /// Working.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_ms: Option<i64>,
    /// The runner that took it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runner: Option<String>,
    /// What it asks of a runner.
    pub labels: Vec<String>,
    /// Its steps in order.
    pub steps: Vec<Step>,
    /// The same job ended differently for the same commit.
    pub flaky: bool,
}

/// A step of a job.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Step {
    /// Its place, from 1.
    pub number: u32,
    /// Its name.
    pub name: String,
    /// Stage of life.
    pub state: RunState,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<RunResult>,
    /// When it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<DateTime<Utc>>,
    /// When it was over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<DateTime<Utc>>,
}

/// A run with everything known about it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RunDetail {
    /// The run.
    pub run: Run,
    /// Its jobs, in order of their start.
    pub jobs: Vec<Job>,
    /// All attempts of the same run, oldest first.
    pub attempts: Vec<Attempt>,
    /// The chain of jobs that decided how long it took, first to last. It is inferred from times, because
    /// upstreams do not deliver the graph.
    pub critical_path: Vec<CriticalStep>,
    /// Why it failed, in one word and in one sentence; absent when it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// What can be done to it now.
    pub actions: Vec<RunAction>,
}

/// Another attempt of a run.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Attempt {
    /// Our id of it.
    pub id: String,
    /// Counted from 1.
    pub attempt: u32,
    /// Stage of life.
    pub state: RunState,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<RunResult>,
}

/// A link of the critical path.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CriticalStep {
    /// The job.
    pub job: String,
    /// Its name.
    pub name: String,
    /// Its wait for a runner that counted.
    pub queue_ms: i64,
    /// Its work.
    pub execution_ms: i64,
}

/// Why a run failed.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Failure {
    /// "test", "build", "deploy", "setup", "timeout", "infrastructure", "cancelled", "approval", "unknown".
    pub class: String,
    /// What failed: job and step.
    pub summary: String,
    /// The job that failed first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    /// Its step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
}

/// Something that can be done to a run.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RunAction {
    /// Its name.
    pub name: String,
    /// For people.
    pub title: String,
    /// What it does.
    pub description: String,
    /// "safe", "caution" or "danger".
    pub danger: String,
}

/// A pipeline of a service, with its last runs.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Pipeline {
    /// "owner/name".
    pub service: String,
    /// Its name.
    pub pipeline: String,
    /// Runs in the window.
    pub runs: u64,
    /// Of the finished ones that passed or failed, the share that passed, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub success_rate: Option<f64>,
    /// Median time from start to end of the successful runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_ms_p50: Option<i64>,
    /// The last runs, newest first, at most 30.
    pub last: Vec<PipelineBar>,
}

/// One bar of a pipeline's history.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PipelineBar {
    /// The run.
    pub id: String,
    /// Stage of life.
    pub state: RunState,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<RunResult>,
    /// Its work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_ms: Option<i64>,
}

/// A job that ended differently for the same commit.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct FlakyJob {
    /// "owner/name".
    pub service: String,
    /// The pipeline.
    pub pipeline: String,
    /// The job.
    pub job: String,
    /// Commits for which it both passed and failed.
    pub commits: u64,
    /// An example: a run in which it failed.
    pub failed_run: String,
    /// And one in which it passed.
    pub passed_run: String,
    /// When it was last seen.
    pub last_at: DateTime<Utc>,
}

/// Figures for the first page.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Overview {
    /// Runs queued, waiting or running now.
    pub active_runs: u64,
    /// Runs of the last 24 hours.
    pub runs_24h: u64,
    /// Of those that passed or failed, the share that passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub success_rate_24h: Option<f64>,
    /// Median wait of the last 24 hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_ms_p50_24h: Option<i64>,
    /// Services seen.
    pub services: Vec<Service>,
    /// Connections configured; zero means that nobody has begun yet.
    pub connections: u64,
    /// Deliveries that failed for good.
    pub failed_deliveries: u64,
}

/// A service and where it is deployed.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Service {
    /// "owner/name".
    pub service: String,
    /// Environments it was deployed to.
    pub environments: Vec<String>,
}

/// Which runs.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RunQuery {
    /// Only seen through this connection.
    pub connection: Option<String>,
    /// Only of this service.
    pub service: Option<String>,
    /// Only of this pipeline.
    pub pipeline: Option<String>,
    /// Only of this branch.
    pub branch: Option<String>,
    /// Only of this commit.
    pub commit: Option<String>,
    /// Only in this state; `active` stands for queued, waiting and running.
    pub state: Option<String>,
    /// Only with this result.
    #[param(inline)]
    pub result: Option<RunResult>,
    /// Only caused by this.
    pub trigger: Option<String>,
    /// Only caused by them.
    pub actor: Option<String>,
    /// Text in title, service, pipeline, branch, commit or number.
    pub q: Option<String>,
    /// Only created at or after.
    pub since: Option<DateTime<Utc>>,
    /// Only created before.
    pub until: Option<DateTime<Utc>>,
    /// Where the page before ended.
    pub cursor: Option<String>,
    /// Rows on a page, 1 to 200.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<u32>,
}

/// Which pipelines or flaky jobs.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PipelineQuery {
    /// Only of this service.
    pub service: Option<String>,
    /// The window, days back from now, 1 to 90.
    #[param(minimum = 1, maximum = 90, default = 30)]
    pub days: Option<u32>,
}
