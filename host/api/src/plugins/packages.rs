//! Packages on their way in: look first, then install.

use super::package::Package;
use crate::app::App;
use crate::auth::Caller;
use crate::extract::Query;
use crate::problem::Refusal;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use opssight_api_types::plugins::installs::{FromCatalogue, Inspection, InstallAnswer, InstallQuery};
use opssight_core::plugins::installs::{Approval, InstallRequest, ShadowRule};
use std::sync::Arc;

/// What a package is, what it can do and what would change, before anything is kept or compiled.
///
/// Send the package as `application/wasm`, or say as `application/json` where the catalogue has it.
#[utoipa::path(
    post, path = "/api/v1/plugins/inspect", tag = "plugins",
    request_body(content((FromCatalogue = "application/json"), (Vec<u8> = "application/wasm"))),
    responses(
        (status = 200, body = Inspection),
        (status = 400, description = "It is no package, or nobody vouches for it; `code` says which."),
        (status = 502, description = "The catalogue does not answer."),
    )
)]
pub(super) async fn inspect_package(
    State(app): State<Arc<App>>,
    package: Package,
) -> Result<Json<Inspection>, Refusal> {
    let (bytes, _) = package.take(&app).await?;
    Ok(Json(app.installs.inspect(&bytes).await?.into()))
}

/// Install a plugin, or update one.
///
/// A new plugin, and an update that wants more, need `consent`: the digest whose abilities somebody agreed to. Without it
/// an update waits, and the version that runs goes on.
#[utoipa::path(
    post, path = "/api/v1/plugins", tag = "plugins", params(InstallQuery),
    request_body(content((FromCatalogue = "application/json"), (Vec<u8> = "application/wasm"))),
    responses(
        (status = 200, description = "It ran already.", body = InstallAnswer),
        (status = 201, description = "It runs.", body = InstallAnswer),
        (status = 202, description = "It waits for approval, or is compared with the version that runs.", body = InstallAnswer),
        (status = 400, description = "It is no package, or nobody vouches for it; `code` says which."),
        (status = 409, description = "It may not be installed like this; `code` says why: `consent-needed`, `downgrade`, `similar-name`, ..."),
        (status = 502, description = "The catalogue does not answer."),
    )
)]
pub(super) async fn install_plugin(
    State(app): State<Arc<App>>,
    caller: Caller,
    Query(query): Query<InstallQuery>,
    package: Package,
) -> Result<(StatusCode, Json<InstallAnswer>), Refusal> {
    let (package, source) = package.take(&app).await?;
    let rule = ShadowRule::default();
    let request = InstallRequest {
        package,
        source,
        consent: query.consent,
        allow_similar_name: query.allow_similar_name.unwrap_or(false),
        shadow: query
            .shadow_calls
            .map(|calls| ShadowRule { calls, differences: query.shadow_differences.unwrap_or(rule.differences) }),
        actor: caller.name.to_owned(),
    };
    let installed = app.installs.install(request).await?;
    let (status, approval) = match installed.approval {
        Approval::Active => (StatusCode::CREATED, "active"),
        Approval::Unchanged => (StatusCode::OK, "unchanged"),
        Approval::Waiting => (StatusCode::ACCEPTED, "waiting"),
        Approval::Shadow => (StatusCode::ACCEPTED, "shadow"),
    };
    Ok((status, Json(InstallAnswer { approval: approval.to_owned(), inspection: installed.inspection.into() })))
}
