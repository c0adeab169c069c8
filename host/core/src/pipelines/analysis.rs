//! What a run's jobs say about it: what decided its length, why it failed, which jobs are flaky.

use super::{Job, Run};
use crate::id::JobId;
use opssight_items::{RunResult, RunState};

/// A link of the critical path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CriticalStep {
    /// The job.
    pub job: JobId,
    /// Its name.
    pub name: String,
    /// Wait for a runner, microseconds.
    pub queue_micros: i64,
    /// Work, microseconds.
    pub execution_micros: i64,
}

/// The chain of jobs that decided how long the run took, first to last.
///
/// Upstreams deliver times but not the graph. From the job that ended last, the job it waited for is taken to be
/// the one that ended last before this one was asked for (or, where that is not known, before it started).
pub fn critical_path(jobs: &[Job]) -> Vec<CriticalStep> {
    let mut done: Vec<&Job> = jobs
        .iter()
        .filter(|job| job.started_at.is_some() && job.finished_at.is_some() && job.result != Some(RunResult::Skip))
        .collect();
    done.sort_by_key(|job| (job.finished_at, job.id.clone()));
    let mut path = Vec::new();
    let mut current = done.pop();
    while let Some(job) = current {
        path.push(CriticalStep {
            job: job.id.clone(),
            name: job.name.clone(),
            queue_micros: job.queue_micros().unwrap_or(0),
            execution_micros: job.execution_micros().unwrap_or(0),
        });
        let began = job.created_at.or(job.started_at);
        // `done` shrinks with every step, so that jobs of no length cannot make a circle.
        current = None;
        while let Some(candidate) = done.pop() {
            if candidate.finished_at <= began {
                current = Some(candidate);
                break;
            }
        }
    }
    path.reverse();
    path
}

/// Why a run failed, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureClass {
    /// Tests or checks said no.
    Test,
    /// It did not build.
    Build,
    /// It did not deploy.
    Deploy,
    /// It did not get as far as its work: checkout, dependencies, services.
    Setup,
    /// It ran out of time.
    Timeout,
    /// The CI system failed.
    Infrastructure,
    /// It was stopped.
    Cancelled,
    /// It waits for a person.
    Approval,
    /// It does not say.
    Unknown,
}

impl FailureClass {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::Build => "build",
            Self::Deploy => "deploy",
            Self::Setup => "setup",
            Self::Timeout => "timeout",
            Self::Infrastructure => "infrastructure",
            Self::Cancelled => "cancelled",
            Self::Approval => "approval",
            Self::Unknown => "unknown",
        }
    }
}

/// Why a run failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailureSummary {
    /// In one word.
    pub class: FailureClass,
    /// In one sentence.
    pub summary: String,
    /// The job that failed first.
    pub job: Option<JobId>,
    /// Its step.
    pub step: Option<String>,
}

/// Words in step and job names; whole words only, so that "latest" is not a test. The first known word of a name
/// counts: "cargo build --release" builds.
const WORDS: &[(FailureClass, &[&str])] = &[
    (
        FailureClass::Setup,
        &["set", "setup", "checkout", "install", "restore", "cache", "initialize", "login", "dependencies", "pull"],
    ),
    (FailureClass::Deploy, &["deploy", "deployment", "release", "publish", "rollout", "helm", "terraform", "push"]),
    (
        FailureClass::Test,
        &["test", "tests", "testing", "check", "lint", "clippy", "e2e", "spec", "pytest", "jest", "coverage", "fmt"],
    ),
    (FailureClass::Build, &["build", "compile", "bundle", "package", "webpack"]),
];

fn class_of(text: &str) -> Option<FailureClass> {
    let lower = text.to_lowercase();
    let class = |word: &str| WORDS.iter().find(|(_, known)| known.contains(&word)).map(|(class, _)| *class);
    lower.split(|c: char| !c.is_alphanumeric()).find_map(class)
}

fn is_bad(result: Option<RunResult>) -> bool {
    matches!(result, Some(RunResult::Failure | RunResult::Error | RunResult::Timeout))
}

/// Why a finished run did not succeed; none for one that did or is not over.
pub fn failure(run: &Run, jobs: &[Job]) -> Option<FailureSummary> {
    if run.state != RunState::Finished {
        return None;
    }
    let plain =
        |class, summary: &str| Some(FailureSummary { class, summary: summary.to_owned(), job: None, step: None });
    match run.result? {
        RunResult::Success | RunResult::Skip | RunResult::Neutral => None,
        RunResult::Cancellation => plain(FailureClass::Cancelled, "the run was stopped"),
        RunResult::ActionRequired => plain(FailureClass::Approval, "the run waits for a person's approval"),
        result @ (RunResult::Failure | RunResult::Error | RunResult::Timeout) => {
            let first =
                jobs.iter().filter(|job| is_bad(job.result)).min_by_key(|job| (job.finished_at, job.id.clone()));
            let Some(job) = first else {
                return match result {
                    RunResult::Timeout => plain(FailureClass::Timeout, "the run ran out of time"),
                    RunResult::Error => plain(FailureClass::Infrastructure, "the run could not be started"),
                    _ => plain(FailureClass::Unknown, "the run failed; none of its known jobs did"),
                };
            };
            Some(job_failure(job))
        }
    }
}

fn job_failure(job: &Job) -> FailureSummary {
    let step = job.steps.iter().find(|step| is_bad(step.result));
    let class = match job.result {
        Some(RunResult::Timeout) => FailureClass::Timeout,
        Some(RunResult::Error) => FailureClass::Infrastructure,
        // A runner that dies leaves steps that never ended.
        _ if step.is_none() && job.steps.iter().any(|step| step.state != RunState::Finished) => {
            FailureClass::Infrastructure
        }
        _ => {
            step.and_then(|step| class_of(&step.name)).or_else(|| class_of(&job.name)).unwrap_or(FailureClass::Unknown)
        }
    };
    let summary = match step {
        Some(step) => format!("step “{}” of job “{}” failed", step.name, job.name),
        None => format!("job “{}” failed", job.name),
    };
    FailureSummary { class, summary, job: Some(job.id.clone()), step: step.map(|step| step.name.clone()) }
}

/// Whether two results of the same job for the same commit make it flaky: one passed, the other failed.
pub fn is_flaky_pair(one: Option<RunResult>, other: Option<RunResult>) -> bool {
    let passed = |result| result == Some(RunResult::Success);
    let failed = |result| matches!(result, Some(RunResult::Failure | RunResult::Timeout));
    (passed(one) && failed(other)) || (failed(one) && passed(other))
}
