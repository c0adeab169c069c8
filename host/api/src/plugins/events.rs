//! What happened to a plugin.

use super::id;
use crate::app::App;
use crate::extract::Query;
use crate::problem::Refusal;
use crate::router::Api;
use axum::Json;
use axum::extract::{Path, State};
use opssight_api_types::Page;
use opssight_api_types::plugins::versions::{EventQuery, PluginEvent};
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

const LARGEST: u32 = 200;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list_plugin_events))
}

/// What happened to a plugin, newest first; also after it was uninstalled.
#[utoipa::path(
    get, path = "/api/v1/plugins/{id}/events", tag = "plugins",
    params(("id" = String, Path, description = "Which plugin."), EventQuery),
    responses((status = 200, body = Page<PluginEvent>))
)]
async fn list_plugin_events(
    State(app): State<Arc<App>>,
    Path(plugin): Path<String>,
    Query(query): Query<EventQuery>,
) -> Result<Json<Page<PluginEvent>>, Refusal> {
    let limit = query.limit.unwrap_or(50);
    if !(1..=LARGEST).contains(&limit) {
        return Err(Refusal::field("/limit", format!("must be between 1 and {LARGEST}")));
    }
    let before = query.cursor.map(|cursor| cursor.parse::<i64>()).transpose();
    let before = before.map_err(|_| Refusal::field("/cursor", "is not a cursor that an earlier page gave"))?;
    let mut found = app.installs.store.events(Some(&id(plugin)), before, limit + 1).await?;
    let is_more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let next_cursor = found.last().filter(|_| is_more).map(|event| event.seq.to_string());
    Ok(Json(Page { items: found.into_iter().map(PluginEvent::from).collect(), next_cursor }))
}
