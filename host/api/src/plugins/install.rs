//! Installing and updating.

use super::package::{PACKAGE_BODY, Package};
use super::to_its_end;
use crate::app::App;
use crate::auth::Caller;
use crate::extract::Query;
use crate::problem::Refusal;
use crate::router::Api;
use axum::Json;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use opssight_api_types::plugins::installs::{CataloguePackage, InstallQuery, Installed, PackageBytes};
use opssight_core::plugins::installs::{Approval, InstallRequest, ShadowRule};
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(install_plugin)).layer(DefaultBodyLimit::max(PACKAGE_BODY))
}

/// Install a plugin, or update one.
///
/// A new plugin needs `consent`: the digest of the package, once somebody saw what it can do. An update that can do no
/// more than the version that runs is applied without; one that can do more waits until it is approved, and the old
/// version goes on. The package is compiled before the answer, which takes minutes for a very large one.
#[utoipa::path(
    post, path = "/api/v1/plugins", tag = "plugins", params(InstallQuery),
    request_body(content((PackageBytes = "application/wasm"), (CataloguePackage = "application/json"))),
    responses(
        (status = 201, description = "It runs.", body = Installed),
        (status = 200, description = "Nothing changed.", body = Installed),
        (status = 202, description = "It waits for approval, or is compared with the version that runs.", body = Installed),
        (status = 400, description = "It is not a package, not believed, or does not compile; the code says why."),
        (status = 409, description = "It may not be installed as things stand; the code says why. `consent-needed` comes with the inspection."),
        (status = 413, description = "Too large."),
    )
)]
async fn install_plugin(
    State(app): State<Arc<App>>,
    caller: Caller,
    Query(query): Query<InstallQuery>,
    package: Package,
) -> Result<(StatusCode, Json<Installed>), Refusal> {
    let request = InstallRequest {
        package: package.bytes,
        source: package.source,
        shadow: shadow(&query)?,
        consent: query.consent,
        allow_similar_name: query.allow_similar_name.unwrap_or(false),
        actor: caller.name,
    };
    let installed = to_its_end(&app, |installs| async move { installs.install(request).await }).await?;
    let status = match installed.approval {
        Approval::Active => StatusCode::CREATED,
        Approval::Unchanged => StatusCode::OK,
        Approval::Waiting | Approval::Shadow => StatusCode::ACCEPTED,
    };
    Ok((status, Json(installed.into())))
}

fn shadow(query: &InstallQuery) -> Result<Option<ShadowRule>, Refusal> {
    match (query.shadow_calls, query.shadow_differences) {
        (None, None) => Ok(None),
        (None, Some(_)) => Err(Refusal::field("/shadow_differences", "needs shadow_calls beside it")),
        (Some(calls), differences) => super::shadow::rule("/shadow_calls", calls, differences.unwrap_or(0)).map(Some),
    }
}
