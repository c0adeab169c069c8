//! Keys of programs.

use crate::units::utc;
use chrono::{DateTime, Utc};
use opssight_core::identity;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What somebody may do. Each may what those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Look, and change nothing.
    Viewer,
    /// Act on runs, sync connections, replay deliveries.
    Operator,
    /// Everything.
    Admin,
}

impl From<identity::Role> for Role {
    fn from(role: identity::Role) -> Self {
        match role {
            identity::Role::Viewer => Self::Viewer,
            identity::Role::Operator => Self::Operator,
            identity::Role::Admin => Self::Admin,
        }
    }
}

impl From<Role> for identity::Role {
    fn from(role: Role) -> Self {
        match role {
            Role::Viewer => Self::Viewer,
            Role::Operator => Self::Operator,
            Role::Admin => Self::Admin,
        }
    }
}

/// A key to make.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewApiKey {
    /// What it is for: "ci of the shop". Keys are told apart by it.
    pub name: String,
    /// What it may do; at most your own.
    pub role: Role,
    /// How many days it lasts, at most 366.
    #[serde(default = "days")]
    #[schema(default = 90, minimum = 1, maximum = 366)]
    pub days: u32,
}

fn days() -> u32 {
    90
}

/// A key, without its secret.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ApiKey {
    /// Which.
    pub id: String,
    /// What it is for.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// By whom.
    pub created_by: String,
    /// When it stops working.
    pub expires_at: DateTime<Utc>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
}

/// A key that was made.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct MadeApiKey {
    /// For `Authorization: Bearer`; shown this once.
    pub secret: String,
    /// The key.
    pub key: ApiKey,
}

impl From<identity::ApiKey> for ApiKey {
    fn from(key: identity::ApiKey) -> Self {
        Self {
            id: key.id.0,
            name: key.name,
            role: key.role.into(),
            created_at: utc(key.created_at),
            created_by: key.created_by,
            expires_at: utc(key.expires_at),
            last_used_at: key.last_used_at.map(utc),
        }
    }
}
