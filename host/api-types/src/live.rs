//! The live stream, `GET /api/v1/live` (server-sent events).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One event: a CloudEvent in structured JSON. The SSE `id` is its place in the log; send it back as
/// `Last-Event-ID` to resume. An SSE event named `resync` means that the place is too old: load everything again.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct LiveEvent {
    /// Always "1.0".
    pub specversion: String,
    /// Place in the log.
    pub id: String,
    /// `dev.cdevents.pipelinerun.finished.0.3.0` and the like, or `dev.opssight.*` where CDEvents has no word.
    #[serde(rename = "type")]
    pub kind: String,
    /// `/connections/<id>`.
    pub source: String,
    /// Our id of the thing.
    pub subject: String,
    /// When it happened.
    pub time: DateTime<Utc>,
    /// A short form of the thing: ids, service, state, result.
    #[schema(value_type = Object)]
    pub data: serde_json::Value,
}
