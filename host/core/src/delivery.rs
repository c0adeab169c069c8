//! Delivery: deployments, changes and the five DORA metrics.

mod change;
mod deployment;
pub mod dora;
mod release;
pub mod report;
mod store;

pub use change::{Change, ChangeDoc, ReviewDoc};
pub use deployment::{Deployment, DeploymentDoc, Outcome};
pub use release::{Release, ReleaseDoc, Repository, RepositoryDoc};
pub use store::{ChangeQuery, DeliveryStore, DeploymentQuery, Evidence, EvidenceQuery, LedgerRow, MetricsQuery};
