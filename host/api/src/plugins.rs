//! Installed plugins.

mod abilities;
mod calls;

use crate::app::App;
use crate::problem::Refusal;
use crate::router::Api;
use axum::Json;
use axum::extract::{Path, State};
use opssight_api_types::Page;
use opssight_api_types::plugins::Plugin;
use opssight_core::id::PluginId;
use opssight_core::plugins::InstalledPlugin;
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list_plugins)).routes(routes!(show_plugin)).merge(calls::routes())
}

/// Installed plugins, by id.
#[utoipa::path(get, path = "/api/v1/plugins", tag = "plugins", responses((status = 200, body = Page<Plugin>)))]
async fn list_plugins(State(app): State<Arc<App>>) -> Json<Page<Plugin>> {
    Json(Page::whole(app.plugins.installed().into_iter().map(shown).collect()))
}

/// One plugin: what it is, what it can do and what it did.
#[utoipa::path(
    get, path = "/api/v1/plugins/{id}", tag = "plugins",
    params(("id" = String, Path, description = "Which plugin: `github`.")),
    responses((status = 200, body = Plugin), (status = 404, description = "It is not installed."))
)]
async fn show_plugin(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<Json<Plugin>, Refusal> {
    let id = PluginId(id);
    let installed = app.plugins.find(&id).ok_or_else(|| Refusal::not_found("plugin", id.as_str()))?;
    Ok(Json(shown(installed)))
}

fn shown(installed: InstalledPlugin) -> Plugin {
    let abilities = abilities::of(&installed.manifest, &installed.imports);
    Plugin::of(installed, abilities)
}
