//! Pipelines: runs, their attempts, jobs and steps, and what can be said of them.

mod analysis;
mod job;
mod run;
mod store;

pub use analysis::{CriticalStep, FailureClass, FailureSummary, critical_path, failure, is_flaky_pair};
pub use job::{Job, JobDoc, Step};
pub(crate) use run::derived as derived_id;
pub use run::{Run, RunDoc};
pub use store::{
    FlakyJob, Overview, PipelineBar, PipelineSummary, RunDetail, RunQuery, RunStateFilter, RunStore, Service,
};
