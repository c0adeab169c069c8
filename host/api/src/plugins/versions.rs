//! Kept versions.

use super::id;
use crate::app::App;
use crate::problem::Refusal;
use crate::router::Api;
use axum::Json;
use axum::extract::{Path, State};
use opssight_api_types::Page;
use opssight_api_types::plugins::versions::Version;
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list_versions))
}

/// The versions of a plugin that this host keeps, newest installation first.
#[utoipa::path(
    get, path = "/api/v1/plugins/{id}/versions", tag = "plugins",
    params(("id" = String, Path, description = "Which plugin.")),
    responses((status = 200, body = Page<Version>), (status = 404, description = "It is not installed."))
)]
async fn list_versions(
    State(app): State<Arc<App>>,
    Path(plugin): Path<String>,
) -> Result<Json<Page<Version>>, Refusal> {
    Ok(Json(Page::whole(Version::all_of(app.installs.find(&id(plugin)).await?))))
}
