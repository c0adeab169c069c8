//! What the house asks of whoever keeps runs.

use super::{Job, Run};
use crate::error::StoreError;
use crate::id::{ConnectionId, RunId};
use crate::page::{Page, PageOf};
use crate::time::Timestamp;
use async_trait::async_trait;
use opssight_items::{RunResult, RunState};

/// Which runs.
#[derive(Debug, Clone, Default)]
pub struct RunQuery {
    /// Seen through.
    pub connection: Option<ConnectionId>,
    /// Of this service.
    pub service: Option<String>,
    /// Of this pipeline.
    pub pipeline: Option<String>,
    /// Of this branch.
    pub branch: Option<String>,
    /// Of this commit.
    pub commit: Option<String>,
    /// In this stage.
    pub state: Option<RunStateFilter>,
    /// With this result.
    pub result: Option<RunResult>,
    /// Caused by this.
    pub trigger: Option<String>,
    /// Caused by them.
    pub actor: Option<String>,
    /// Text anywhere in title, service, pipeline, branch, commit or number; case does not matter.
    pub text: Option<String>,
    /// Created at or after.
    pub since: Option<Timestamp>,
    /// Created before.
    pub until: Option<Timestamp>,
    /// Which page.
    pub page: PageOf,
}

/// A stage, or all that are not over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunStateFilter {
    /// Queued, waiting or running.
    Active,
    /// This one.
    Is(RunState),
}

/// A run with its jobs and other attempts.
#[derive(Debug, Clone)]
pub struct RunDetail {
    /// The run.
    pub run: Run,
    /// Its jobs, by start, then name.
    pub jobs: Vec<Job>,
    /// Names of its jobs that ended differently for the same commit.
    pub flaky: Vec<String>,
    /// All attempts, oldest first, this one among them.
    pub attempts: Vec<Run>,
}

/// A pipeline with its last runs.
#[derive(Debug, Clone)]
pub struct PipelineSummary {
    /// "owner/name".
    pub service: String,
    /// Its name.
    pub pipeline: String,
    /// Runs in the window.
    pub runs: u64,
    /// Finished ones that passed.
    pub passed: u64,
    /// Finished ones that failed, erred or timed out.
    pub failed: u64,
    /// Median work of the passed ones, microseconds.
    pub execution_micros_p50: Option<i64>,
    /// The last 30, newest first.
    pub last: Vec<PipelineBar>,
}

/// One bar of a pipeline's history.
#[derive(Debug, Clone)]
pub struct PipelineBar {
    /// The run.
    pub id: RunId,
    /// Stage.
    pub state: RunState,
    /// How it ended.
    pub result: Option<RunResult>,
    /// Its work, microseconds.
    pub execution_micros: Option<i64>,
}

/// A job that ended differently for the same commit.
#[derive(Debug, Clone)]
pub struct FlakyJob {
    /// "owner/name".
    pub service: String,
    /// The pipeline.
    pub pipeline: String,
    /// The job.
    pub job: String,
    /// For so many commits.
    pub commits: u64,
    /// A run in which it failed.
    pub failed_run: RunId,
    /// A run of the same commit in which it passed.
    pub passed_run: RunId,
    /// When it last ended.
    pub last_at: Timestamp,
}

/// Figures for the first page.
#[derive(Debug, Clone, Default)]
pub struct Overview {
    /// Not over.
    pub active_runs: u64,
    /// Created since.
    pub runs: u64,
    /// Of those, passed.
    pub passed: u64,
    /// Of those, failed.
    pub failed: u64,
    /// Median wait of those, microseconds.
    pub queue_micros_p50: Option<i64>,
    /// Services seen.
    pub services: Vec<Service>,
}

/// A service and where it is deployed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// "owner/name".
    pub service: String,
    /// Environments, in order.
    pub environments: Vec<String>,
}

/// The port: reads. Writes come only through [`crate::ingest`].
#[async_trait]
pub trait RunStore: Send + Sync {
    /// A page of runs, newest first.
    async fn runs(&self, query: &RunQuery) -> Result<Page<Run>, StoreError>;
    /// One run.
    async fn run(&self, id: &RunId) -> Result<Option<RunDetail>, StoreError>;
    /// Pipelines with runs created since, by service and name; at most 500.
    async fn pipelines(&self, service: Option<&str>, since: Timestamp) -> Result<Vec<PipelineSummary>, StoreError>;
    /// Flaky jobs seen since, most commits first; at most 100.
    async fn flaky_jobs(&self, service: Option<&str>, since: Timestamp) -> Result<Vec<FlakyJob>, StoreError>;
    /// Figures over the runs created since.
    async fn overview(&self, since: Timestamp) -> Result<Overview, StoreError>;
}
