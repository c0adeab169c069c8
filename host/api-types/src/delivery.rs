//! Delivery performance: deployments, changes and the five DORA metrics, each number with its evidence.

mod convert;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// How a deployment came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeploymentOutcome {
    /// Not over yet.
    Pending,
    /// Rolled out.
    Succeeded,
    /// Did not work.
    Failed,
    /// Replaced before anything was known of it.
    Superseded,
}

/// A deployment.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Deployment {
    /// Our id.
    pub id: String,
    /// The connection it was seen through.
    pub connection: String,
    /// The upstream's id.
    pub upstream_id: String,
    /// "owner/name".
    pub service: String,
    /// Where to.
    pub environment: String,
    /// Whether the environment is production.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub production: Option<bool>,
    /// The commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// What it was asked for by.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Its page upstream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Who asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// The run that deploys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// How it came out.
    pub outcome: DeploymentOutcome,
    /// The upstream's newest word: "queued", "success", "inactive".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// It repaired what an earlier deployment broke.
    pub rework: bool,
    /// When it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<DateTime<Utc>>,
    /// When it was over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<DateTime<Utc>>,
}

/// A change (pull or merge request).
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Change {
    /// Our id.
    pub id: String,
    /// The connection it was seen through.
    pub connection: String,
    /// "owner/name".
    pub service: String,
    /// The number people quote.
    pub number: u64,
    /// Its title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Its page upstream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// "open", "closed" or "merged".
    pub state: String,
    /// Not ready for review.
    pub draft: bool,
    /// Its author.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// Branch it lands on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// Branch it comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<String>,
    /// The commit that landed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merge_commit: Option<String>,
    /// When its first commit was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_commit_at: Option<DateTime<Utc>>,
    /// When it was proposed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<DateTime<Utc>>,
    /// When somebody first reviewed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_review_at: Option<DateTime<Utc>>,
    /// When it was first approved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_at: Option<DateTime<Utc>>,
    /// When it landed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merged_at: Option<DateTime<Utc>>,
    /// When it was closed, landed or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<DateTime<Utc>>,
}

/// The five DORA metrics of one service in one environment, over one window.
///
/// A metric that nothing is known about is absent, not zero.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DeliveryMetrics {
    /// "owner/name".
    pub service: String,
    /// Where to.
    pub environment: String,
    /// Deployments that succeeded, per day of the window.
    pub deployment_frequency_per_day: f64,
    /// Median time from a change's first known commit to the deployment that carried it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change_lead_time_ms_p50: Option<i64>,
    /// Of the deployments that are over, the share that failed or had to be taken back, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change_fail_rate: Option<f64>,
    /// Median time from a failed deployment to the next that succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_deployment_recovery_time_ms_p50: Option<i64>,
    /// Of the deployments that are over, the share made to repair an earlier one, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment_rework_rate: Option<f64>,
    /// What the numbers are made of.
    pub counts: DeliveryCounts,
}

/// How many things a set of metrics is made of.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DeliveryCounts {
    /// Deployments that succeeded.
    pub succeeded: u64,
    /// Deployments that failed or were taken back.
    pub failed: u64,
    /// Failed ones that were recovered from.
    pub recovered: u64,
    /// Made to repair an earlier one.
    pub rework: u64,
    /// Changes delivered.
    pub changes: u64,
}

/// The metrics of every service and environment that match, and their course.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DeliveryReport {
    /// Start of the window.
    pub from: DateTime<Utc>,
    /// End of the window, exclusive.
    pub to: DateTime<Utc>,
    /// One row per service and environment; they are never blended.
    pub metrics: Vec<DeliveryMetrics>,
    /// The course over the window, in columns.
    pub series: DeliverySeries,
}

/// The course of delivery over a window, one bucket per day (UTC), in columns of one length.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DeliverySeries {
    /// Start of each bucket.
    pub t: Vec<DateTime<Utc>>,
    /// Deployments that succeeded.
    pub succeeded: Vec<u64>,
    /// Deployments that failed.
    pub failed: Vec<u64>,
    /// Rework.
    pub rework: Vec<u64>,
    /// Median lead time of the changes delivered in the bucket; null where there were none.
    pub lead_time_ms_p50: Vec<Option<i64>>,
    /// Median recovery time of the failures of the bucket; null where there were none.
    pub recovery_time_ms_p50: Vec<Option<i64>>,
}

/// One piece of evidence behind a metric.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Evidence {
    /// The deployment.
    pub deployment: Deployment,
    /// The change, for lead time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<Change>,
    /// What it contributes: lead time or recovery time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_ms: Option<i64>,
    /// The deployment that recovered, or the one that was repaired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub related: Option<String>,
    /// Why it counts, in words.
    pub because: String,
}

/// A metric to show the evidence of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// How often.
    DeploymentFrequency,
    /// How fast.
    ChangeLeadTime,
    /// How safely.
    ChangeFailRate,
    /// How fast repaired.
    FailedDeploymentRecoveryTime,
    /// How much repair.
    DeploymentReworkRate,
}

/// Which metrics.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct MetricsQuery {
    /// Only of this service.
    pub service: Option<String>,
    /// Only of this environment.
    pub environment: Option<String>,
    /// Start of the window; 30 days before its end unless told.
    pub from: Option<DateTime<Utc>>,
    /// End of the window, exclusive; now unless told.
    pub to: Option<DateTime<Utc>>,
}

/// Which evidence.
#[derive(Debug, Clone, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EvidenceQuery {
    /// Of which metric.
    #[param(inline)]
    pub metric: Metric,
    /// Of which service.
    pub service: String,
    /// In which environment.
    pub environment: String,
    /// Start of the window.
    #[serde(default)]
    pub from: Option<DateTime<Utc>>,
    /// End of the window, exclusive.
    #[serde(default)]
    pub to: Option<DateTime<Utc>>,
    /// Where the page before ended.
    #[serde(default)]
    pub cursor: Option<String>,
    /// Rows on a page, 1 to 200.
    #[serde(default)]
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<u32>,
}

/// Which deployments.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DeploymentQuery {
    /// Only of this service.
    pub service: Option<String>,
    /// Only to this environment.
    pub environment: Option<String>,
    /// Only with this outcome.
    #[param(inline)]
    pub outcome: Option<DeploymentOutcome>,
    /// Where the page before ended.
    pub cursor: Option<String>,
    /// Rows on a page, 1 to 200.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<u32>,
}

/// Which changes.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ChangeQuery {
    /// Only of this service.
    pub service: Option<String>,
    /// "open", "closed" or "merged".
    pub state: Option<String>,
    /// Where the page before ended.
    pub cursor: Option<String>,
    /// Rows on a page, 1 to 200.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<u32>,
}
