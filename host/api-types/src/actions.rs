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

/// Further input of an action on a run; the run itself is named by the address.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ActionInput {
    /// The input, without what identifies the run.
    #[schema(value_type = Option<Object>)]
    pub input: Option<serde_json::Map<String, serde_json::Value>>,
}

impl From<opssight_core::actions::Acted> for ActionResult {
    fn from(acted: opssight_core::actions::Acted) -> Self {
        Self { output: acted.output, items: acted.items }
    }
}
