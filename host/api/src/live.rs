//! `GET /api/v1/live`: what happens, as it happens.

mod follower;

use crate::app::App;
use crate::auth::Caller;
use crate::extract::Query;
use crate::limits::Limits;
use crate::problem::Refusal;
use crate::router::Api;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName};
use axum::response::IntoResponse;
use axum::response::sse::{KeepAlive, Sse};
use follower::Follower;
use opssight_api_types::live::{LiveEvent, LiveQuery};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Proxies close what is silent for a minute.
const HEARTBEAT: Duration = Duration::from_secs(15);
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(follow_live))
}

/// Events as they happen, as server-sent events.
///
/// Each event's `id` is its place in the log: sent back as `Last-Event-ID`, the stream goes on after it. The stream
/// begins with an event `ready` (at the end of the log) when no place is named, and with an event `resync` when the
/// place is not in the log any more: load everything again. It ends with the session and when the host stops.
#[utoipa::path(
    get, path = "/api/v1/live", tag = "live",
    params(LiveQuery, ("Last-Event-ID" = Option<String>, Header, description = "Resume after this place.")),
    responses(
        (status = 200, description = "Each event's data is a `LiveEvent`.", body = LiveEvent, content_type = "text/event-stream"),
        (status = 503, description = "Too many streams are open; see `Retry-After`."),
    )
)]
async fn follow_live(
    State(app): State<Arc<App>>,
    State(limits): State<Arc<Limits>>,
    State(stopping): State<CancellationToken>,
    caller: Caller,
    headers: HeaderMap,
    Query(query): Query<LiveQuery>,
) -> Result<impl IntoResponse, Refusal> {
    let place = limits.stream()?;
    let header = headers.get(LAST_EVENT_ID).map(|id| id.to_str().unwrap_or_default().to_owned());
    let follower = Follower::start(&app, caller.token, header, query, stopping).await?;
    let stream = futures::stream::unfold((follower, place), |(mut follower, place)| async move {
        let event = follower.next().await?;
        Some((Ok::<_, std::convert::Infallible>(event), (follower, place)))
    });
    // Some proxies hold streams back until they have "enough".
    let unbuffered = [(HeaderName::from_static("x-accel-buffering"), "no")];
    Ok((unbuffered, Sse::new(stream).keep_alive(KeepAlive::new().interval(HEARTBEAT))))
}
