//! What could be installed.

use crate::app::App;
use crate::extract::Query;
use crate::problem::Refusal;
use crate::router::Api;
use axum::Json;
use axum::extract::{Path, State};
use opssight_api_types::Page;
use opssight_api_types::plugins::installs::{CatalogueAnswer, CatalogueEntry, CatalogueQuery, CatalogueVersion};
use opssight_core::id::PluginId;
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

const LIMIT: u32 = 50;
const MOST: u32 = 500;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(search_catalogue)).routes(routes!(list_catalogue_versions))
}

/// Plugins that the configured catalogues offer, beside what is installed here.
#[utoipa::path(
    get, path = "/api/v1/catalogue", tag = "plugins", params(CatalogueQuery),
    responses((status = 200, body = CatalogueAnswer), (status = 502, description = "No catalogue answers."))
)]
async fn search_catalogue(
    State(app): State<Arc<App>>,
    Query(query): Query<CatalogueQuery>,
) -> Result<Json<CatalogueAnswer>, Refusal> {
    let limit = usize::try_from(query.limit.unwrap_or(LIMIT).clamp(1, MOST)).unwrap_or(usize::MAX);
    let found = app.catalogue.search(query.query.as_deref().unwrap_or_default(), limit).await?;
    let items = found.entries.into_iter().map(|entry| {
        let running = app.plugins.manifest(&PluginId(entry.id.clone()), None);
        CatalogueEntry::of(entry, running.map(|manifest| manifest.version.to_string()))
    });
    Ok(Json(CatalogueAnswer { items: items.collect(), problems: found.problems }))
}

/// The versions of a plugin that the catalogues have, newest first.
#[utoipa::path(
    get, path = "/api/v1/catalogue/{id}", tag = "plugins",
    params(("id" = String, Path, description = "Which plugin.")),
    responses((status = 200, body = Page<CatalogueVersion>), (status = 404, description = "No catalogue has it."), (status = 502, description = "No catalogue answers."))
)]
async fn list_catalogue_versions(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
) -> Result<Json<Page<CatalogueVersion>>, Refusal> {
    let versions = app.catalogue.versions(&id).await?;
    Ok(Json(Page::whole(versions.into_iter().map(CatalogueVersion::from).collect())))
}
