//! What can be installed.

use crate::app::App;
use crate::extract::Query;
use crate::problem::Refusal;
use crate::router::Api;
use axum::Json;
use axum::extract::{Path, State};
use opssight_api_types::plugins::catalogue::{
    CatalogueEntry, CatalogueFound, CatalogueQuery, CatalogueVersion, CatalogueVersions,
};
use opssight_core::error::Kind;
use opssight_core::id::PluginId;
use opssight_core::plugins::catalogue::Catalogue;
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

const LARGEST: u32 = 200;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(search_catalogue)).routes(routes!(show_catalogue_versions))
}

/// The catalogue of this host, if it has one.
pub(super) fn of(app: &App) -> Result<&dyn Catalogue, Refusal> {
    let missing = || {
        let detail = "this host has no catalogue: name places that offer plugins in its configuration \
                      (plugins.catalogues), or install a file";
        Refusal::new(Kind::Conflict, detail).with_code("no-catalogue")
    };
    app.catalogue.as_deref().ok_or_else(missing)
}

/// Plugins that can be installed.
#[utoipa::path(
    get, path = "/api/v1/catalogue", tag = "plugins", params(CatalogueQuery),
    responses(
        (status = 200, body = CatalogueFound),
        (status = 409, description = "No catalogue is configured."),
        (status = 502, description = "No place could be looked at."),
    )
)]
async fn search_catalogue(
    State(app): State<Arc<App>>,
    Query(query): Query<CatalogueQuery>,
) -> Result<Json<CatalogueFound>, Refusal> {
    let limit = query.limit.unwrap_or(50);
    if !(1..=LARGEST).contains(&limit) {
        return Err(Refusal::field("/limit", format!("must be between 1 and {LARGEST}")));
    }
    let found = of(&app)?.search(query.query.as_deref().unwrap_or_default(), limit as usize).await?;
    let entries = found.entries.into_iter().map(|entry| {
        let installed = app.plugins.find(&PluginId(entry.id.clone()));
        CatalogueEntry::of(entry, installed.map(|plugin| plugin.manifest.version.to_string()))
    });
    Ok(Json(CatalogueFound { items: entries.collect(), problems: found.problems }))
}

/// The versions of a plugin that can be installed, newest first.
#[utoipa::path(
    get, path = "/api/v1/catalogue/{id}", tag = "plugins",
    params(("id" = String, Path, description = "Which plugin.")),
    responses(
        (status = 200, body = CatalogueVersions),
        (status = 404, description = "No place offers it."),
        (status = 409, description = "No catalogue is configured."),
        (status = 502, description = "The place could not be looked at."),
    )
)]
async fn show_catalogue_versions(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
) -> Result<Json<CatalogueVersions>, Refusal> {
    let versions = of(&app)?.versions(&id).await?;
    Ok(Json(CatalogueVersions { id, items: versions.into_iter().map(CatalogueVersion::from).collect() }))
}
