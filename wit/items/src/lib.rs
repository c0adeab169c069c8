//! The catalogue of item kinds: what a plugin may say it saw, as JSON in `item.payload`.
//!
//! The WIT records are frozen, so everything that must grow lives here, as one struct per kind. A new
//! optional field is a compatible change; a new required field, or a new meaning, is a new kind.
//! Shared by the SDK (which writes these) and the host (which reads them), so that there is one
//! definition. All times are milliseconds since the Unix epoch, UTC. An absent field means "not known
//! from this observation", never "empty". Names follow OpenTelemetry CI/CD and CDEvents where those have one.
#![warn(missing_docs)]

mod cd;
mod ci;
mod vcs;

pub use cd::{Deployment, DeploymentState, Release};
pub use ci::{Job, JobStep, PipelineRun, RunResult, RunState};
pub use vcs::{Change, ChangeState, Commit, Push, Repository, Review, ReviewState};

/// A payload type and the kind string that it travels under.
pub trait Payload: serde::Serialize + serde::de::DeserializeOwned {
    /// The open string of `item.kind`.
    const KIND: &'static str;
}

macro_rules! kinds {
    ($($type:ident = $kind:literal),* $(,)?) => {
        $(impl Payload for $type { const KIND: &'static str = $kind; })*

        /// Every kind of the catalogue, with its JSON Schema.
        #[cfg(feature = "schema")]
        pub fn schemas() -> Vec<(&'static str, schemars::Schema)> {
            vec![$(($kind, schemars::schema_for!($type))),*]
        }

        /// Every kind of the catalogue.
        pub const KINDS: &[&str] = &[$($kind),*];
    };
}

kinds! {
    PipelineRun = "ci.pipeline-run",
    Job = "ci.job",
    Deployment = "cd.deployment",
    Release = "cd.release",
    Change = "vcs.change",
    Review = "vcs.review",
    Push = "vcs.push",
    Repository = "vcs.repository",
}
