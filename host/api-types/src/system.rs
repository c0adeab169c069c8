//! The host itself.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What is running.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Version {
    /// Version of the host.
    pub version: String,
    /// Version of the plugin contract.
    pub contract: String,
}

/// Can this host do its work?
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// "ok" or "failing".
    pub status: String,
    /// Each part.
    pub checks: Vec<HealthCheck>,
}

/// One part of the host.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct HealthCheck {
    /// "store", "worker", "plugins".
    pub name: String,
    /// "ok" or "failing".
    pub status: String,
    /// What is wrong, or a figure.
    pub detail: String,
}
