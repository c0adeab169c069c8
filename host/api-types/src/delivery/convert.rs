//! From the core's deployments and changes.

use super::{Change, Deployment, DeploymentOutcome, Metric};
use crate::units::utc;
use opssight_core::delivery as core;
use opssight_core::delivery::dora;
use opssight_core::id::RunId;
use opssight_core::vocabulary::{ChangeState, DeploymentState};

impl From<core::Outcome> for DeploymentOutcome {
    fn from(outcome: core::Outcome) -> Self {
        match outcome {
            core::Outcome::Pending => Self::Pending,
            core::Outcome::Succeeded => Self::Succeeded,
            core::Outcome::Failed => Self::Failed,
            core::Outcome::Superseded => Self::Superseded,
        }
    }
}

impl From<DeploymentOutcome> for core::Outcome {
    fn from(outcome: DeploymentOutcome) -> Self {
        match outcome {
            DeploymentOutcome::Pending => Self::Pending,
            DeploymentOutcome::Succeeded => Self::Succeeded,
            DeploymentOutcome::Failed => Self::Failed,
            DeploymentOutcome::Superseded => Self::Superseded,
        }
    }
}

impl From<Metric> for dora::Metric {
    fn from(metric: Metric) -> Self {
        match metric {
            Metric::DeploymentFrequency => Self::DeploymentFrequency,
            Metric::ChangeLeadTime => Self::ChangeLeadTime,
            Metric::ChangeFailRate => Self::ChangeFailRate,
            Metric::FailedDeploymentRecoveryTime => Self::FailedDeploymentRecoveryTime,
            Metric::DeploymentReworkRate => Self::DeploymentReworkRate,
        }
    }
}

impl Deployment {
    /// A deployment, with what it means for the metrics once it is over.
    pub fn of(deployment: core::Deployment, row: Option<&dora::DeploymentRow>) -> Self {
        // Upstreams name the run and not its attempt; every attempt leads to the others.
        let run = deployment.run_upstream_id.as_ref().map(|run| RunId::of(&deployment.connection, run, 1).0);
        Self {
            rework: row.map_or_else(|| deployment.is_rollback(), |row| row.rework),
            id: deployment.id.0,
            connection: deployment.connection.0,
            upstream_id: deployment.upstream_id,
            service: deployment.service,
            environment: deployment.environment,
            production: deployment.production,
            commit: deployment.commit,
            reference: deployment.reference,
            url: deployment.url,
            actor: deployment.actor,
            run,
            outcome: deployment.outcome.into(),
            state: deployment.state.map(|state| state_word(state).to_owned()),
            created_at: deployment.created_at.map(utc),
            finished_at: deployment.finished_at.map(utc),
        }
    }
}

fn state_word(state: DeploymentState) -> &'static str {
    match state {
        DeploymentState::Pending => "pending",
        DeploymentState::Queued => "queued",
        DeploymentState::Waiting => "waiting",
        DeploymentState::Running => "running",
        DeploymentState::Success => "success",
        DeploymentState::Failure => "failure",
        DeploymentState::Error => "error",
        DeploymentState::Inactive => "inactive",
    }
}

impl From<core::Change> for Change {
    fn from(change: core::Change) -> Self {
        Self {
            id: change.id.0,
            connection: change.connection.0,
            service: change.service,
            number: change.number,
            title: change.title,
            url: change.url,
            state: match change.state {
                ChangeState::Open => "open",
                ChangeState::Closed => "closed",
                ChangeState::Merged => "merged",
            }
            .to_owned(),
            draft: change.draft,
            author: change.author,
            base: change.base,
            head: change.head,
            merge_commit: change.merge_commit,
            first_commit_at: change.first_commit_at.map(utc),
            created_at: change.created_at.map(utc),
            first_review_at: change.first_review_at.map(utc),
            approved_at: change.approved_at.map(utc),
            merged_at: change.merged_at.map(utc),
            closed_at: change.closed_at.map(utc),
        }
    }
}
