//! The versions of a plugin that this host keeps.

use crate::app::App;
use crate::problem::Refusal;
use crate::router::Api;
use axum::Json;
use axum::extract::{Path, State};
use opssight_api_types::plugins::installs::Installation;
use opssight_core::id::PluginId;
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list_versions))
}

/// The kept versions of a plugin, how each stands, and what would change with it.
#[utoipa::path(
    get, path = "/api/v1/plugins/{id}/versions", tag = "plugins",
    params(("id" = String, Path, description = "Which plugin.")),
    responses((status = 200, body = Installation), (status = 404, description = "No such plugin."))
)]
async fn list_versions(State(app): State<Arc<App>>, Path(id): Path<PluginId>) -> Result<Json<Installation>, Refusal> {
    Ok(Json(Installation::of(app.installs.find(&id).await?)))
}
