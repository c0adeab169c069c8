//! What happened to plugins.

use crate::app::App;
use crate::extract::Query;
use crate::problem::Refusal;
use crate::router::Api;
use axum::Json;
use axum::extract::{Path, State};
use opssight_api_types::Page;
use opssight_api_types::plugins::installs::{EventQuery, PluginEvent};
use opssight_core::id::PluginId;
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

const LIMIT: u32 = 50;
const MOST: u32 = 500;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list_events))
}

/// What happened to a plugin, newest first: installed, approved, rolled back, revoked, left alone for failing.
#[utoipa::path(
    get, path = "/api/v1/plugins/{id}/events", tag = "plugins",
    params(("id" = String, Path, description = "Which plugin; it need not be installed any more."), EventQuery),
    responses((status = 200, body = Page<PluginEvent>), (status = 400, description = "The cursor is none of ours."))
)]
async fn list_events(
    State(app): State<Arc<App>>,
    Path(id): Path<PluginId>,
    Query(query): Query<EventQuery>,
) -> Result<Json<Page<PluginEvent>>, Refusal> {
    let before = query
        .cursor
        .map(|cursor| cursor.parse().map_err(|_| Refusal::field("/cursor", "is none that this host gave")))
        .transpose()?;
    let limit = query.limit.unwrap_or(LIMIT).clamp(1, MOST);
    let events = app.installs.store.events(Some(&id), before, limit).await?;
    let next_cursor = events
        .last()
        .filter(|_| events.len() == usize::try_from(limit).unwrap_or(usize::MAX))
        .map(|event| event.seq.to_string());
    Ok(Json(Page { items: events.into_iter().map(PluginEvent::from).collect(), next_cursor }))
}
