//! What is installed.

use crate::app::App;
use crate::problem::Refusal;
use crate::router::Api;
use axum::Json;
use axum::extract::{Path, State};
use opssight_api_types::Page;
use opssight_api_types::plugins::Plugin;
use opssight_core::id::PluginId;
use opssight_core::plugins::InstalledPlugin;
use opssight_core::plugins::installs::{Install, Version};
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list_plugins)).routes(routes!(show_plugin))
}

/// Installed plugins, by id.
#[utoipa::path(get, path = "/api/v1/plugins", tag = "plugins", responses((status = 200, body = Page<Plugin>)))]
async fn list_plugins(State(app): State<Arc<App>>) -> Result<Json<Page<Plugin>>, Refusal> {
    let installs = app.installs.list().await?;
    let mut plugins: Vec<Plugin> =
        installs.iter().filter_map(|install| plugin(&app, &install.plugin, Some(install))).collect();
    for running in app.plugins.installed() {
        if !plugins.iter().any(|plugin| plugin.id == running.manifest.id) {
            plugins.push(Plugin::of(running, None, true));
        }
    }
    plugins.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(Json(Page::whole(plugins)))
}

/// One plugin: what it is, what it can do and what it did.
#[utoipa::path(
    get, path = "/api/v1/plugins/{id}", tag = "plugins",
    params(("id" = String, Path, description = "Which plugin: `github`.")),
    responses((status = 200, body = Plugin), (status = 404, description = "It is not installed."))
)]
async fn show_plugin(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<Json<Plugin>, Refusal> {
    let id = PluginId(id);
    let install = app.installs.store.install(&id).await?;
    plugin(&app, &id, install.as_ref()).map(Json).ok_or_else(|| Refusal::not_found("plugin", id.as_str()))
}

/// A plugin as it runs, or as it is kept when nothing of it does.
pub(super) fn plugin(app: &App, id: &PluginId, install: Option<&Install>) -> Option<Plugin> {
    if let Some(running) = app.plugins.find(id) {
        return Some(Plugin::of(running, install, true));
    }
    let install = install?;
    let version = install.active().or_else(|| install.versions.first())?;
    Some(Plugin::of(kept(version), Some(install), false))
}

fn kept(version: &Version) -> InstalledPlugin {
    InstalledPlugin {
        manifest: Arc::new(version.manifest.clone()),
        digest: version.digest.clone(),
        size: version.size,
        imports: version.imports.clone(),
        exports: version.exports.clone(),
        budgets: Default::default(),
        stats: Default::default(),
    }
}
