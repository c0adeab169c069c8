//! Deciding about versions, and switching calls on and off.

use super::{changed, id, reason, to_its_end};
use crate::app::App;
use crate::auth::Caller;
use crate::extract::Json as Body;
use crate::problem::Refusal;
use crate::router::Api;
use axum::Json;
use axum::extract::{Path, State};
use opssight_api_types::plugins::Plugin;
use opssight_api_types::plugins::changes::{OfVersion, Revoke, Rollback, Stopped};
use opssight_core::plugins::installs::{Installs, RevocationTarget};
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(approve_version))
        .routes(routes!(reject_version))
        .routes(routes!(enable_plugin))
        .routes(routes!(disable_plugin))
        .routes(routes!(roll_back_plugin))
        .routes(routes!(revoke_plugin))
}

/// Agree to the version that waits: it runs from now on, for all connections.
#[utoipa::path(
    post, path = "/api/v1/plugins/{id}/approve", tag = "plugins", request_body = OfVersion,
    params(("id" = String, Path, description = "Which plugin.")),
    responses(
        (status = 200, body = Plugin),
        (status = 404, description = "No such plugin, or no such version of it."),
        (status = 409, description = "That version does not wait, or was revoked."),
    )
)]
async fn approve_version(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(plugin): Path<String>,
    Body(body): Body<OfVersion>,
) -> Result<Json<Plugin>, Refusal> {
    let plugin = id(plugin);
    changed(&app, |desk| async move { desk.approve(&plugin, &body.digest, &caller.name).await }).await
}

/// Refuse the version that waits; the active one goes on.
#[utoipa::path(
    post, path = "/api/v1/plugins/{id}/reject", tag = "plugins", request_body = OfVersion,
    params(("id" = String, Path, description = "Which plugin.")),
    responses(
        (status = 200, body = Plugin),
        (status = 404, description = "No such plugin, or no such version of it."),
        (status = 409, description = "That version does not wait."),
    )
)]
async fn reject_version(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(plugin): Path<String>,
    Body(body): Body<OfVersion>,
) -> Result<Json<Plugin>, Refusal> {
    let plugin = id(plugin);
    changed(&app, |desk| async move { desk.reject(&plugin, &body.digest, &caller.name).await }).await
}

/// Make calls of a plugin again.
#[utoipa::path(
    post, path = "/api/v1/plugins/{id}/enable", tag = "plugins",
    params(("id" = String, Path, description = "Which plugin.")),
    responses((status = 200, body = Plugin), (status = 404, description = "It is not installed."))
)]
async fn enable_plugin(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(plugin): Path<String>,
) -> Result<Json<Plugin>, Refusal> {
    switch(&app, caller, plugin, true).await
}

/// Make no calls of a plugin. Deliveries are taken all the same, and wait.
#[utoipa::path(
    post, path = "/api/v1/plugins/{id}/disable", tag = "plugins",
    params(("id" = String, Path, description = "Which plugin.")),
    responses((status = 200, body = Plugin), (status = 404, description = "It is not installed."))
)]
async fn disable_plugin(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(plugin): Path<String>,
) -> Result<Json<Plugin>, Refusal> {
    switch(&app, caller, plugin, false).await
}

async fn switch(app: &App, caller: Caller, plugin: String, on: bool) -> Result<Json<Plugin>, Refusal> {
    let plugin = id(plugin);
    changed(app, |desk| async move { desk.enable(&plugin, on, &caller.name).await }).await
}

/// Go back to the version that ran before, or to another that ran here.
///
/// What is left does not come back by itself. Deliveries that it failed by its own fault are processed again.
#[utoipa::path(
    post, path = "/api/v1/plugins/{id}/rollback", tag = "plugins", request_body = Rollback,
    params(("id" = String, Path, description = "Which plugin.")),
    responses(
        (status = 200, body = Plugin),
        (status = 404, description = "No such plugin, or no such version of it."),
        (status = 409, description = "There is nothing to go back to, or that version never ran or was revoked."),
    )
)]
async fn roll_back_plugin(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(plugin): Path<String>,
    Body(body): Body<Rollback>,
) -> Result<Json<Plugin>, Refusal> {
    let (plugin, why) = (id(plugin), reason(body.reason));
    let work = |desk: Installs| async move { desk.rollback(&plugin, body.digest.as_deref(), &caller.name, &why).await };
    changed(&app, work).await
}

/// Stop a plugin, or one version of it, now and until the revocation is lifted. Calls under way are interrupted.
#[utoipa::path(
    post, path = "/api/v1/plugins/{id}/revoke", tag = "plugins", request_body = Revoke,
    params(("id" = String, Path, description = "Which plugin.")),
    responses((status = 200, body = Stopped), (status = 404, description = "No such plugin, or no such version of it."))
)]
async fn revoke_plugin(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(plugin): Path<String>,
    Body(body): Body<Revoke>,
) -> Result<Json<Stopped>, Refusal> {
    let (plugin, why) = (id(plugin), reason(body.reason));
    let work = |desk: Installs| async move {
        let target = match body.digest {
            None => RevocationTarget::Plugin(desk.find(&plugin).await?.plugin),
            Some(digest) => RevocationTarget::Digest(desk.version(&plugin, &digest).await?.digest),
        };
        desk.revoke(target, &why, &caller.name).await
    };
    Ok(Json(Stopped { interrupted: to_its_end(&app, work).await? }))
}
