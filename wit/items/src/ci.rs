//! Pipelines: runs, their jobs, their steps.

use serde::{Deserialize, Serialize};

/// Where a run, job or step is in its life. The order is the order of life: a later stage wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Asked for, no machine yet.
    Queued,
    /// Held back: an approval, a concurrency limit, a protection rule.
    Waiting,
    /// Working.
    Running,
    /// Over; `result` says how.
    Finished,
}

/// How a finished run, job or step ended (OpenTelemetry `cicd.pipeline.result`, and two that vendors add).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RunResult {
    /// It did what it should.
    Success,
    /// What was run said no: a test, a compiler.
    Failure,
    /// The CI system itself failed: a bad workflow file, a lost runner.
    Error,
    /// It ran out of time.
    Timeout,
    /// Someone or something stopped it.
    Cancellation,
    /// It was not needed.
    Skip,
    /// Over, neither good nor bad.
    Neutral,
    /// Over until a person acts.
    ActionRequired,
}

impl RunResult {
    /// The word for it, as it stands in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Error => "error",
            Self::Timeout => "timeout",
            Self::Cancellation => "cancellation",
            Self::Skip => "skip",
            Self::Neutral => "neutral",
            Self::ActionRequired => "action_required",
        }
    }
}

/// One attempt of one run of a pipeline (CDEvents `pipelineRun`). Keyed by `(id, attempt)`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct PipelineRun {
    /// The upstream's id of the run; a rerun keeps it.
    pub id: String,
    /// Counted from 1.
    pub attempt: u32,
    /// What the pipeline belongs to: a repository or project, "owner/name".
    pub service: String,
    /// The pipeline's name ("CI").
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pipeline: Option<String>,
    /// The upstream's id of the pipeline.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pipeline_id: Option<String>,
    /// The number people quote (#1234).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    /// What this run is about, usually the commit's first line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Its page upstream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Stage of life.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<RunState>,
    /// How it ended, once finished.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<RunResult>,
    /// What caused it: "push", "pull_request", "schedule".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trigger: Option<String>,
    /// The branch or tag it ran for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// The commit it ran for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Login of who caused it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// Numbers of the changes (pull requests) it ran for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<u64>,
    /// When this attempt was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<i64>,
    /// When this attempt began to work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<i64>,
    /// When this attempt was over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<i64>,
}

/// One job of a run (CDEvents `taskRun`). Keyed by `id`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Job {
    /// The upstream's id of the job.
    pub id: String,
    /// The run it belongs to.
    pub run_id: String,
    /// Which attempt of the run.
    pub run_attempt: u32,
    /// The run's service.
    pub service: String,
    /// The job's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its page (with the log) upstream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Stage of life.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<RunState>,
    /// How it ended, once finished.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<RunResult>,
    /// When it was asked for: the queue time starts here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<i64>,
    /// When a runner took it: the execution time starts here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<i64>,
    /// When it was over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<i64>,
    /// Name of the runner that took it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runner: Option<String>,
    /// What it asks of a runner.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// Its steps as known now, in order; replaced as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<Vec<JobStep>>,
}

/// One step of a job.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct JobStep {
    /// Its place, counted from 1.
    pub number: u32,
    /// Its name.
    pub name: String,
    /// Stage of life.
    pub state: RunState,
    /// How it ended, once finished.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<RunResult>,
    /// When it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<i64>,
    /// When it was over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<i64>,
}
