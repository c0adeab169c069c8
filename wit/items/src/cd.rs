//! Delivery: deployments and releases.

use serde::{Deserialize, Serialize};

/// What the upstream says of a deployment at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum DeploymentState {
    /// Asked for.
    Pending,
    /// Waits for a machine.
    Queued,
    /// Waits for an approval or a protection rule.
    Waiting,
    /// Being rolled out.
    Running,
    /// Rolled out.
    Success,
    /// Did not work.
    Failure,
    /// The deploying system failed.
    Error,
    /// Was replaced by a later one.
    Inactive,
}

/// One deployment of a service to an environment. Keyed by `id`; states gather, they do not replace each other.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Deployment {
    /// The upstream's id.
    pub id: String,
    /// What is deployed: "owner/name".
    pub service: String,
    /// Where to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// Whether the upstream marks the environment as production.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub production: Option<bool>,
    /// The commit deployed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The branch, tag or commit it was asked for by.
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The upstream's word for what is being done: "deploy", "deploy:rollback".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// Free text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Its page upstream, or the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Login of who asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// The pipeline run that deploys, if one does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    /// When it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<i64>,
    /// The state this observation reports.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<DeploymentState>,
    /// Since when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state_at: Option<i64>,
}

/// A published version of a service. Keyed by `id`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Release {
    /// The upstream's id.
    pub id: String,
    /// What is released.
    pub service: String,
    /// Its tag.
    pub tag: String,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its page upstream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The branch or commit it was cut from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Login of its author.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// Not for everyone yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prerelease: Option<bool>,
    /// Not public yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub draft: Option<bool>,
    /// Taken back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deleted: Option<bool>,
    /// When it was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<i64>,
    /// When it became public.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub published_at: Option<i64>,
}
