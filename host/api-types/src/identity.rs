//! Signing in.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Sign in with the admin secret.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// The secret that the first start printed.
    pub secret: String,
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

/// Who is asking.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Me {
    /// Their name: "admin", or "key" and its name.
    pub name: String,
    /// Their role: "admin".
    pub role: String,
    /// When this session, or this key, stops working.
    pub expires_at: DateTime<Utc>,
}
