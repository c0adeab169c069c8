//! The live stream, `GET /api/v1/live` (server-sent events).

use crate::units::utc;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

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

/// Which events, from where on.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LiveQuery {
    /// Resume after this place, for clients that cannot send the header `Last-Event-ID`; the header wins.
    pub last_event_id: Option<String>,
    /// Only events about this thing.
    pub subject: Option<String>,
    /// Only events whose type begins so: `dev.cdevents.pipelinerun.`.
    pub kind_prefix: Option<String>,
}

impl From<opssight_core::events::Event> for LiveEvent {
    fn from(event: opssight_core::events::Event) -> Self {
        Self {
            specversion: "1.0".to_owned(),
            id: event.seq.to_string(),
            kind: event.kind,
            source: format!("/connections/{}", event.connection),
            subject: event.subject,
            time: utc(event.at),
            data: event.data,
        }
    }
}
