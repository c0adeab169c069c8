//! Uninstalling.

use super::{id, to_its_end};
use crate::app::App;
use crate::auth::Caller;
use crate::extract::Query;
use crate::problem::Refusal;
use crate::router::Api;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use opssight_api_types::plugins::changes::UninstallQuery;
use opssight_core::plugins::installs::Installs;
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(uninstall_plugin))
}

/// Uninstall a plugin with all its versions. The record of what happened to it stays.
#[utoipa::path(
    delete, path = "/api/v1/plugins/{id}", tag = "plugins",
    params(("id" = String, Path, description = "Which plugin."), UninstallQuery),
    responses((status = 204, description = "Gone."), (status = 404, description = "It is not installed."))
)]
async fn uninstall_plugin(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(plugin): Path<String>,
    Query(query): Query<UninstallQuery>,
) -> Result<StatusCode, Refusal> {
    let plugin = id(plugin);
    let work = |desk: Installs| async move { desk.uninstall(&plugin, query.data.into(), &caller.name).await };
    to_its_end(&app, work).await?;
    Ok(StatusCode::NO_CONTENT)
}
