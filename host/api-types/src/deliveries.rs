//! The delivery log: what upstreams pushed and what became of it.

use crate::units::utc;
use chrono::{DateTime, Utc};
use opssight_core::hooks;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// Accepted, durable, waiting.
    Pending,
    /// A worker has it.
    Processing,
    /// Applied.
    Done,
    /// Understood; it carries nothing to show.
    Ignored,
    /// Failed, will be tried again.
    Retrying,
    /// Failed for good; can be replayed.
    Failed,
    /// Refused at the door (bad signature, too large); its body was not kept.
    Rejected,
}

/// One delivery.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Delivery {
    /// Our id.
    pub id: String,
    /// The connection it came to.
    pub connection: String,
    /// The upstream's id of it.
    pub delivery_id: String,
    /// The event's name, where the upstream says one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// What became of it.
    pub state: DeliveryState,
    /// Size of the body in bytes.
    pub size: u64,
    /// When it was accepted.
    pub received_at: DateTime<Utc>,
    /// When it was done with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<DateTime<Utc>>,
    /// Times that a worker took it.
    pub attempts: u32,
    /// When it is tried next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// Items that it brought.
    pub items: u32,
    /// Why it brought none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// What went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<DeliveryError>,
}

/// What went wrong with a delivery.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DeliveryError {
    /// Whose fault: "sender", "plugin", "upstream", "policy", "host".
    pub fault: String,
    /// Machine readable: "signature-mismatch", "github.bad-payload".
    pub code: String,
    /// For people.
    pub message: String,
}

/// A delivery with what it carried.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DeliveryDetail {
    /// The delivery.
    pub delivery: Delivery,
    /// Headers that were kept.
    pub headers: Vec<(String, String)>,
    /// The body as text, if it is kept and is text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

/// What the hook endpoint answers.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Accepted {
    /// Our id of the delivery.
    pub id: String,
    /// It had been accepted before; nothing was done.
    pub duplicate: bool,
}

/// Which deliveries.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DeliveryQuery {
    /// Only of this connection.
    pub connection: Option<String>,
    /// Only in this state.
    #[param(inline)]
    pub state: Option<DeliveryState>,
    /// Only of this event.
    pub event: Option<String>,
    /// Where the page before ended.
    pub cursor: Option<String>,
    /// Rows on a page, 1 to 200.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<u32>,
}

impl From<hooks::DeliveryState> for DeliveryState {
    fn from(state: hooks::DeliveryState) -> Self {
        match state {
            hooks::DeliveryState::Pending => Self::Pending,
            hooks::DeliveryState::Processing => Self::Processing,
            hooks::DeliveryState::Done => Self::Done,
            hooks::DeliveryState::Ignored => Self::Ignored,
            hooks::DeliveryState::Retrying => Self::Retrying,
            hooks::DeliveryState::Failed => Self::Failed,
            hooks::DeliveryState::Rejected => Self::Rejected,
        }
    }
}

impl From<DeliveryState> for hooks::DeliveryState {
    fn from(state: DeliveryState) -> Self {
        match state {
            DeliveryState::Pending => Self::Pending,
            DeliveryState::Processing => Self::Processing,
            DeliveryState::Done => Self::Done,
            DeliveryState::Ignored => Self::Ignored,
            DeliveryState::Retrying => Self::Retrying,
            DeliveryState::Failed => Self::Failed,
            DeliveryState::Rejected => Self::Rejected,
        }
    }
}

impl From<hooks::Delivery> for Delivery {
    fn from(delivery: hooks::Delivery) -> Self {
        Self {
            id: delivery.id.0,
            connection: delivery.connection.0,
            delivery_id: delivery.upstream_id,
            event: delivery.event,
            state: delivery.state.into(),
            size: delivery.size,
            received_at: utc(delivery.received_at),
            finished_at: delivery.finished_at.map(utc),
            attempts: delivery.attempts,
            next_attempt_at: delivery.next_attempt_at.map(utc),
            items: delivery.items,
            note: delivery.note,
            error: delivery.fault.map(DeliveryError::from),
        }
    }
}

impl From<hooks::DeliveryFault> for DeliveryError {
    fn from(fault: hooks::DeliveryFault) -> Self {
        Self { fault: fault.fault, code: fault.code, message: fault.message }
    }
}

impl From<(hooks::Delivery, hooks::DeliveryBody)> for DeliveryDetail {
    fn from((delivery, carried): (hooks::Delivery, hooks::DeliveryBody)) -> Self {
        let body = carried.body.and_then(|body| String::from_utf8(body).ok());
        Self { delivery: delivery.into(), headers: carried.headers, body }
    }
}

impl From<hooks::Accepted> for Accepted {
    fn from(accepted: hooks::Accepted) -> Self {
        Self { id: accepted.id.0, duplicate: accepted.duplicate }
    }
}
