//! Looking at a package before it is installed.

use super::package::{PACKAGE_BODY, Package};
use crate::app::App;
use crate::problem::Refusal;
use crate::router::Api;
use axum::Json;
use axum::extract::{DefaultBodyLimit, State};
use opssight_api_types::plugins::installs::{CataloguePackage, Inspection, PackageBytes};
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(inspect_package)).layer(DefaultBodyLimit::max(PACKAGE_BODY))
}

/// Look at a package: what it can do, who signed it, and whether it would be refused. Nothing is kept or compiled.
///
/// The signature is checked before anything is parsed: a package that this host does not believe has no inspection, and
/// the answer is the problem itself.
#[utoipa::path(
    post, path = "/api/v1/plugins/inspect", tag = "plugins",
    request_body(content((PackageBytes = "application/wasm"), (CataloguePackage = "application/json"))),
    responses(
        (status = 200, body = Inspection),
        (status = 400, description = "It is not a package, or not believed; the code says why."),
        (status = 404, description = "The catalogue has no such package."),
        (status = 413, description = "Too large."),
    )
)]
async fn inspect_package(State(app): State<Arc<App>>, package: Package) -> Result<Json<Inspection>, Refusal> {
    Ok(Json(app.installs.inspect(&package.bytes).await?.into()))
}
