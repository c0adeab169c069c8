//! Acting on the upstream.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Ask a plugin to act.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ActionRequest {
    /// Through which connection.
    pub connection: String,
    /// Which declared action.
    pub action: String,
    /// Its input; checked against the action's schema.
    #[schema(value_type = Object)]
    pub input: serde_json::Value,
}

/// What acting brought.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ActionResult {
    /// What the plugin answered.
    #[schema(value_type = Object)]
    pub output: serde_json::Value,
    /// Items that were updated at once.
    pub items: u32,
}
