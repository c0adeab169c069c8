//! Signing in.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Sign in with an address and a password, or with the admin's secret.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// Whose account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Its password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// The secret that the first start printed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// What the session is for, shown in the list of sessions: "ada's laptop".
    #[serde(default)]
    pub label: Option<String>,
}

/// A session. Browsers also get it as an HttpOnly cookie.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Session {
    /// Bearer token; shown this once.
    pub token: String,
    /// When it stops working.
    pub expires_at: DateTime<Utc>,
}

/// A session that somebody has.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct OwnSession {
    /// Which.
    pub id: String,
    /// What it is for.
    pub label: String,
    /// Whether it is the one that asks.
    pub current: bool,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// When it stops working.
    pub expires_at: DateTime<Utc>,
}

/// Another password.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPassword {
    /// The one until now.
    pub current: String,
    /// The one from now on: at least 12 characters that nobody would guess.
    pub new: String,
}

/// Who is asking.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Me {
    /// Their name: an address, "admin", or "key" and its name.
    pub name: String,
    /// Which person; absent for keys and for whoever has the admin's secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// Their role: "admin".
    pub role: String,
    /// When this session, or this key, stops working.
    pub expires_at: DateTime<Utc>,
}
