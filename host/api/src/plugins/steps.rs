//! One step in the life of an installed plugin.

use crate::app::App;
use crate::auth::Caller;
use crate::extract::{Json as Body, Query};
use crate::problem::Refusal;
use crate::router::Api;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use opssight_api_types::plugins::installs::{
    Installation, ReasonGiven, RollbackRequest, ShadowRequest, UninstallQuery, VersionChoice,
};
use opssight_core::id::PluginId;
use opssight_core::plugins::installs::{Data, Install, InstallError, ShadowRule};
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(approve_version))
        .routes(routes!(reject_version))
        .routes(routes!(enable_plugin))
        .routes(routes!(disable_plugin))
        .routes(routes!(rollback_plugin))
        .routes(routes!(shadow_version))
        .routes(routes!(promote_shadow))
        .routes(routes!(drop_shadow))
}

type Stepped = Result<Json<Installation>, Refusal>;

fn shown(install: Result<Install, InstallError>) -> Stepped {
    Ok(Json(Installation::of(install?)))
}

/// Agree to the version that waits: it runs from now on, for all connections.
#[utoipa::path(
    post, path = "/api/v1/plugins/{id}/approve", tag = "plugins", request_body = VersionChoice,
    params(("id" = String, Path, description = "Which plugin.")),
    responses((status = 200, body = Installation), (status = 404, description = "No such plugin or version."), (status = 409, description = "It does not wait."))
)]
async fn approve_version(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<PluginId>,
    Body(choice): Body<VersionChoice>,
) -> Stepped {
    shown(app.installs.approve(&id, &choice.digest, caller.name).await)
}

/// Refuse the version that waits: the one that runs goes on.
#[utoipa::path(
    post, path = "/api/v1/plugins/{id}/reject", tag = "plugins", request_body = VersionChoice,
    params(("id" = String, Path, description = "Which plugin.")),
    responses((status = 200, body = Installation), (status = 404, description = "No such plugin or version."), (status = 409, description = "It does not wait."))
)]
async fn reject_version(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<PluginId>,
    Body(choice): Body<VersionChoice>,
) -> Stepped {
    shown(app.installs.reject(&id, &choice.digest, caller.name).await)
}

/// Make calls again.
#[utoipa::path(
    post, path = "/api/v1/plugins/{id}/enable", tag = "plugins",
    params(("id" = String, Path, description = "Which plugin.")),
    responses((status = 200, body = Installation), (status = 404, description = "No such plugin."))
)]
async fn enable_plugin(State(app): State<Arc<App>>, caller: Caller, Path(id): Path<PluginId>) -> Stepped {
    shown(app.installs.enable(&id, true, caller.name).await)
}

/// Make no calls until told otherwise. Deliveries are taken, and wait.
#[utoipa::path(
    post, path = "/api/v1/plugins/{id}/disable", tag = "plugins",
    params(("id" = String, Path, description = "Which plugin.")),
    responses((status = 200, body = Installation), (status = 404, description = "No such plugin."))
)]
async fn disable_plugin(State(app): State<Arc<App>>, caller: Caller, Path(id): Path<PluginId>) -> Stepped {
    shown(app.installs.enable(&id, false, caller.name).await)
}

/// Go back to the version that ran before, or to another one that ran here.
#[utoipa::path(
    post, path = "/api/v1/plugins/{id}/rollback", tag = "plugins", request_body = Option<RollbackRequest>,
    params(("id" = String, Path, description = "Which plugin.")),
    responses((status = 200, body = Installation), (status = 404, description = "No such plugin or version."), (status = 409, description = "There is nothing to go back to."))
)]
async fn rollback_plugin(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<PluginId>,
    body: Option<Body<RollbackRequest>>,
) -> Stepped {
    let RollbackRequest { digest, reason } = body.map(|Body(body)| body).unwrap_or_default();
    let why = reason.unwrap_or_else(|| format!("{} asked for it", caller.name));
    shown(app.installs.rollback(&id, digest.as_deref(), caller.name, &why).await)
}

/// Compare a kept version with the one that runs, before anything depends on it.
#[utoipa::path(
    post, path = "/api/v1/plugins/{id}/shadow", tag = "plugins", request_body = ShadowRequest,
    params(("id" = String, Path, description = "Which plugin.")),
    responses((status = 200, body = Installation), (status = 404, description = "No such plugin or version."), (status = 409, description = "It runs already, or was revoked."))
)]
async fn shadow_version(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<PluginId>,
    Body(request): Body<ShadowRequest>,
) -> Stepped {
    let rule = ShadowRule::default();
    let rule = ShadowRule {
        calls: request.calls.unwrap_or(rule.calls),
        differences: request.differences.unwrap_or(rule.differences),
    };
    shown(app.installs.shadow(&id, &request.digest, rule, caller.name).await)
}

/// Let the shadow take over now. What it wants is agreed to with it.
#[utoipa::path(
    post, path = "/api/v1/plugins/{id}/promote", tag = "plugins",
    params(("id" = String, Path, description = "Which plugin.")),
    responses((status = 200, body = Installation), (status = 404, description = "No such plugin."), (status = 409, description = "Nothing is compared."))
)]
async fn promote_shadow(State(app): State<Arc<App>>, caller: Caller, Path(id): Path<PluginId>) -> Stepped {
    shown(app.installs.promote(&id, caller.name).await)
}

/// Let go of the shadow.
#[utoipa::path(
    post, path = "/api/v1/plugins/{id}/drop", tag = "plugins", request_body = Option<ReasonGiven>,
    params(("id" = String, Path, description = "Which plugin.")),
    responses((status = 200, body = Installation), (status = 404, description = "No such plugin."), (status = 409, description = "Nothing is compared."))
)]
async fn drop_shadow(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<PluginId>,
    body: Option<Body<ReasonGiven>>,
) -> Stepped {
    let why = body.and_then(|Body(body)| body.reason).unwrap_or_else(|| format!("{} asked for it", caller.name));
    shown(app.installs.drop_shadow(&id, caller.name, &why).await)
}

/// Uninstall a plugin.
#[utoipa::path(
    delete, path = "/api/v1/plugins/{id}", tag = "plugins", params(("id" = String, Path, description = "Which plugin."), UninstallQuery),
    responses((status = 204, description = "It is gone."), (status = 404, description = "No such plugin."))
)]
pub(super) async fn uninstall_plugin(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<PluginId>,
    Query(query): Query<UninstallQuery>,
) -> Result<StatusCode, Refusal> {
    let data = match query.data.as_deref() {
        None | Some("keep") => Data::Keep,
        Some("remove") => Data::Remove,
        Some(_) => return Err(Refusal::field("/data", "must be `keep` or `remove`")),
    };
    app.installs.uninstall(&id, data, caller.name).await?;
    Ok(StatusCode::NO_CONTENT)
}
