//! From the core's deployments and changes.

use super::{
    Change, DeliveryCounts, DeliveryMetrics, DeliveryReport, DeliverySeries, Deployment, DeploymentOutcome, Metric,
};
use crate::units::{ms, share, utc};
use opssight_core::delivery as core;
use opssight_core::delivery::dora;
use opssight_core::delivery::report::{Summary, Window, per_day, per_scope};
use opssight_core::id::RunId;
use opssight_core::time::Timestamp;
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

impl DeliveryReport {
    /// The metrics of a window, from its ledger.
    pub fn of(rows: &[core::LedgerRow], window: Window) -> Self {
        Self {
            from: utc(window.from),
            to: utc(window.to),
            metrics: per_scope(rows)
                .into_iter()
                .map(|(service, environment, summary)| DeliveryMetrics::of(service, environment, &summary, window))
                .collect(),
            series: DeliverySeries::of(&per_day(rows, window)),
        }
    }
}

impl DeliveryMetrics {
    fn of(service: &str, environment: &str, summary: &Summary, window: Window) -> Self {
        Self {
            service: service.to_owned(),
            environment: environment.to_owned(),
            deployment_frequency_per_day: summary.succeeded as f64 / window.days(),
            change_lead_time_ms_p50: summary.lead_micros_p50.map(ms),
            change_fail_rate: share(summary.failed, summary.over),
            failed_deployment_recovery_time_ms_p50: summary.recovery_micros_p50.map(ms),
            deployment_rework_rate: share(summary.rework, summary.over),
            counts: DeliveryCounts {
                succeeded: summary.succeeded,
                failed: summary.failed,
                recovered: summary.recovered,
                rework: summary.rework,
                changes: summary.changes,
            },
        }
    }
}

impl DeliverySeries {
    fn of(days: &[(Timestamp, Summary)]) -> Self {
        let summaries = || days.iter().map(|(_, summary)| summary);
        Self {
            t: days.iter().map(|(day, _)| utc(*day)).collect(),
            succeeded: summaries().map(|summary| summary.succeeded).collect(),
            failed: summaries().map(|summary| summary.failed).collect(),
            rework: summaries().map(|summary| summary.rework).collect(),
            lead_time_ms_p50: summaries().map(|summary| summary.lead_micros_p50.map(ms)).collect(),
            recovery_time_ms_p50: summaries().map(|summary| summary.recovery_micros_p50.map(ms)).collect(),
        }
    }
}
