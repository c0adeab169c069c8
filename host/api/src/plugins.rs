//! Plugins: what runs here. What is installed, updated and withdrawn stands in the files below, one noun each.

mod catalogue;
mod events;
mod package;
mod packages;
mod publishers;
mod revocations;
mod steps;
mod versions;

use crate::app::App;
use crate::problem::Refusal;
use crate::router::Api;
use axum::Json;
use axum::extract::{Path, State};
use opssight_api_types::Page;
use opssight_api_types::plugins::Plugin;
use opssight_core::id::PluginId;
use opssight_core::plugins::installs::Install;
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list_plugins, packages::install_plugin))
        .routes(routes!(packages::inspect_package))
        // Fixed words before the names of plugins.
        .merge(revocations::routes())
        .merge(publishers::routes())
        .merge(catalogue::routes())
        .routes(routes!(show_plugin, steps::uninstall_plugin))
        .merge(steps::routes())
        .merge(versions::routes())
        .merge(events::routes())
        .layer(axum::extract::DefaultBodyLimit::max(package::MAX_BYTES))
}

/// Installed plugins, by id.
#[utoipa::path(get, path = "/api/v1/plugins", tag = "plugins", responses((status = 200, body = Page<Plugin>)))]
async fn list_plugins(State(app): State<Arc<App>>) -> Result<Json<Page<Plugin>>, Refusal> {
    let installs = app.installs.list().await?;
    let of = |id: &str| installs.iter().find(|install| install.plugin.as_str() == id);
    let shown = app.plugins.installed().into_iter().map(|plugin| {
        let install: Option<&Install> = of(&plugin.manifest.id);
        Plugin::of(plugin, install)
    });
    Ok(Json(Page::whole(shown.collect())))
}

/// One plugin: what it is, what it can do and what it did.
#[utoipa::path(
    get, path = "/api/v1/plugins/{id}", tag = "plugins",
    params(("id" = String, Path, description = "Which plugin: `github`.")),
    responses((status = 200, body = Plugin), (status = 404, description = "It is not installed."))
)]
async fn show_plugin(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<Json<Plugin>, Refusal> {
    let id = PluginId(id);
    let running = app.plugins.find(&id).ok_or_else(|| Refusal::not_found("plugin", id.as_str()))?;
    let install = app.installs.store.install(&id).await?;
    Ok(Json(Plugin::of(running, install.as_ref())))
}
