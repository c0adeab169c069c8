//! What somebody may do.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Whose.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PermissionQuery {
    /// `me` (also if absent), a role, or `key` and the name of one: "key ci of the shop".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who: Option<String>,
}

/// Somebody, and everything that they may or may not do.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Judged {
    /// Who.
    pub who: String,
    /// Their role.
    pub role: String,
    /// Everything that there is to be allowed.
    pub permissions: Vec<Permission>,
}

/// Something that may be allowed.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Permission {
    /// What is done: "change".
    pub verb: String,
    /// To what: "connections".
    pub what: String,
    /// Whether they may.
    pub allowed: bool,
    /// Why, or why not.
    pub because: String,
}
