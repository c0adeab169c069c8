//! Comparing a version with the active one before anything depends on it.

use super::{changed, id, reason};
use crate::app::App;
use crate::auth::Caller;
use crate::extract::Json as Body;
use crate::problem::Refusal;
use crate::router::Api;
use axum::Json;
use axum::extract::{Path, State};
use opssight_api_types::plugins::Plugin;
use opssight_api_types::plugins::changes::{DropShadow, NewShadow, OfVersion};
use opssight_core::plugins::installs::{Installs, ShadowRule};
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(shadow_version)).routes(routes!(promote_shadow)).routes(routes!(drop_shadow))
}

/// A rule that can end.
pub(super) fn rule(at: &str, calls: u64, differences: u64) -> Result<ShadowRule, Refusal> {
    if !(1..=1_000_000).contains(&calls) {
        return Err(Refusal::field(at, "must be 1 to 1000000"));
    }
    Ok(ShadowRule { calls, differences })
}

/// Compare a kept version with the active one. By its rule it is promoted or dropped.
#[utoipa::path(
    post, path = "/api/v1/plugins/{id}/shadow", tag = "plugins", request_body = NewShadow,
    params(("id" = String, Path, description = "Which plugin.")),
    responses(
        (status = 200, body = Plugin),
        (status = 404, description = "No such plugin, or no such version of it."),
        (status = 409, description = "It is the active version, or nothing runs to compare it with."),
    )
)]
async fn shadow_version(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(plugin): Path<String>,
    Body(body): Body<NewShadow>,
) -> Result<Json<Plugin>, Refusal> {
    let (plugin, rule) = (id(plugin), rule("/calls", body.calls, body.differences)?);
    let work = |desk: Installs| async move { desk.shadow(&plugin, &body.digest, rule, &caller.name).await };
    changed(&app, work).await
}

/// Make the shadow the active version now, and agree to what it wants.
#[utoipa::path(
    post, path = "/api/v1/plugins/{id}/promote", tag = "plugins", request_body = OfVersion,
    params(("id" = String, Path, description = "Which plugin.")),
    responses(
        (status = 200, body = Plugin),
        (status = 404, description = "It is not installed."),
        (status = 409, description = "It has no shadow, or another one."),
    )
)]
async fn promote_shadow(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(plugin): Path<String>,
    Body(body): Body<OfVersion>,
) -> Result<Json<Plugin>, Refusal> {
    let plugin = id(plugin);
    changed(&app, |desk| async move { desk.promote(&plugin, &body.digest, &caller.name).await }).await
}

/// Let go of the shadow.
#[utoipa::path(
    post, path = "/api/v1/plugins/{id}/drop", tag = "plugins", request_body = DropShadow,
    params(("id" = String, Path, description = "Which plugin.")),
    responses(
        (status = 200, body = Plugin),
        (status = 404, description = "It is not installed."),
        (status = 409, description = "It has no shadow, or another one."),
    )
)]
async fn drop_shadow(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(plugin): Path<String>,
    Body(body): Body<DropShadow>,
) -> Result<Json<Plugin>, Refusal> {
    let (plugin, why) = (id(plugin), reason(body.reason));
    let work = |desk: Installs| async move { desk.drop_shadow(&plugin, &body.digest, &caller.name, &why).await };
    changed(&app, work).await
}
